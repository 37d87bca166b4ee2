"""`ome ask`: one question to a running service."""

from typing import Annotated

import typer

from pipelines.command import options
from pipelines.command.output import Output, OutputFormat, plain, print_data


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ask)


def ask(
    service: Annotated[str, typer.Argument(help="Name of a service from `ome get services`.")],
    prompt: Annotated[str, typer.Argument(help="The question.")],
    namespace: options.Namespace = "default",
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="Length of the answer at most.")] = 256,
    output: Output = OutputFormat.table,
) -> None:
    """Ask a running service and print its answer."""
    from pipelines.command.namespaced_name import split_name
    from pipelines.command.service import running_service
    from steps.ask_endpoint import AskEndpointInputs, ask_endpoint

    _, endpoint = running_service(*split_name(service, namespace))
    answer = ask_endpoint(AskEndpointInputs(endpoint=endpoint, prompt=prompt, max_tokens=max_tokens))
    if output is OutputFormat.table:
        typer.echo(answer.answer.strip())
    else:
        print_data(plain(answer), output)

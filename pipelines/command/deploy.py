"""`ome deploy`: choose a runtime for an imported model, start it, and ask it a question."""

import json

import typer

from pipelines.command import options
from pipelines.command.output import Output, OutputFormat, print_data, print_pairs
from pipelines.command.select import MODEL, print_choice

PROMPT = "In one sentence: what is a language model?"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(deploy)


def deploy(
    model: str = MODEL,
    service: options.Service = "",
    namespace: options.Namespace = "default",
    runtime: options.Runtime = "",
    accelerator: options.Accelerator = "",
    context: options.Context = 0,
    fit: options.Fit = "warn",
    prompt: options.Prompt = PROMPT,
    output: Output = OutputFormat.table,
) -> None:
    """Start an imported model as a service.

    Chooses a runtime, waits until it is healthy and asks it a question. It keeps running until `ome delete service`
    or `ome down`.
    """
    from pipelines.command.pipeline import output_of, run_pipeline
    from pipelines.command.service import hardware_arguments
    from steps.home import checked_name

    name = checked_name("--service", service) if service else model
    arguments = {
        "model": model,
        "service": name,
        "namespace": namespace,
        "runtime": runtime,
        **hardware_arguments(name, namespace, accelerator),
        "context": str(context),
        "fit": fit,
        "prompt": prompt,
    }
    record = run_pipeline("deploy-model", arguments)
    choice = json.loads(output_of(record, "select-runtime", "choice"))
    endpoint = json.loads(output_of(record, "deploy-service", "endpoint"))
    answer = output_of(record, "ask-endpoint", "answer")
    if output is OutputFormat.table:
        print_choice(choice)
        typer.echo("")
        print_pairs([("url", f"{endpoint['url']}/v1"), ("model", endpoint["modelName"]), ("answer", answer.strip())])
    else:
        print_data({"choice": choice, "endpoint": endpoint, "answer": answer}, output)

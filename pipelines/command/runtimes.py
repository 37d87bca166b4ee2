"""`ome runtimes`: what can serve models, and why a runtime would or would not serve one."""

from typing import TYPE_CHECKING, cast

import typer

from pipelines.command import options
from pipelines.command.explained import print_explained
from pipelines.command.output import Output, OutputFormat, plain, print_data
from pipelines.command.select import MODEL

if TYPE_CHECKING:
    from steps.select_runtime import SelectInputs

app = typer.Typer(name="runtimes", help="Serving runtimes: explain a choice.")


@app.callback()
def runtimes() -> None:
    """Serving runtimes: explain a choice."""


@app.command()
def explain(
    model: str = MODEL,
    namespace: options.Namespace = "default",
    runtime: options.Runtime = "",
    accelerator: options.Accelerator = "",
    service: options.AskingService = "",
    context: options.Context = 0,
    sequences: options.Parallel = 1,
    output: Output = OutputFormat.table,
) -> None:
    """Print each runtime's verdict for a model, and why.

    It is chosen, ranked lower or refused.
    """
    from pipelines.command.catalogue import seed_catalogue
    from pipelines.command.service import hardware_arguments
    from steps.contract import find_step, read_inputs
    from steps.select_runtime import explain_runtimes

    seed_catalogue()
    asked = {
        "model": model,
        "namespace": namespace,
        "runtime": runtime,
        **hardware_arguments(service, namespace, accelerator, is_there=True),
        "context": str(context),
        "concurrency": str(sequences),
    }
    rows = explain_runtimes(cast("SelectInputs", read_inputs(find_step("select-runtime"), asked)))
    if output is OutputFormat.table:
        print_explained(rows)
    else:
        print_data([plain(row) for row in rows], output)

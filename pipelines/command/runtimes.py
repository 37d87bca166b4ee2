"""`ome runtimes`: what can serve models, and why a runtime would or would not serve one."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from pipelines.command import options
from pipelines.command.explained import print_explained
from pipelines.command.install import Kubeconfig
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
    protocol: options.Protocol = "",
    accelerator: options.Accelerator = "",
    service: options.AskingService = "",
    context: options.Context = 0,
    sequences: options.Parallel = 1,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="On a cluster's nodes, not on this machine; so does --kubeconfig.")
    ] = False,
    kubeconfig: Kubeconfig = None,
    output: Output = OutputFormat.table,
) -> None:
    """Print each runtime's verdict for a model, and why.

    It is chosen, ranked lower or refused. On a cluster it is what the deployment of a service would choose now; what
    it has chosen is in the service's `status.selection`.
    """
    from pipelines.command.catalogue import seed_catalogue
    from pipelines.command.cluster_site import facts_on_cluster, open_site
    from pipelines.command.service import hardware_arguments
    from steps.contract import find_step, read_inputs
    from steps.select_runtime import explain_runtimes
    from steps.surroundings import this_site

    is_cluster = cluster or kubeconfig is not None
    if not is_cluster:
        seed_catalogue()
    site = open_site(kubeconfig) if is_cluster else this_site()
    asked = {
        "model": model,
        "namespace": namespace,
        "runtime": runtime,
        "protocol": protocol,
        **hardware_arguments(service, namespace, accelerator, is_there=True, resources=site.resources),
        "context": str(context),
        "concurrency": str(sequences),
    }
    inputs = cast("SelectInputs", read_inputs(find_step("select-runtime"), asked))
    if is_cluster:
        inputs = inputs.model_copy(update={"facts": facts_on_cluster(site, model, namespace)})
    rows = explain_runtimes(inputs, site)
    if output is OutputFormat.table:
        print_explained(rows)
    else:
        print_data([plain(row) for row in rows], output)

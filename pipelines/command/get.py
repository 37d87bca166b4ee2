"""`ome get`: resources of this machine or of a cluster, as a table, JSON or YAML."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.command import options
from pipelines.command.install import Context, Kubeconfig
from pipelines.command.output import Output, OutputFormat, print_data, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pipelines.command.resource_table import Resource

    List = Callable[[str, str], Sequence[Resource]]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(get)


def get(
    kind: Annotated[str, typer.Argument(help="models, services, runtimes, or a kind's name.")] = "all",
    name: Annotated[str, typer.Argument(help="One resource of that kind.")] = "",
    namespace: options.Namespace = "",
    cluster: options.Cluster = False,
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    output: Output = OutputFormat.table,
) -> None:
    """List resources, or show one.

    Of a model that is being imported on a cluster, also how far it is, how fast, and which node is the slowest; of one
    service also why it has its runtime.
    """
    from pipelines.command.kind_name import kinds_of
    from pipelines.command.namespaced_name import split_name
    from pipelines.command.resource_table import choice_of, columns_of, progress_of, row_of, trouble_of
    from steps.errors import NotFoundError

    name, namespace = split_name(name, namespace)
    kinds = kinds_of(kind)
    is_cluster = cluster or kubeconfig is not None or bool(context)
    list_kind = _of_cluster(kubeconfig, context) if is_cluster else _of_this_machine()
    found = {k: [r for r in list_kind(k, namespace) if not name or r["metadata"]["name"] == name] for k in kinds}
    if name and not any(found.values()):
        there = ", ".join(r["metadata"]["name"] for k in kinds for r in list_kind(k, namespace)) or "none"
        raise NotFoundError(f'{kind} "{name}" does not exist', remedy=f"There are: {there}.")
    everything = [resource for rows in found.values() for resource in rows]
    if output is not OutputFormat.table:
        print_data(everything[0] if name and len(everything) == 1 else everything, output)
        return
    if not everything:
        where = f"in namespace {namespace}" if namespace else "on this cluster" if is_cluster else "here"
        how = "`kubectl apply`" if is_cluster else "`ome quickstart` or `ome onboard hf://organisation/name`"
        typer.echo(f"No {kind} {where} yet. {how} makes some.")
    shown = [(k, rows) for k, rows in found.items() if rows]
    for position, (k, rows) in enumerate(shown):
        if position:
            typer.echo("")
        print_table(columns_of(k), [row_of(r) for r in rows], title=k if len(kinds) > 1 else "")
        told = [f"{row_of(r)[0]}: {text}" for r in rows if (text := progress_of(r, datetime.now(UTC)))]
        told += [f"{row_of(r)[0]}: {text}" for r in rows if name and (text := choice_of(r))]
        told += [f"{row_of(r)[0]}: {text}" for r in rows if name and (text := trouble_of(r))]
        if told:
            typer.echo("\n" + "\n".join(told))


def _of_this_machine() -> "List":
    from pipelines.command.catalogue import seed_catalogue
    from steps.resources import ResourceFolder
    from steps.serving.deployments import refresh_services

    seed_catalogue()
    resources = ResourceFolder()
    refresh_services(resources)
    return resources.list


def _of_cluster(kubeconfig: "Path | None", context: str) -> "List":
    from crds.kinds import KINDS
    from pipelines.install.connection import RESOURCE_TYPES, connect
    from steps.errors import NotFoundError

    api = connect(kubeconfig, context)

    def resources(kind: str, namespace: str) -> "Sequence[Resource]":
        try:
            return tuple(api.list(RESOURCE_TYPES[kind], namespace if KINDS[kind].is_namespaced else ""))
        except NotFoundError:
            raise NotFoundError(
                f"the cluster at {api.server} does not know the kind {kind}",
                remedy="Install ome-pipelines there: `ome install`. `ome doctor` says what else is missing.",
            ) from None

    return resources

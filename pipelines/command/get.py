"""`ome get`: resources of this machine, as a table, JSON or YAML."""

from typing import Annotated

import typer

from pipelines.command import options
from pipelines.command.output import Output, OutputFormat, print_data, print_table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(get)


def get(
    kind: Annotated[str, typer.Argument(help="models, services, runtimes, or a kind's name.")] = "all",
    name: Annotated[str, typer.Argument(help="One resource of that kind.")] = "",
    namespace: options.Namespace = "",
    output: Output = OutputFormat.table,
) -> None:
    """List resources, or show one."""
    from pipelines.command.catalogue import seed_catalogue
    from pipelines.command.kind_name import kinds_of
    from pipelines.command.namespaced_name import split_name
    from pipelines.command.resource_table import columns_of, row_of
    from steps.errors import NotFoundError
    from steps.resources import ResourceFolder
    from steps.serving.deployments import refresh_services

    name, namespace = split_name(name, namespace)
    seed_catalogue()
    kinds, resources = kinds_of(kind), ResourceFolder()
    refresh_services(resources)
    found = {k: [r for r in resources.list(k, namespace) if not name or r["metadata"]["name"] == name] for k in kinds}
    if name and not any(found.values()):
        there = ", ".join(r["metadata"]["name"] for k in kinds for r in resources.list(k, namespace)) or "none"
        raise NotFoundError(f'{kind} "{name}" does not exist', remedy=f"There are: {there}.")
    everything = [resource for rows in found.values() for resource in rows]
    if output is not OutputFormat.table:
        print_data(everything[0] if name and len(everything) == 1 else everything, output)
        return
    if not everything:
        where = f"in namespace {namespace}" if namespace else "here"
        typer.echo(f"No {kind} {where} yet. `ome quickstart` or `ome onboard hf://organisation/name` makes some.")
    shown = [(k, rows) for k, rows in found.items() if rows]
    for position, (k, rows) in enumerate(shown):
        if position:
            typer.echo("")
        print_table(columns_of(k), [row_of(r) for r in rows], title=k if len(kinds) > 1 else "")

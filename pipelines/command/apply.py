"""`ome apply`: put resources of YAML files into this machine's folder, checked as the API would check them."""

import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(apply)


def apply(
    files: Annotated[list[str], typer.Option("--filename", "-f", help="A YAML file, or - for standard input.")],
) -> None:
    """Create or change resources from YAML files.

    On one machine nothing watches them: `ome import`, `ome deploy` and `ome benchmark` act on what is there.
    """
    from pipelines.command.catalogue import seed_catalogue
    from pipelines.command.checked_resource import load_resources, read_text
    from steps.resources import ResourceFolder

    read = [(file, *load_resources(read_text(file), file)) for file in files]  # all, before anything is applied
    seed_catalogue()
    for file, resources, warnings in read:
        for warning in warnings:
            sys.stderr.write(f"warning: {file}: {warning}\n")
        for resource in resources:
            kind, name = resource["kind"], resource["metadata"]["name"]
            ResourceFolder().apply(resource)
            typer.echo(f"{kind}/{name} applied")

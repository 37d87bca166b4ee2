"""`ome templates`: the workflow templates as YAML, for a cluster with Argo Workflows."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.command.output import print_table

app = typer.Typer(name="templates", help="The WorkflowTemplates that run on Argo.")


@app.command("list")
def list_templates() -> None:
    """List the workflow templates."""
    from pipelines.export import templates

    rows = [
        (name, template["metadata"]["annotations"]["workflows.argoproj.io/title"])
        for name, template in templates().items()
    ]
    print_table(("NAME", "TITLE"), rows)


@app.command()
def export(
    folder: Annotated[Path | None, typer.Option("--folder", help="Write one file a template into it.")] = None,
) -> None:
    """Print every workflow template as YAML.

    Such as: `ome templates export | kubectl apply -n ome -f -`.
    """
    from pipelines.export import export as export_to
    from pipelines.export import templates

    if folder is None:
        from crds.yaml_text import yaml_text

        sys.stdout.write(yaml_text(templates().values()))
        return
    for path in export_to(folder):
        typer.echo(str(path))

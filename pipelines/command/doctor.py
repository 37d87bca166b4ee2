"""`ome doctor`: what is missing on a cluster, each with its remedy."""

from typing import Annotated

import typer

from pipelines.command.install import Context, Kubeconfig
from pipelines.command.output import Output, OutputFormat, print_data


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    output: Output = OutputFormat.table,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as problems.")] = False,
) -> None:
    """Say what is missing on a cluster, each with its remedy. Exit code 21 when something does not work."""
    from dataclasses import asdict

    from pipelines.install.checks import findings
    from pipelines.install.connection import connect
    from pipelines.install.snapshot import take
    from steps.errors import ClusterError

    found = findings(take(connect(kubeconfig, context)))
    if output is not OutputFormat.table:
        print_data([asdict(each) for each in found], output)
    else:
        width = max(len(each.check) for each in found)
        for each in found:
            typer.echo(f"{_MARKS[each.state]} {each.check.ljust(width)}  {each.detail}")
            if each.remedy:
                typer.echo(f"  {''.ljust(width)}  → {each.remedy}")
    bad = ("error", "warning") if strict else ("error",)
    if any(each.state in bad for each in found):
        raise typer.Exit(ClusterError.exit_code)


_MARKS = {"ok": "✓", "warning": "!", "error": "✗"}

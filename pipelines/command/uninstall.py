"""`ome uninstall`: take ome-pipelines, and what was made with it, off a cluster."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.command.install import Context, Kubeconfig

if TYPE_CHECKING:
    from pipelines.install.remove import Installed


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(uninstall)


def uninstall(
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    keep_crds: Annotated[
        bool, typer.Option("--keep-crds", help="Keep definitions, every resource and the namespace ome.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before resources are deleted.")] = False,
    timeout: Annotated[
        int, typer.Option("--timeout", min=0, help="Seconds that the controller gets to take models off nodes.")
    ] = 300,
) -> None:
    """Take ome-pipelines off a cluster.

    Models, services and benchmarks are deleted first, after asking, while the controller still runs: it takes their
    files off the nodes. What it cannot do in time is said and given up. With --keep-crds all of them stay, and in the
    namespace whatever did not come with the installation.
    """
    from pipelines.install.connection import connect
    from pipelines.install.remove import look, remove

    api = connect(kubeconfig, context)
    typer.echo(f"{api.server}, Kubernetes {api.server_version()}")
    found = look(api)
    if found.resources and keep_crds:
        typer.echo(f"{len(found.resources)} resources stay; a later deletion of a model waits for `ome install`")
    elif found.resources and not yes:
        _ask(found)
    remove(api, found, typer.echo, keep_definitions=keep_crds, seconds=timeout)


def _ask(found: "Installed") -> None:
    """Show what people made, and go on only when told to.

    Raises:
        InvalidInputError: when nobody can be asked.
    """
    from collections import Counter

    from pipelines.command.output import format_count
    from steps.errors import InvalidInputError

    counts = Counter(each["kind"] for each in found.resources)
    what = ", ".join(format_count(count, kind) for kind, count in counts.items())
    if not found.has_controller:
        typer.echo("No controller is available: files of models stay on the nodes.")
    if not sys.stdin.isatty():
        raise InvalidInputError(
            f"this deletes {what}", remedy="Give --yes to delete them, or --keep-crds to keep them."
        )
    typer.confirm(f"This deletes {what}. Go on?", abort=True)

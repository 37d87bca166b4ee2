"""`ome install`: put ome-pipelines on a cluster, or say what that would do."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.install.bundle import Part
    from pipelines.install.connection import InstallApi
    from pipelines.install.options import Options

Kubeconfig = Annotated[
    Path | None, typer.Option("--kubeconfig", help="The cluster's kubeconfig; by default $KUBECONFIG.")
]
Context = Annotated[str, typer.Option("--context", help="A context of the kubeconfig; by default its current one.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(install)


def install(
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    argo: Annotated[
        Literal["existing", "bundled"] | None,
        typer.Option(
            "--argo",
            help="Use the cluster's own Argo Workflows, or bring one for the namespace ome; at first: existing.",
        ),
    ] = None,
    registry: Annotated[str, typer.Option("--image-registry", help="What goes before our images' names.")] = "",
    tag: Annotated[
        str, typer.Option("--image-tag", help="Tag of our images; at first, and for an upgrade, this version.")
    ] = "",
    argo_registry: Annotated[str, typer.Option("--argo-registry", help="The same for Argo's images.")] = "",
    models_root: Annotated[str, typer.Option("--models-root", help="Folder on nodes that holds models.")] = "",
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A variable of every step, such as HF_ENDPOINT=https://…; NAME= takes one away; repeatable.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until the controller is available.")] = True,
    timeout: Annotated[int, typer.Option("--timeout", min=1, help="Seconds to wait for the controller.")] = 180,
) -> None:
    """Install ome-pipelines on a cluster, or bring an installation up to date.

    What is not given stays as it was installed: a second run changes nothing. `ome doctor` says what is missing.
    """
    from pipelines.install.bundle import bundle
    from pipelines.install.connection import connect
    from pipelines.install.installed_options import kept, options_of, read_live
    from pipelines.install.options import given_options

    given = given_options(
        registry=registry, tag=tag, argo=argo, argo_registry=argo_registry, models_root=models_root,
        settings=setting or (),
    )  # fmt: skip
    api = connect(kubeconfig, context)
    typer.echo(f"{api.server}, Kubernetes {api.server_version()}")
    before = options_of(read_live(api))
    options = given.over(before)
    parts = bundle(options)
    if said := kept(before, options):
        typer.echo(f"kept from the installation: {', '.join(said)}")
    _check_argo(api, options)
    if dry_run:
        _show_plan(api, parts)
        return
    _install(api, parts, options, wait=wait, seconds=timeout)


def _check_argo(api: "InstallApi", options: "Options") -> None:
    """Refuse to begin what could not be finished.

    Raises:
        UnsupportedError: when Argo should be there and is not.
    """
    from pipelines.install.apply import has_argo
    from steps.errors import UnsupportedError

    if options.argo == "existing" and not has_argo(api):
        raise UnsupportedError(
            "this cluster has no Argo Workflows: workflowtemplates.argoproj.io is not defined",
            remedy="Bring it along with --argo bundled, or install Argo Workflows 3.7 or newer first.",
        )


def _show_plan(api: "InstallApi", parts: "Sequence[Part]") -> None:
    from pipelines.install.apply import TO_DO, plan, summary
    from pipelines.install.left_over import left_over
    from pipelines.install.objects import title_of

    for part, changes in plan(api, parts):
        typer.echo(f"{part.name}: {summary(changes, TO_DO)}")
        for change in changes:
            if change.action != "keep":
                typer.echo(f"  {change.action:7} {change.kind} {change.name}")
    for each in left_over(api, parts):
        typer.echo(f"left over from another version: {title_of(each)} to delete")
    typer.echo("nothing was changed (--dry-run)")


def _install(api: "InstallApi", parts: "Sequence[Part]", options: "Options", *, wait: bool, seconds: float) -> None:
    from pipelines.install.apply import apply, wait_for_deployments
    from pipelines.install.left_over import delete_left_over
    from pipelines.install.options import NAMESPACE

    apply(api, parts, typer.echo, seconds=60)
    delete_left_over(api, parts, typer.echo)
    if wait:
        names = [body["metadata"]["name"] for part in parts for body in part.objects if body["kind"] == "Deployment"]
        typer.echo(f"waiting for {', '.join(names)}")
        wait_for_deployments(api, NAMESPACE, names, seconds)
    typer.echo(f"installed in namespace {NAMESPACE}; `ome doctor` checks it")
    if options.argo == "existing":
        typer.echo(f"Argo Workflows has to watch the namespace {NAMESPACE}; --argo bundled brings one that does")

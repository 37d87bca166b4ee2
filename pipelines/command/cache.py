"""`ome cache`: what a models root holds, whether it is sound, and freeing room.

Of this machine; what is about the nodes of a cluster is in `pipelines.command.cluster_cache`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.command import options
from pipelines.command.cache_findings import print_pruned, print_verified, raise_faults, verified_data
from pipelines.command.install import Context, Kubeconfig
from pipelines.command.output import (
    Output,
    OutputFormat,
    format_bytes,
    plain,
    print_data,
    print_pairs,
    print_table,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.install.connection import InstallApi
    from steps.cache.survey import PassedOver
    from steps.cache.usage import ModelUsage, Usage

app = typer.Typer(name="cache", help="Models on disk, of this machine or of a cluster: list, du, verify, prune.")


@app.command("list")
def list_models(
    cluster: options.Cluster = False,
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    output: Output = OutputFormat.table,
) -> None:
    """List the models on disk, and imports that have not ended.

    NEEDED is whether a resource, a deployment or another home folder refers to the model; reserved: nothing does any
    more, and it stays. With --cluster: the models of each node, as the controller has recorded them.
    """
    if api := _cluster(cluster, kubeconfig, context):
        from pipelines.command.cluster_cache import list_on_cluster

        list_on_cluster(api, output)
        return
    from steps.cache.usage import read_usage

    usage = read_usage()
    _tell_passed_over(usage.passed_over)
    if output is not OutputFormat.table:
        print_data({"models": [plain(m) for m in usage.models], "imports": [plain(i) for i in usage.imports]}, output)
        return
    rows = [_model_row(model) for model in usage.models]
    for each in usage.imports:
        share = 100 * each.there_bytes // each.total_bytes if each.total_bytes else 0
        state = f"{'downloading' if each.is_running else 'interrupted'} {share} %"
        rows.append((each.folder or "?", "", "", format_bytes(each.total_bytes), "", "", "", state))
    if not rows:
        typer.echo(f"No models in {usage.root} yet. `ome import hf://organisation/name` brings one.")
        return
    print_table(("MODEL", "REVISION", "FILES", "SIZE", "SHARED", "USED", "NEEDED", "STATE"), rows)


@app.command()
def du(
    cluster: options.Cluster = False,
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    output: Output = OutputFormat.table,
) -> None:
    """Say what takes the disk's room.

    Each file counts once, though several models have it. With --cluster: what the models of each node take.
    """
    if api := _cluster(cluster, kubeconfig, context):
        from pipelines.command.cluster_cache import du_on_cluster

        du_on_cluster(api, output)
        return
    from steps.cache.usage import read_usage

    usage = read_usage()
    _tell_passed_over(usage.passed_over)
    if output is not OutputFormat.table:
        print_data(plain(usage), output)
        return
    rows = [(what, format_bytes(count)) for what, count in _parts(usage) if count]
    print_table(("ON DISK", "BYTES"), [*rows, ("total", format_bytes(usage.total_bytes))])
    typer.echo("")
    print_pairs(
        [
            ("root", usage.root),
            ("free", format_bytes(usage.free_bytes)),
            ("reserve", f"{format_bytes(usage.reserve_bytes)} (imports leave so much free)"),
        ]
    )


@app.command()
def verify(
    models: Annotated[list[str] | None, typer.Argument(help="Names of `ome cache list`; all if none.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Fetch damaged and missing files again; foreign ones stay.")
    ] = False,
    cluster: options.Cluster = False,
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    nodes: options.OnNode = None,
    secret: Annotated[
        str, typer.Option("--secret", help="With --cluster: Secret of the namespace ome with the sources' token.")
    ] = "",
    output: Output = OutputFormat.table,
) -> None:
    """Hash the files of models, and name what is wrong.

    That is what is damaged, missing or foreign; exit code 14 when there is any. Each file on disk is read once. Killed
    or cancelled, a repair goes on where it was when run again. With --cluster: by a run of the pipeline audit-cache,
    which also removes files that no model has.
    """
    if api := _cluster(cluster, kubeconfig, context):
        from pipelines.command.cluster_cache import verify_on_cluster

        _refuse("MODEL", bool(models), "An audit reads all models of a node: give --node, or leave the names out.")
        verify_on_cluster(api, nodes=nodes or (), is_repairing=repair, secret=secret, output=output)
        return
    _refuse_without_cluster({"--node": nodes, "--secret": secret})
    from steps.cache.repair import repair as repair_found
    from steps.cache.verifying import verify as verify_models

    with _progress("Verify the cache") as told:
        found = verify_models(models or (), told)
    _tell_passed_over(found.passed_over)
    repaired = None
    if repair:
        with _progress("Repair the cache") as told:
            repaired = repair_found(found, told)
    mended = set(repaired.mended) if repaired is not None else set()
    left = [fault for fault in found.faults if fault.path not in mended]
    if output is OutputFormat.table:
        print_verified(found, repaired, mended)
    else:
        print_data(verified_data(found, repaired, mended), output)
    raise_faults(left, repaired)


@app.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    older_than: Annotated[
        str, typer.Option("--older-than", help="How long downloads, and models, must have rested: 12h, 7d, 4w.")
    ] = "7d",
    models: Annotated[
        bool, typer.Option("--models", help="Models too that nothing refers to, least recently used first.")
    ] = False,
    cluster: options.Cluster = False,
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    nodes: options.OnNode = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --cluster: do not ask before it is done.")] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Remove what no model needs, and say what it frees.

    Objects that no model has, old downloads, and what killed commands left. What a running import needs stays, and so
    does what an interrupted one may go on with. With --cluster: by a run of the pipeline audit-cache, which also
    hashes every file of the models.
    """
    from pipelines.command.age import parse_age
    from steps.cache.pruning import prune as prune_cache

    if api := _cluster(cluster, kubeconfig, context):
        from pipelines.command.cluster_cache import prune_on_cluster

        _refuse("--models", models, "Delete models that nobody needs (`kubectl delete`): their files go with them.")
        rest = parse_age("--older-than", older_than)
        prune_on_cluster(api, nodes=nodes or (), rest_seconds=rest, is_dry_run=dry_run, is_sure=yes, output=output)
        return
    _refuse_without_cluster({"--node": nodes})
    pruned = prune_cache(parse_age("--older-than", older_than), with_models=models, is_dry_run=dry_run)
    _tell_passed_over(pruned.passed_over)
    if output is OutputFormat.table:
        print_pruned(pruned, is_dry_run=dry_run)
    else:
        print_data({**plain(pruned), "freedBytes": pruned.freed_bytes, "isDryRun": dry_run}, output)


def _cluster(is_asked: bool, kubeconfig: "Path | None", context: str) -> "InstallApi | None":
    """The cluster that a command is about; None for this machine."""
    if not (is_asked or kubeconfig is not None or context):
        return None
    from pipelines.install.connection import connect

    return connect(kubeconfig, context)


def _refuse(option: str, is_given: bool, remedy: str) -> None:
    from steps.errors import InvalidInputError

    if is_given:
        raise InvalidInputError(f"{option} cannot be given with --cluster", remedy=remedy)


def _refuse_without_cluster(given: "dict[str, object]") -> None:
    from steps.errors import InvalidInputError

    if names := [name for name, value in given.items() if value]:
        raise InvalidInputError(f"{names[0]} is for --cluster", remedy="Give --cluster too, or leave it out.")


def _tell_passed_over(folders: "Sequence[PassedOver]") -> None:
    for each in folders:
        typer.echo(f"{each.path} is passed over: it cannot be looked into ({each.reason})", err=True)


def _model_row(model: "ModelUsage") -> tuple[object, ...]:
    from pipelines.command.age import format_age

    used = format_age(time.time() - model.last_used)
    return (
        model.folder,
        model.revision[:12],
        model.files,
        format_bytes(model.bytes),
        format_bytes(model.shared_bytes) if model.shared_bytes else "",
        f"{used} ago",
        "yes" if model.is_needed else "reserved" if model.is_reserved else "no",
        "marker unreadable" if model.state == "unreadable" else model.state,
    )


def _parts(usage: "Usage") -> list[tuple[str, int]]:
    """What the total is made of, in words."""
    return [
        *((f"{model.folder} (its own)", model.disk_bytes) for model in usage.models),
        ("shared by several models", usage.shared_bytes),
        ("files of imports that have not ended", usage.unfinished_bytes),
        ("downloads that are not finished", usage.download_bytes),
        ("objects that no model has", usage.unreferenced_bytes),
        ("leftovers of killed commands", usage.leftover_bytes),
        ("the cache's own notes", usage.note_bytes),
        ("files that no import made", usage.other_bytes),
    ]


@contextmanager
def _progress(title: str) -> "Iterator[Callable[[str, int, int], None]]":
    """A bar on a terminal, else a line every few seconds; both on standard error."""
    from pathlib import Path

    from pipelines.command.console import RunConsole
    from pipelines.run_events import StepProgress, StepStarted
    from steps.progress import Progress

    began = time.monotonic()
    with RunConsole() as console:
        console.listen(StepStarted(path=title, title=title, attempt=1, log=Path()))

        def tell(phase: str, completed: int, total: int) -> None:
            rate = completed / max(0.001, time.monotonic() - began)
            moment = Progress(phase=phase, completed=completed, total=total, rate=rate)
            console.listen(StepProgress(path=title, title=title, progress=moment))

        yield tell

"""`ome cache`: what the models root of this machine holds, whether it is sound, and freeing room."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.command.output import (
    Output,
    OutputFormat,
    format_bytes,
    format_count,
    plain,
    print_data,
    print_pairs,
    print_table,
)

if TYPE_CHECKING:
    from pathlib import Path

    from steps.cache.pruning import Pruning
    from steps.cache.repair import Repaired
    from steps.cache.survey import PassedOver
    from steps.cache.usage import ModelUsage, Usage
    from steps.cache.verifying import Fault, Verification

app = typer.Typer(name="cache", help="Models on this machine's disk: list, du, verify, prune.")


@app.command("list")
def list_models(output: Output = OutputFormat.table) -> None:
    """List the models on disk, and imports that have not ended.

    NEEDED is whether a resource, a deployment or another home folder refers to the model.
    """
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
def du(output: Output = OutputFormat.table) -> None:
    """Say what takes the disk's room.

    Each file counts once, though several models have it.
    """
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
    output: Output = OutputFormat.table,
) -> None:
    """Hash the files of models, and name what is wrong.

    That is what is damaged, missing or foreign; exit code 14 when there is any. Each file on disk is read once. Killed
    or cancelled, a repair goes on where it was when run again.
    """
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
        _print_verified(found, repaired, mended)
    else:
        print_data(_verified_data(found, repaired, mended), output)
    _raise_faults(left, repaired)


@app.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    older_than: Annotated[
        str, typer.Option("--older-than", help="How long downloads, and models, must have rested: 12h, 7d, 4w.")
    ] = "7d",
    models: Annotated[
        bool, typer.Option("--models", help="Models too that nothing refers to, least recently used first.")
    ] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Remove what no model needs, and say what it frees.

    Objects that no model has, old downloads, and what killed commands left. What a running import needs stays, and so
    does what an interrupted one may go on with.
    """
    from pipelines.command.age import parse_age
    from steps.cache.pruning import prune as prune_cache

    pruned = prune_cache(parse_age("--older-than", older_than), with_models=models, is_dry_run=dry_run)
    _tell_passed_over(pruned.passed_over)
    if output is OutputFormat.table:
        _print_pruned(pruned, is_dry_run=dry_run)
    else:
        print_data({**plain(pruned), "freedBytes": pruned.freed_bytes, "isDryRun": dry_run}, output)


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
        "yes" if model.is_needed else "no",
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


def _print_verified(found: "Verification", repaired: "Repaired | None", mended: "set[Path]") -> None:
    if found.faults:
        rows = [(f.kind + (", mended" if f.path in mended else ""), f.path, f.expected, f.found) for f in found.faults]
        print_table(("FAULT", "FILE", "EXPECTED", "FOUND"), rows)
        typer.echo("")
    for name in found.replaced:
        typer.echo(f"{name} was replaced or removed meanwhile: verify it again")
    size = f"{format_count(found.files, 'file')}, {format_bytes(found.hashed_bytes)}"
    count = format_count(len(found.models), "model")
    typer.echo(f"{count}, {size} hashed: {format_count(len(found.faults), 'fault') if found.faults else 'all sound'}")
    if repaired is not None and found.faults:
        fetched = format_bytes(repaired.fetched_bytes)
        typer.echo(f"{format_count(len(mended), 'file')} mended, {fetched} fetched")


def _verified_data(found: "Verification", repaired: "Repaired | None", mended: "set[Path]") -> dict[str, object]:
    return {
        "models": [model.name for model in found.models],
        "files": found.files,
        "hashedBytes": found.hashed_bytes,
        "faults": [{**plain(fault), "isMended": fault.path in mended} for fault in found.faults],
        "replaced": list(found.replaced),
        "passedOver": [plain(each) for each in found.passed_over],
        "fetchedBytes": repaired.fetched_bytes if repaired is not None else 0,
    }


def _raise_faults(left: "Sequence[Fault]", repaired: "Repaired | None") -> None:
    """Raise the first reason why something is not mended, or else that something is wrong."""
    from steps.errors import IntegrityError

    if repaired is not None and repaired.failures:
        first, more = repaired.failures[0], len(repaired.failures) - 1
        also = f" (and {format_count(more, 'further failure')})" if more else ""
        raise type(first)(f"{first.message}{also}", remedy=first.remedy)
    if not left:
        return
    counts = {kind: sum(f.kind == kind for f in left) for kind in ("damaged", "missing", "foreign", "marker")}
    words = {"marker": "without a readable marker"}
    told = ", ".join(f"{count} {words.get(kind, kind)}" for kind, count in counts.items() if count)
    remedies = []
    if repaired is None and counts["damaged"] + counts["missing"]:
        remedies.append("`ome cache verify --repair` fetches damaged and missing files again.")
    elif counts["damaged"] + counts["missing"]:
        remedies.append("Run it again: the models were in use meanwhile.")
    if counts["foreign"]:
        remedies.append("Move foreign files away: nothing here does.")
    if counts["marker"]:
        remedies.append("Import a model without a marker again.")
    raise IntegrityError(f"the cache is not sound: {told}; the first is {left[0].path}", remedy=" ".join(remedies))


def _print_pruned(pruned: "Pruning", *, is_dry_run: bool) -> None:
    from pipelines.command.age import format_age

    if pruned.removals:
        now = time.time()
        print_table(
            ("WOULD GO" if is_dry_run else "GONE", "PATH", "USED", "FREED"),
            [(r.kind, r.path, f"{format_age(now - r.last_used)} ago", format_bytes(r.freed_bytes))
             for r in pruned.removals],
        )  # fmt: skip
        typer.echo("")
    for model in pruned.kept:
        typer.echo(f"{model.folder} stays: {model.reason}")
    verb = "would be freed" if is_dry_run else "freed"
    typer.echo(f"{format_bytes(pruned.freed_bytes)} {verb}" if pruned.removals else "Nothing to remove.")


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

"""What `ome cache verify` and `ome cache prune` found on this machine: tables, data, and the error it amounts to."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from pipelines.command.output import format_bytes, format_count, plain, print_table

if TYPE_CHECKING:
    from pathlib import Path

    from steps.cache.pruning import Pruning
    from steps.cache.repair import Repaired
    from steps.cache.verifying import Fault, Verification


def print_verified(found: "Verification", repaired: "Repaired | None", mended: "set[Path]") -> None:
    """Print what was found, and what of it is mended."""
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


def verified_data(found: "Verification", repaired: "Repaired | None", mended: "set[Path]") -> dict[str, object]:
    """The same as data."""
    return {
        "models": [model.name for model in found.models],
        "files": found.files,
        "hashedBytes": found.hashed_bytes,
        "faults": [{**plain(fault), "isMended": fault.path in mended} for fault in found.faults],
        "replaced": list(found.replaced),
        "passedOver": [plain(each) for each in found.passed_over],
        "fetchedBytes": repaired.fetched_bytes if repaired is not None else 0,
    }


def raise_faults(left: "Sequence[Fault]", repaired: "Repaired | None") -> None:
    """Raise the first reason why something is not mended, or else that something is wrong.

    Raises:
        OmeError: of the class of that reason; DamagedError where something is wrong.
    """
    from steps.errors import DamagedError

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
    raise DamagedError(f"the cache is not sound: {told}; the first is {left[0].path}", remedy=" ".join(remedies))


def print_pruned(pruned: "Pruning", *, is_dry_run: bool) -> None:
    """Print what went, or would go, and what it frees."""
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

"""Frees room on request: what no model has goes and, when asked, models that nothing refers to. For `ome cache`.

`plan_pruning` is pure and decides; `prune` carries it out, or only tells, with the store locked from the survey on.
"""

import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import time as seconds_since_epoch
from typing import Literal

from crds.labels import RESERVED
from steps.cache.claims import live_claims
from steps.cache.collection import GRACE_SECONDS, LEFTOVER_SECONDS, drop, remove_leftover
from steps.cache.earlier import earlier_revisions, is_served, superfluous
from steps.cache.folder import remove_tree
from steps.cache.references import References
from steps.cache.root import models_root
from steps.cache.store import ObjectStore, object_name
from steps.cache.survey import InodeKey, ModelFolder, PassedOver, StoredFile, Survey, survey
from steps.cache.usage import is_running
from steps.frozen import Frozen


class Removal(Frozen):
    """Something that goes.

    Attributes:
        kind: What it is; a "leftover" is what a killed command left.
        path: The file or folder.
        last_used: In seconds since the epoch.
        freed_bytes: What the disk gets back; nothing for a file that has a name elsewhere.
        objects: Files of the store that go with a model.
    """

    kind: Literal["leftover", "download", "object", "model"]
    path: Path
    last_used: float
    freed_bytes: int
    objects: tuple[Path, ...] = ()


class KeptModel(Frozen):
    """A model that stays, and why."""

    folder: str
    reason: str


class Pruning(Frozen):
    """What goes, in order, which models stay although they were looked at, and folders that cannot be looked into."""

    removals: tuple[Removal, ...] = ()
    kept: tuple[KeptModel, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()

    @property
    def freed_bytes(self) -> int:
        """What the disk gets back."""
        return sum(removal.freed_bytes for removal in self.removals)


def prune(
    older_than_seconds: float = LEFTOVER_SECONDS, *, with_models: bool = False, is_dry_run: bool = False
) -> Pruning:
    """Remove what nothing needs, and say what it was; in a dry run only say it.

    Args:
        older_than_seconds: How long downloads must have rested, and models must not have been used.
        with_models: Whether models go that nothing refers to.
        is_dry_run: Whether to remove nothing.

    Raises:
        OmeError: when it cannot be asked what refers to models.
        ClusterError: when a folder cannot be removed.
    """
    store = ObjectStore(models_root())
    read_references = cache(References)
    references = read_references() if with_models else None
    with store.locked():
        claimed = frozenset(object_name(c) for c in live_claims(store))
        going = superfluous(store, lambda each, known: is_served(read_references(), each, known))
        staying = (each for each in earlier_revisions(store) if each not in going)
        found = survey(store, claimed.union(*(each.objects for each in staying)), references)
        held = frozenset(_held(store, found))
        plan = plan_pruning(found, seconds_since_epoch(), older_than_seconds, with_models=with_models, held=held)
        if is_dry_run:
            return plan
        for each in going:
            each.path.unlink(missing_ok=True)
        return plan.model_copy(update={"removals": tuple(r for r in plan.removals if _remove(store, r))})


def plan_pruning(
    found: Survey,
    now: float,
    older_than_seconds: float,
    *,
    with_models: bool,
    held: frozenset[Path] = frozenset(),
) -> Pruning:
    """What goes: leftovers, old downloads, objects that nothing needs, then models, least recently used first. Pure.

    An object stays while a model that stays names it or has its file, while a running import claims it, and while an
    import that was interrupted less than `older_than_seconds` ago may go on with it.

    Args:
        found: What is there.
        now: Seconds since the epoch.
        older_than_seconds: See `prune`.
        with_models: See `prune`.
        held: Downloads and folders of `staging` that a process has open.
    """
    before = now - older_than_seconds
    young = [note for note in found.imports if note.noted > before or is_running(found, note)]
    kept_names = found.claimed.union(*(note.objects for note in young))
    names_left = {key: inode.links for key, inode in found.inodes.items()}

    def freed(inodes: Sequence[InodeKey]) -> int:
        for key, count in Counter(inodes).items():
            names_left[key] -= count
        return sum(found.inodes[key].disk_bytes for key in set(inodes) if names_left[key] == 0)

    removals: list[Removal] = []
    for leftover in found.leftovers:
        is_trash = (
            leftover.path.parent.name == "staging"
        )  # other files may be about to be renamed, however old is asked
        if leftover.path not in held and (is_trash or leftover.modified <= min(before, now - GRACE_SECONDS)):
            inodes = leftover.inodes
            removals.append(
                Removal(kind="leftover", path=leftover.path, last_used=leftover.modified, freed_bytes=freed(inodes))
            )
    for note in found.imports:
        if note not in young:
            removals.append(Removal(kind="leftover", path=note.path, last_used=note.noted, freed_bytes=0))
    for download in found.downloads:
        if download.name not in kept_names and download.modified <= before and download.path not in held:
            removals.append(_file("download", download, freed([download.inode])))
    users = _users(found)
    for each in found.objects:
        if each.name not in kept_names and not users[each.name]:
            removals.append(_file("object", each, freed([each.inode])))
    going, kept = _choose_models(found, young_folders={note.folder for note in young}, now=now, before=before)
    for model in going if with_models else ():
        alone = []
        for each in found.objects:
            if model.name in users[each.name]:
                users[each.name].discard(model.name)
                if not users[each.name] and each.name not in kept_names:
                    alone.append(each)
        inodes = (*model.files.values(), *(each.inode for each in alone))
        removals.append(
            Removal(
                kind="model",
                path=model.path,
                last_used=model.last_used,
                freed_bytes=freed(inodes),
                objects=tuple(each.path for each in alone),
            )
        )
    kept = kept if with_models else ()
    return Pruning(removals=tuple(removals), kept=kept, passed_over=found.passed_over)


def _choose_models(
    found: Survey, *, young_folders: set[str], now: float, before: float
) -> tuple[list[ModelFolder], tuple[KeptModel, ...]]:
    """Models that may go, least recently used first, and the others with a reason each."""
    going, kept = [], []
    for model in sorted(found.models, key=lambda model: (model.last_used, model.name)):
        if model.marker is None:
            reason = "its marker cannot be read, so that nobody knows whose it is"
        elif model.is_needed:
            reason = "something refers to it"
        elif model.marker.reserved:
            reason = f"it is reserved: its resource had the label {RESERVED} when it was deleted"
        elif model.name in young_folders:
            reason = "an import to it has not ended"
        elif model.last_used > min(before, now - GRACE_SECONDS):
            reason = "it was used lately"
        else:
            going.append(model)
            continue
        kept.append(KeptModel(folder=model.name, reason=reason))
    return going, tuple(kept)


def _users(found: Survey) -> dict[str, set[str]]:
    """Models by object: those that name it in their marker, or have its file."""
    holders: dict[InodeKey, set[str]] = {}
    names: dict[str, set[str]] = {}
    for model in found.models:
        for inode in model.files.values():
            holders.setdefault(inode, set()).add(model.name)
        for name in model.objects:
            names.setdefault(name, set()).add(model.name)
    return {each.name: names.get(each.name, set()) | holders.get(each.inode, set()) for each in found.objects}


def _file(kind: Literal["download", "object"], file: StoredFile, freed_bytes: int) -> Removal:
    return Removal(kind=kind, path=file.path, last_used=file.modified, freed_bytes=freed_bytes)


def _held(store: ObjectStore, found: Survey) -> Iterator[Path]:
    """Downloads that a process has, and folders of `staging` that one fills; with the store locked nobody removes."""
    for download in found.downloads:
        with _lock(download.path) as is_free:
            if not is_free:
                yield download.path
    for leftover in found.leftovers:
        with _lock(_lock_of(store, leftover.path)) as is_free:
            if not is_free:
                yield leftover.path


def _lock_of(store: ObjectStore, staging: Path) -> Path | None:
    """The lock of a folder that a model's files are prepared in, as `folder.hold_folder` names both."""
    if staging.parent.name != "staging" or staging.name.startswith("removed-"):
        return None
    return store.private / "locks" / f"{staging.name.partition('.')[0]}.lock"


@contextmanager
def _lock(path: Path | None) -> Iterator[bool]:
    """Hold a lock file where there is one; False when a process has it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if path is not None else None
    except FileNotFoundError:
        descriptor = None
    if descriptor is None:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_free = True
        except BlockingIOError:
            is_free = False
        yield is_free
    finally:
        os.close(descriptor)


def _remove(store: ObjectStore, removal: Removal) -> bool:
    """Remove one thing; False when a process has taken it since."""
    match removal.kind:
        case "model":
            drop(store, removal.path)
            for path in removal.objects:
                store.remove(path)
        case "object":
            store.remove(removal.path)
        case "download":
            return remove_leftover(removal.path)
        case "leftover":
            with _lock(_lock_of(store, removal.path)) as is_free:
                if is_free and removal.path.is_dir() and not removal.path.is_symlink():
                    remove_tree(removal.path)
                elif is_free:
                    removal.path.unlink(missing_ok=True)
                return is_free
    return True

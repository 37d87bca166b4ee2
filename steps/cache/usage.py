"""What a models root holds, in bytes: each file on disk is counted once, whatever its names. Read by `ome cache`.

`account` is pure; `read_usage` takes the survey.
"""

from collections import Counter
from typing import Literal

from pydantic import ValidationError

from steps.cache.claims import live_claims
from steps.cache.collection import read_disk
from steps.cache.pending import PendingNote
from steps.cache.references import References
from steps.cache.root import models_root
from steps.cache.store import ObjectStore, object_name
from steps.cache.survey import InodeKey, ModelFolder, PassedOver, Survey, survey
from steps.errors import OmeError
from steps.frozen import Frozen
from steps.manifest_store import load_manifest

State = Literal["ready", "changed", "unreadable"]


class ModelUsage(Frozen):
    """A model's folder.

    Attributes:
        folder: Relative to the models root.
        model: Whose it is, such as `ClusterBaseModel/name`; "" when an older version made it.
        uri: Where it came from.
        manifest: Digest of its manifest.
        revision: What the URI was resolved to; "" when the manifest is not stored here.
        files: How many, without its marker.
        bytes: Size of its files.
        shared_bytes: Of these, what other models have too.
        disk_bytes: What the disk keeps for this model alone.
        last_used: When it was last imported, in seconds since the epoch.
        is_needed: Whether anything refers to it.
        is_reserved: Whether it stays though nothing does.
        state: "ready"; "changed": a file looks other than when it was verified, or is missing; "unreadable": its
            marker.
    """

    folder: str
    model: str
    uri: str
    manifest: str
    revision: str
    files: int
    bytes: int
    shared_bytes: int
    disk_bytes: int
    last_used: float
    is_needed: bool
    is_reserved: bool
    state: State


class ImportUsage(Frozen):
    """An import that has not come to its end.

    Attributes:
        folder: Of the model, relative to the models root.
        there_bytes: What it has fetched, or found, of what was missing.
        total_bytes: What was missing when it began.
        is_running: Whether a process is at it now.
    """

    folder: str
    there_bytes: int
    total_bytes: int
    is_running: bool


class Usage(Frozen):
    """Everything under a models root; the `disk_bytes` of the models and all that follows add up to `total_bytes`.

    Attributes:
        root: The models root.
        models: Their folders, by name.
        imports: Those that have not ended.
        shared_bytes: What several models have.
        unfinished_bytes: Verified files of imports that have not ended.
        unreferenced_bytes: Verified files that no model has and no import needs.
        download_bytes: Files that are not finished.
        leftover_bytes: What killed commands left.
        note_bytes: The cache's own notes, such as seals and journals.
        other_bytes: Files that no import made.
        total_bytes: All files, each once; folders themselves are not counted.
        free_bytes: Of the disk.
        reserve_bytes: What imports leave free.
        passed_over: Folders that cannot be looked into; nothing of them is counted.
    """

    root: str
    models: tuple[ModelUsage, ...]
    imports: tuple[ImportUsage, ...]
    shared_bytes: int
    unfinished_bytes: int
    unreferenced_bytes: int
    download_bytes: int
    leftover_bytes: int
    note_bytes: int
    other_bytes: int
    total_bytes: int
    free_bytes: int = 0
    reserve_bytes: int = 0
    passed_over: tuple[PassedOver, ...] = ()


def read_usage() -> Usage:
    """What this machine's models root holds.

    Raises:
        OmeError: when it cannot be asked what refers to models.
    """
    store = ObjectStore(models_root())
    with store.locked():
        claims = live_claims(store)
    found = survey(store, frozenset(object_name(c) for c in claims), References())
    usage, disk = account(found, str(store.root)), read_disk(store, frozenset())
    models = tuple(m.model_copy(update={"revision": _revision(m.manifest)}) for m in usage.models)
    return usage.model_copy(update={"models": models, "free_bytes": disk.free, "reserve_bytes": disk.reserve})


def account(found: Survey, root: str = "") -> Usage:
    """Count every inode once: as one model's, as shared, or as the first of the other things that it is. Pure."""
    holders = Counter(inode for model in found.models for inode in set(model.files.values()))
    counted: set[InodeKey] = set()

    def count(*inodes: InodeKey) -> int:
        new = set(inodes) - counted
        counted.update(new)
        return sum(found.inodes[inode].disk_bytes for inode in new)

    shared = count(*(inode for inode, models in holders.items() if models > 1))
    own = {model.name: count(*model.files.values()) for model in found.models}
    noted = found.claimed.union(*(note.objects for note in found.imports))
    unfinished = count(*(each.inode for each in found.objects if each.name in noted))
    unreferenced = count(*(each.inode for each in found.objects))
    downloads = count(*(each.inode for each in found.downloads))
    leftovers = count(*(inode for each in found.leftovers for inode in each.inodes))
    notes, others = count(*found.notes), count(*found.others)
    return Usage(
        root=root,
        models=tuple(_model(found, model, holders, own[model.name]) for model in found.models),
        imports=tuple(_import(found, note) for note in found.imports if note.objects),
        shared_bytes=shared,
        unfinished_bytes=unfinished,
        unreferenced_bytes=unreferenced,
        download_bytes=downloads,
        leftover_bytes=leftovers,
        note_bytes=notes,
        other_bytes=others,
        total_bytes=sum(found.inodes[inode].disk_bytes for inode in counted),
        passed_over=found.passed_over,
    )


def is_running(found: Survey, note: PendingNote) -> bool:
    """Whether a process is at the import that wrote a note."""
    return bool(note.objects) and found.claimed.issuperset(note.objects)


def _model(found: Survey, model: ModelFolder, holders: Counter[InodeKey], own: int) -> ModelUsage:
    marker = model.marker
    named = {f.path for f in marker.files} if marker is not None else set(model.files)
    inodes = {inode for path, inode in model.files.items() if path in named}
    state: State = "unreadable" if marker is None else "ready" if model.is_as_verified else "changed"
    return ModelUsage(
        folder=model.name,
        model=marker.model if marker is not None else "",
        uri=marker.uri if marker is not None else "",
        manifest=marker.manifest if marker is not None else "",
        revision="",
        files=len(named),
        bytes=sum(found.inodes[inode].size for inode in inodes),
        shared_bytes=sum(found.inodes[inode].size for inode in inodes if holders[inode] > 1),
        disk_bytes=own,
        last_used=model.last_used,
        is_needed=model.is_needed,
        is_reserved=marker is not None and marker.reserved,
        state=state,
    )


def _import(found: Survey, note: PendingNote) -> ImportUsage:
    there = {each.name: each.there for each in (*found.downloads, *found.objects)}
    return ImportUsage(
        folder=note.folder,
        there_bytes=sum(min(size, there.get(name, 0)) for name, size in note.objects.items()),
        total_bytes=sum(note.objects.values()),
        is_running=is_running(found, note),
    )


def _revision(manifest: str) -> str:
    try:
        return load_manifest(manifest).revision
    except (OmeError, ValidationError, OSError):
        return ""

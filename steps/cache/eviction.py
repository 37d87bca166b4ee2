"""Takes one model off this machine: its folder, earlier revisions and downloads, and objects that no other model has.

Run by `steps.evict_model`. Whatever is not there is no error, so that it can be repeated until it is done.
"""

import sys
from pathlib import Path

from steps.cache.claims import live_claims
from steps.cache.collection import LEFTOVER_SECONDS, Collected, allocated_bytes, collect, drop, remove_leftover
from steps.cache.earlier import forget_earlier
from steps.cache.folder import read_marker
from steps.cache.pending import forget_pending
from steps.cache.root import PRIVATE, model_folder, models_root
from steps.cache.store import ObjectStore, object_name
from steps.model_owner import ModelOwner, default_folder
from steps.sources.paths import MARKER


def evict_model(owner: ModelOwner, path: str = "") -> Collected:
    """Remove a model's files and what nothing else needs of them; how much was freed.

    A folder that belongs to another model, or that no import made, is left alone, and said.

    Args:
        owner: The model.
        path: Its folder, or "" for the default one; under the models root.

    Raises:
        InvalidInputError: when the path is not under the models root, or lies in another model's folder.
        ClusterError: when the folder cannot be removed.
    """
    root = models_root()
    folder = model_folder(root, owner.name, path or str(default_folder(root, owner)))
    if not (root / PRIVATE).is_dir():
        return Collected(0, 0)
    store = ObjectStore(root)
    with store.locked():
        if is_own(folder, owner):
            drop(store, folder)
        elif not folder.exists():  # removed by hand, or by a process that was killed before it forgot the rest
            forget_earlier(store, folder, str(owner))
        leftovers = _remove_downloads(store, folder)
        collected = collect(store, LEFTOVER_SECONDS)
    return Collected(leftovers.files + collected.files, leftovers.freed_bytes + collected.freed_bytes)


def is_own(folder: Path, owner: ModelOwner) -> bool:
    """Whether a folder is one that an import made for that model; what it is else goes to standard error."""
    if not (folder / MARKER).exists():
        what = "was not made by an import, and stays" if folder.exists() else "is not there"
        sys.stderr.write(f"{folder} {what}\n")
        return False
    marker = read_marker(folder)
    if marker is not None and marker.model not in ("", str(owner)):
        sys.stderr.write(f"{folder} is of {marker.model}, and stays\n")
        return False
    return True


def _remove_downloads(store: ObjectStore, folder: Path) -> Collected:
    """Remove downloads that were begun for this folder only and that no process has."""
    claimed = {object_name(claim) for claim in live_claims(store)}
    own = forget_pending(store, folder) - claimed
    files = freed = 0
    for path in list(store.partials()):
        if f"{path.parent.name}/{path.stem}" in own:
            size = allocated_bytes(path)
            if remove_leftover(path):
                files, freed = files + 1, freed + size
    return Collected(files, freed)

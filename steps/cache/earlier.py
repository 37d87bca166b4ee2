"""Earlier revisions of a model that stay in the cache: a note for each of them, which keeps its files in the store.

A model's folder holds one revision and changes in one step. What it held before needs no folder: its marker names its
objects, and as long as a copy of that marker lies below `.ome/revisions`, `collection` and `pruning` leave them. Going
back is then an import that finds everything. `importing` and `bundle_import` note the revision that a folder leaves,
and forget those beyond the setting OME_KEEP_REVISIONS that nothing serves.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from steps.cache.folder import Marker, read_marker
from steps.cache.references import References
from steps.cache.store import ObjectStore, object_name
from steps.errors import InvalidInputError, OmeError
from steps.frozen import Frozen
from steps.home import write_atomically

VARIABLE: Final = "OME_KEEP_REVISIONS"
_DEFAULT: Final = 1


class _Note(Frozen):
    """What a note says.

    Attributes:
        folder: The model's, relative to the models root.
        marker: Of the folder then.
    """

    folder: str
    marker: Marker


@dataclass(frozen=True)
class EarlierRevision:
    """What a model's folder held before.

    Attributes:
        path: The note.
        folder: The model's folder.
        marker: Of the folder then.
        noted: When the folder got other files, in seconds since the epoch.
    """

    path: Path
    folder: Path
    marker: Marker
    noted: float

    @property
    def objects(self) -> dict[str, int]:
        """Sizes in bytes by `algorithm/digest`."""
        return {object_name(file): file.size for file in self.marker.files}


def kept_revisions() -> int:
    """How many revisions of a model stay, the present one included, beside those that are served: from the setting.

    Raises:
        InvalidInputError: when the setting is no number above 0.
    """
    given = os.environ.get(VARIABLE) or str(_DEFAULT)
    if not given.isascii() or not given.isdigit() or int(given) < 1:
        raise InvalidInputError(
            f'{VARIABLE}: "{given}" is no number of revisions',
            remedy="Give 1 to keep the present revision of a model only, or more for earlier ones.",
        )
    return int(given)


def note_earlier(store: ObjectStore, folder: Path, coming: str, owner: str) -> None:
    """Note what a folder holds that is about to get other files; with the store locked.

    Args:
        store: The store.
        folder: The model's.
        coming: Digest of the manifest that it is about to hold.
        owner: The model, as `ModelOwner` is written: what another one left there is no revision of it.
    """
    marker = read_marker(folder)
    if marker is not None and marker.model != owner:
        forget_earlier(store, folder)
    elif marker is not None and marker.manifest != coming:
        note = _Note(folder=folder.relative_to(store.root).as_posix(), marker=marker)
        write_atomically(_path(store, folder, marker.manifest), note.model_dump_json(by_alias=True).encode())
    _path(store, folder, coming).unlink(missing_ok=True)


def earlier_revisions(store: ObjectStore, folder: Path | None = None) -> list[EarlierRevision]:
    """Those of a model's folder, or of all, oldest first; a note that cannot be read keeps nothing."""
    found = []
    key = _key(store, folder) if folder is not None else "*"
    for path in (store.private / "revisions").glob(f"{key}/*.json"):
        try:
            note, noted = _Note.model_validate_json(path.read_bytes()), path.stat().st_mtime
        except (OSError, ValidationError):
            continue
        found.append(EarlierRevision(path, store.root / note.folder, note.marker, noted))
    return sorted(found, key=lambda each: (each.noted, each.path))


def superfluous(
    store: ObjectStore, is_served: Callable[[EarlierRevision, frozenset[str]], bool], folder: Path | None = None
) -> list[EarlierRevision]:
    """The earlier revisions of a model's folder, or of each, that are older than those that stay.

    Args:
        store: The store.
        is_served: Whether something may serve it, given all manifests of its folder; asked of those that would go.
        folder: None for all.

    Raises:
        InvalidInputError: when the setting is no number.
        OmeError: when it cannot be asked what serves them.
    """
    most = kept_revisions() - 1
    by_folder: dict[Path, list[EarlierRevision]] = {}
    for each in earlier_revisions(store, folder):
        by_folder.setdefault(each.folder, []).append(each)
    older = [each for found in by_folder.values() for each in found[: max(0, len(found) - most)]]
    return [each for each in older if not is_served(each, known_manifests(store, each.folder))]


def forget_older(store: ObjectStore, folder: Path) -> None:
    """Let earlier revisions go that nothing serves and the setting does not keep; what cannot be asked goes later."""
    references = cache(References)  # asked for only where some would go
    try:
        for earlier in superfluous(store, lambda each, known: is_served(references(), each, known), folder):
            earlier.path.unlink(missing_ok=True)
    except OmeError as error:
        sys.stderr.write(f"earlier revisions of {folder} stay: {error.message}\n")


def is_served(references: References, earlier: EarlierRevision, known: Collection[str]) -> bool:
    """Whether anything may serve it; `known` as `known_manifests` gives it."""
    return references.serve_earlier(earlier.folder, earlier.marker.model, earlier.marker.manifest, known)


def known_manifests(store: ObjectStore, folder: Path) -> frozenset[str]:
    """Of all revisions of a model that are there, the present one included."""
    marker = read_marker(folder)
    present = {marker.manifest} if marker is not None else set()
    return frozenset(present.union(each.marker.manifest for each in earlier_revisions(store, folder)))


def forget_earlier(store: ObjectStore, folder: Path, owner: str = "") -> None:
    """Forget all of a folder that goes, of that model where one is given; with the store locked."""
    for each in earlier_revisions(store, folder):
        if each.marker.model in ("", owner) or not owner:
            each.path.unlink(missing_ok=True)


def _path(store: ObjectStore, folder: Path, manifest: str) -> Path:
    return store.private / "revisions" / _key(store, folder) / f"{manifest}.json"


def _key(store: ObjectStore, folder: Path) -> str:
    return hashlib.sha256(str(folder.relative_to(store.root)).encode()).hexdigest()[:24]

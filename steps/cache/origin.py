"""Where the bytes of an object can be had again, and fetching them. Called by `repair`.

That is the manifest that a model was imported with, or else its source as it is now: bytes are known by their digest,
so that any revision that has them will do.
"""

import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from steps.cache.fetching import fetch_files
from steps.cache.folder import Marker
from steps.cache.store import ObjectStore, object_name
from steps.cache.verifying import OnProgress
from steps.errors import DiskFullError, IntegrityError, NotFoundError, OmeError
from steps.manifest import FileEntry, Manifest
from steps.manifest_store import load_manifest
from steps.sources import ResolveOptions, open_source

Place = tuple[str, tuple[tuple[str, str], ...]]
"""A storage URI, and the pairs of what its source was opened with."""


@dataclass(frozen=True)
class Origin:
    """A file at its source.

    Attributes:
        uri: Of the model.
        file: As its manifest has it.
        parameters: Pairs of what the source was opened with.
    """

    uri: str
    file: FileEntry
    parameters: tuple[tuple[str, str], ...] = ()


def find_origins(wanted: Mapping[str, Sequence[Marker]], failures: list[OmeError]) -> dict[str, Origin]:
    """An origin for each object (`algorithm/digest`) that a model's manifest or source still names.

    Args:
        wanted: By object, the markers of the models that have it.
        failures: Gets an error for each object that nothing names.
    """
    known: dict[str, dict[str, Origin]] = {}
    problems: dict[str, OmeError | None] = {}
    found = {}
    for name, markers in wanted.items():
        last: OmeError | None = None
        for marker in markers:
            if marker.manifest not in known:
                known[marker.manifest], problems[marker.manifest] = _origins_of(marker)
            last = problems[marker.manifest] or last
            if name in known[marker.manifest]:
                found[name] = known[marker.manifest][name]
                break
        else:
            paths = [f.path for marker in markers for f in marker.files if object_name(f) == name]
            gone = NotFoundError(
                f"{markers[0].uri} {paths[0]}: the source no longer has the bytes {name.replace('/', ':')}",
                remedy="Import the model again: it gets the files that its source has now.",
            )
            failures.append(last or gone)
    return found


def fetch_objects(
    store: ObjectStore, origins: Iterable[Origin], on_progress: OnProgress, failures: list[OmeError]
) -> int:
    """Fetch what is not in the store yet; the bytes that came. What fails is added to `failures`, the rest goes on."""
    by_place: dict[Place, list[FileEntry]] = {}
    for origin in origins:
        if not store.has(origin.file):
            by_place.setdefault((origin.uri, origin.parameters), []).append(origin.file)
    return sum(_fetch(store, place, files, on_progress, failures) for place, files in by_place.items())


def _fetch(
    store: ObjectStore, place: Place, files: Sequence[FileEntry], on_progress: OnProgress, failures: list[OmeError]
) -> int:
    try:
        return _fetch_all(store, place, files, on_progress)
    except (IntegrityError, NotFoundError) as error:
        if len(files) > 1:  # one file of several: the others may be had
            left = [file for file in files if not store.has(file)]
            return sum(_fetch(store, place, [file], on_progress, failures) for file in left)
        failures.append(error)
    except OmeError as error:
        failures.append(error)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        failures.append(DiskFullError(f"{store.root}: {error.strerror}"))
    return 0


def _fetch_all(store: ObjectStore, place: Place, files: Sequence[FileEntry], on_progress: OnProgress) -> int:
    uri, parameters = place
    source, total, linked = open_source(uri, dict(parameters)), sum(file.size for file in files), 0

    def moved(count: int) -> None:
        nonlocal linked
        linked += count
        on_progress("copying", linked, total)

    addressed = ((file, source.address(file)) for file in files)
    return fetch_files(store, uri, addressed, moved, lambda there, _: on_progress("downloading", there, total))


def _manifest_of(marker: Marker) -> Manifest:
    """The manifest that a model was imported with; where it is not stored here, what its URI names now."""
    try:
        manifest = load_manifest(marker.manifest)
        if manifest.digest == marker.manifest:
            return manifest
    except (OmeError, ValidationError, OSError):
        pass
    return open_source(marker.uri).resolve(ResolveOptions())


def _origins_of(marker: Marker) -> tuple[dict[str, Origin], OmeError | None]:
    try:
        manifest = _manifest_of(marker)
    except OmeError as error:
        return {}, error
    parameters = tuple(sorted(manifest.parameters.items()))
    return {object_name(file): Origin(manifest.uri, file, parameters) for file in manifest.files}, None

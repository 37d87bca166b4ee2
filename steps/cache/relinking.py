"""Gives files of a model's folder new links into the store, each by one rename, and then a marker that fits.

The folder stays the same one throughout, so that a process or a pod that has it open sees the mended files. Called by
`repair`.
"""

import errno
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from steps.cache.folder import MarkedFile, hold_folder, read_marker, replace_marker
from steps.cache.store import ObjectStore, object_name, sync_folder
from steps.cache.survey import ModelFolder
from steps.errors import InvalidInputError, OmeError, UnsupportedError

Look = tuple[int, int, int]
"""Size in bytes, inode, time of change in nanoseconds."""


def relink(
    store: ObjectStore,
    model: ModelFolder,
    files: Iterable[str],
    is_sound: Callable[[str], bool],
    looks: Mapping[str, Look],
) -> list[Path]:
    """Link the objects of `files` into a model's folder in place of what is there; the paths that were mended.

    Args:
        store: Its store.
        model: The folder as it was surveyed; one that has another marker now is left alone.
        files: Paths within it.
        is_sound: Whether an object (`algorithm/digest`) may be linked now.
        looks: How other files of it looked when they were found sound.

    Raises:
        OmeError: when the folder cannot be written.
    """
    chosen, mended, fresh = set(files), [], dict(looks)
    try:
        with hold_folder(store, model.path) as staging, store.locked():
            marker = read_marker(model.path)
            if marker is None or marker != model.marker:
                return []
            for file in marker.files:
                if file.path not in chosen:
                    continue
                fresh[file.path] = (file.size, 0, 0)  # not as verified, until it is
                if is_sound(object_name(file)):
                    fresh[file.path] = _replace(store, model.path, file, staging / "file")
                    mended.append(model.path / file.path)
            new = marker.model_copy(update={"files": tuple(_marked(file, fresh) for file in marker.files)})
            if new != marker:
                replace_marker(staging, model.path, new)
    except OSError as error:
        raise _told(model.path, error) from None
    return mended


def _replace(store: ObjectStore, folder: Path, file: MarkedFile, link: Path) -> Look:
    place = folder / file.path
    for parent in reversed(place.relative_to(folder).parents[:-1]):
        if (folder / parent).is_symlink():
            (folder / parent).unlink()  # it may lead out of the folder
        (folder / parent).mkdir(exist_ok=True)
    link.hardlink_to(store.private / "objects" / file.algorithm / file.digest)
    status = link.stat()
    link.rename(place)
    link.unlink(missing_ok=True)  # renaming one name of a file to another of its names does nothing
    sync_folder(place.parent)
    return status.st_size, status.st_ino, status.st_mtime_ns


def _marked(file: MarkedFile, looks: Mapping[str, Look]) -> MarkedFile:
    if file.path not in looks:
        return file
    size, inode, modified_ns = looks[file.path]
    return file.model_copy(update={"size": size, "inode": inode, "modified_ns": modified_ns})


def _told(folder: Path, error: OSError) -> OmeError:
    where = f"{error.filename2 or error.filename or folder}: {error.strerror}"
    if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
        return UnsupportedError(where, remedy="Choose a models root on a file system with hard links.")
    return InvalidInputError(where, remedy="Check the folder's owner, and what lies there; then run again.")

"""A model's folder: hard links into the store, and a marker. It appears, and is replaced, by one rename.

The marker names the manifest and how each file looked, so that a second import costs one stat a file.
"""

import ctypes
import errno
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field, ValidationError

from steps.cache.locks import exclusive
from steps.cache.store import ObjectStore, sync_folder
from steps.errors import InvalidInputError, UnsupportedError
from steps.frozen import Frozen
from steps.home import home
from steps.manifest import Manifest
from steps.sources.paths import MARKER

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class MarkedFile(Frozen):
    """A file of a model folder, as it was when the folder was made; inode and time show a change."""

    path: str
    algorithm: str
    digest: str
    size: int
    inode: int
    modified_ns: int


class Marker(Frozen):
    """What a model folder holds.

    Attributes:
        manifest: Digest of the manifest.
        uri: Where it came from.
        home: The home folder whose resources may refer to it, on one machine.
        files: All files.
        model: The model it belongs to, as `ModelOwner` is written; "" when an older version made it.
        reserved: Whether it stays though nothing refers to it. Left out where it does not: older versions read it too.
    """

    manifest: str
    uri: str
    home: str
    files: tuple[MarkedFile, ...]
    model: str = ""
    reserved: bool = Field(default=False, exclude_if=lambda reserved: not reserved)


def read_marker(folder: Path) -> Marker | None:
    """The folder's marker; None when there is none that can be read."""
    try:
        return Marker.model_validate_json((folder / MARKER).read_bytes())
    except (OSError, ValidationError):
        return None


def is_warm(folder: Path, manifest: Manifest, owner: str) -> bool:
    """Whether the folder is the owner's and holds the manifest's files as they were verified: one stat a file."""
    marker = read_marker(folder)
    if marker is None or marker.manifest != manifest.digest or marker.model != owner:
        return False
    return is_intact(folder, marker)


def write_marker(path: Path, marker: Marker) -> None:
    """Write a marker, and wait until the disk has it."""
    with path.open("wb") as opened:
        opened.write(marker.model_dump_json(by_alias=True).encode())
        opened.flush()
        os.fsync(opened.fileno())


def replace_marker(staging: Path, folder: Path, marker: Marker) -> None:
    """Give a folder another marker by one rename; when it was last used stays. With the folder held.

    Args:
        staging: What `hold_folder` gave.
        folder: The model's.
        marker: The new one.
    """
    times = (folder / MARKER).stat()
    write_marker(staging / MARKER, marker)
    os.utime(staging / MARKER, ns=(times.st_atime_ns, times.st_mtime_ns))
    (staging / MARKER).rename(folder / MARKER)
    sync_folder(folder)


def use_if_warm(root: Path, folder: Path, manifest: Manifest, owner: str) -> bool:
    """Whether the folder is warm; if so, note that it was used now: the least recently used goes first for room.

    With the store locked, so that it does not go in between. A root that can only be read still serves what it has.
    """
    try:
        with ObjectStore(root).locked():
            if not is_warm(folder, manifest, owner):
                return False
            os.utime(folder / MARKER)
            return True
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise
        return is_warm(folder, manifest, owner)


def publish(store: ObjectStore, manifest: Manifest, folder: Path, owner: str) -> None:
    """Make `folder` hold the manifest's files, whose objects are all there; its marker names `owner`.

    Call with the store not locked: it is locked here, with the folder held.

    Raises:
        InvalidInputError: when there is something at `folder` that no import made.
        UnsupportedError: when the file system has no hard links.
    """
    with hold_folder(store, folder) as staging:
        refuse_foreign(folder)
        _fill(store, manifest, staging, owner)
        with store.locked():  # who removes a model holds the lock, and takes away folders above it that are empty
            folder.parent.mkdir(parents=True, exist_ok=True)
            if folder.exists():
                _exchange(staging, folder)
            else:
                staging.rename(folder)
            sync_folder(folder.parent)


@contextmanager
def hold_folder(store: ObjectStore, folder: Path) -> Iterator[Path]:
    """Keep other writers from a model's folder, waiting for them; gives an empty folder to prepare its files in."""
    key = hashlib.sha256(str(folder.relative_to(store.root)).encode()).hexdigest()[:24]
    with exclusive(store.private / "locks" / f"{key}.lock"):
        staging = store.private / "staging" / key
        remove_tree(staging)
        staging.mkdir(parents=True)
        try:
            yield staging
        finally:
            remove_tree(staging)


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder that holds something that no import made.

    Raises:
        InvalidInputError: names the folder and what is in it.
    """
    inner = next((p for p in folder.rglob(MARKER) if p.parent != folder), None)
    if inner is not None:
        raise InvalidInputError(
            f'storage.path: "{folder}" holds the folder of another model, {inner.parent}',
            remedy="Give a folder of its own.",
        )
    if not folder.exists() or (folder / MARKER).exists():
        return
    found = "a file" if not folder.is_dir() else next((p.name for p in folder.iterdir()), "")
    if found:
        raise InvalidInputError(
            f'storage.path: "{folder}" exists and was not made by an import (it holds {found})',
            remedy="Move it away, or give another path.",
        )


def remove_tree(folder: Path) -> None:
    """Remove a folder that may not be there."""
    if folder.exists():
        shutil.rmtree(folder)


def _fill(store: ObjectStore, manifest: Manifest, staging: Path, owner: str) -> None:
    marked = []
    folders = {staging}
    for file in manifest.files:
        place = staging / file.path
        for parent in place.parents:
            if parent in folders:  # and so are those above it
                break
            parent.mkdir(parents=True, exist_ok=True)
            folders.add(parent)
        try:
            place.hardlink_to(store.path(file))
        except OSError as error:
            if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
                raise UnsupportedError(
                    f"{store.root}: its file system cannot hard link {file.path} ({error.strerror})",
                    remedy="Choose a models root on a file system with hard links, such as ext4 or XFS.",
                ) from None
            raise
        stat = place.stat()
        marked.append(
            MarkedFile(
                path=file.path,
                algorithm=file.algorithm,
                digest=file.digest,
                size=stat.st_size,
                inode=stat.st_ino,
                modified_ns=stat.st_mtime_ns,
            )
        )
    marker = Marker(manifest=manifest.digest, uri=manifest.uri, home=str(home()), files=tuple(marked), model=owner)
    write_marker(staging / MARKER, marker)
    for folder in folders:
        sync_folder(folder)


def is_intact(folder: Path, marker: Marker) -> bool:
    """Whether every file looks as it did when it was verified: size, inode and time of change; one stat a file."""
    try:
        for file in marker.files:
            stat = (folder / file.path).lstat()
            if (stat.st_size, stat.st_ino, stat.st_mtime_ns) != (file.size, file.inode, file.modified_ns):
                return False
    except OSError:
        return False
    return True


def _exchange(new: Path, old: Path) -> None:
    """Swap two folders in one step; where the system cannot, by two renames with a moment between them."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        renameat2 = getattr(libc, "renameat2", None)
        if renameat2 is not None:
            done = renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(old), _RENAME_EXCHANGE)
            if done == 0:
                return
    aside = new.with_name(f"{new.name}.old")
    remove_tree(aside)
    old.rename(aside)
    new.rename(old)
    remove_tree(aside)

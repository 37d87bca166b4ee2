"""Brings local files into the store: by hard link on the same file system, else by copy; hashed in either case."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from steps.cache.store import ObjectStore, hash_file, new_hasher, sync_folder
from steps.cache.writing import write_object
from steps.errors import IntegrityError, InvalidInputError, NotFoundError
from steps.manifest import FileEntry

_CHUNK = 4 << 20
_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES})


def take_local(store: ObjectStore, file: FileEntry, source: Path, on_bytes: Callable[[int], None]) -> int:
    """Make the object of `file` from `source`; return the bytes that were copied, 0 for a link.

    Raises:
        IntegrityError: when `source` is no longer what the manifest names.
        NotFoundError: when it is gone.
    """
    try:
        if _link(store, file, source, on_bytes):
            return 0
        _copy(store, file, source, on_bytes)
    except FileNotFoundError:
        raise NotFoundError(f"{source}: does not exist any more", remedy="Import again.") from None
    except PermissionError as error:
        raise InvalidInputError(f"{source}: cannot be read ({error.strerror})") from None
    return file.size


def _link(store: ObjectStore, file: FileEntry, source: Path, on_bytes: Callable[[int], None]) -> bool:
    if source.is_symlink() or source.stat().st_dev != store.root.stat().st_dev:
        return False
    _check(file, source, hash_file(source, file, on_bytes))
    _sync(source)  # somebody copied it here, perhaps a moment ago: a power cut must not leave a model with less of it
    path = store.path(file)
    try:
        path.hardlink_to(source)
    except FileExistsError:
        return True
    except OSError as error:
        if error.errno in _NO_LINK:
            return False
        raise
    sync_folder(path.parent)
    store.seal(path)
    return True


def _sync(path: Path) -> None:
    """Wait until the disk has a file's bytes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(store: ObjectStore, file: FileEntry, source: Path, on_bytes: Callable[[int], None]) -> None:
    hasher = new_hasher(file)

    def chunks() -> Iterator[bytes]:
        with source.open("rb", buffering=0) as opened:
            while chunk := opened.read(_CHUNK):
                hasher.update(chunk)
                yield chunk
                on_bytes(len(chunk))

    def check() -> str:
        _check(file, source, hasher.hexdigest())
        return ""

    write_object(store, file, chunks(), check)


def _check(file: FileEntry, source: Path, digest: str) -> None:
    if digest != file.digest:
        raise IntegrityError(
            f"{source}: has the {file.algorithm} {digest}, the manifest says {file.digest}",
            remedy="The file has changed since it was resolved: import again.",
        )

"""The content store: one read-only file per digest. It appears by one rename, and is trusted while its seal fits."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from steps.cache.locks import exclusive
from steps.cache.root import PRIVATE
from steps.errors import UnsupportedError
from steps.home import write_atomically
from steps.manifest import FileEntry
from steps.parts_digest import PartsHasher

_CHUNK = 4 << 20
OBJECT_NAME = re.compile(r"[0-9a-f]{32,128}|[0-9a-f]{32}-[1-9][0-9]{0,15}")
ALGORITHMS = ("sha256", "git-sha1", "md5", "md5-parts", "version")


class Digested(Protocol):
    """A file of a manifest or of a marker, or a claim."""

    @property
    def algorithm(self) -> str:
        """One of ALGORITHMS."""

    @property
    def digest(self) -> str:
        """As a manifest has it."""


def object_name(digested: Digested) -> str:
    """`<algorithm>/<digest>`: the object's path below the folder of objects."""
    return f"{digested.algorithm}/{digested.digest}"


@dataclass(frozen=True)
class Verified:
    """A download whose bytes are those of its name.

    Attributes:
        file: Names the object.
        partial: What becomes it.
        descriptor: The same, open for writing.
        content: Its sha256, where the name is no digest.
    """

    file: FileEntry
    partial: Path
    descriptor: int
    content: str = ""


class ObjectStore:
    """The objects under one models root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.private = root / PRIVATE
        self._objects = self.private / "objects"
        for algorithm in ALGORITHMS:
            (self._objects / algorithm).mkdir(parents=True, exist_ok=True)

    def path(self, file: FileEntry) -> Path:
        """Where the file's object is or will be.

        Raises:
            UnsupportedError: when the manifest has no digest that can name it.
        """
        if file.algorithm not in ALGORITHMS or not OBJECT_NAME.fullmatch(file.digest):
            raise UnsupportedError(
                f'{file.path}: the manifest has no digest to verify it by ("{file.algorithm}:{file.digest}")',
                remedy="Resolve the model again; a source without digests cannot be cached.",
            )
        return self._objects / file.algorithm / file.digest

    def partial(self, file: FileEntry) -> Path:
        """Where its download grows."""
        return self.path(file).with_name(f"{file.digest}.partial")

    def progress(self, file: FileEntry) -> Path:
        """What of the download is there."""
        return self.path(file).with_name(f"{file.digest}.progress")

    def has(self, file: FileEntry) -> bool:
        """Whether the object is there and sound.

        An object whose seal does not fit its size, inode or time of change may have been written to: it is hashed
        again, and removed when its bytes are not those of its name, or when nothing tells what they were.
        """
        path = self.path(file)
        try:
            stat = path.stat()
        except FileNotFoundError:
            return False
        if _read(_seal_path(path)).split()[:3] == _look(stat).split():
            return True
        if stat.st_size == file.size and self.digest(file, path) == file.digest:
            self.seal(path)
            return True
        if not _is_still(path, stat):
            return self.has(file)
        self.remove(path)
        return False

    def missing(self, files: Sequence[FileEntry]) -> list[FileEntry]:
        """Files whose objects are not there and sound, each digest once, by path."""
        by_digest = {(f.algorithm, f.digest): f for f in reversed(files)}
        return [f for f in sorted(by_digest.values(), key=lambda f: f.path) if not self.has(f)]

    def digest(self, file: FileEntry, path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> str:
        """The digest of what is at `path`, to be compared with the file's; words when nothing tells what it held.

        Args:
            file: What should be there.
            path: The object, or a model's name of it.
            on_bytes: Called with what was read.
        """
        if file.algorithm != "version":
            return hash_file(path, file, on_bytes)
        hasher = VersionHasher(file.digest)
        hash_into(hasher, path, on_bytes)
        recorded = self.content(file)
        if hasher.content == recorded:
            return file.digest
        if not recorded:
            return "its source told no digest, and the record of what came is gone"
        return f"sha256:{hasher.content}, and sha256:{recorded} when it came"

    def content(self, file: FileEntry) -> str:
        """The sha256 that was recorded when the object came, in hexadecimal; "" where its name is its digest."""
        return _content(_read(_seal_path(self.path(file))))

    def sha256(self, file: FileEntry, path: Path) -> str:
        """The sha256 of a verified file, in hexadecimal: as it is known, else of what is at `path`."""
        if file.algorithm == "sha256":
            return file.digest
        if recorded := self.content(file):
            return recorded
        hasher = hashlib.sha256()
        hash_into(hasher, path, lambda _: None)
        return hasher.hexdigest()

    def commit(self, *verified: Verified) -> None:
        """Make verified downloads the objects: on disk first, then one rename each.

        Many together cost the disk little more than one: their bytes are on the way before the first is waited for, so
        that one entry of a file system's journal has all, and their names are waited for once.

        Raises:
            OSError: when the disk does not take one; those before it are objects.
        """
        for one in verified:
            os.fchmod(one.descriptor, 0o444)
            if len(verified) > 1:
                os.posix_fadvise(one.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)  # begins to write what is not written
        for one in verified:
            os.fsync(one.descriptor)
        paths = [self.path(one.file) for one in verified]
        for one, path in zip(verified, paths, strict=True):
            # The seal comes first: who looks between the two would find an object of which nothing tells the content.
            _write_seal(path, os.fstat(one.descriptor), one.content)
            one.partial.rename(path)
        for folder in {path.parent for path in paths}:
            sync_folder(folder)
        for one in verified:
            self.progress(one.file).unlink(missing_ok=True)

    def seal(self, path: Path, content: str = "") -> None:
        """Remember how a verified object looks, and what is in it where its name does not say it."""
        _write_seal(path, path.stat(), content or _content(_read(_seal_path(path))))

    def unseal(self, path: Path) -> None:
        """Distrust an object: who needs it will hash it."""
        seal = _seal_path(path)
        if content := _content(_read(seal)):
            write_atomically(seal, f"0 0 0 {content}".encode(), is_durable=True)
        else:
            seal.unlink(missing_ok=True)

    def remove(self, path: Path) -> None:
        """Remove an object and its seal."""
        _seal_path(path).unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    def objects(self) -> Iterator[Path]:
        """All objects, partial downloads left out."""
        for algorithm in ALGORITHMS:
            for path in sorted((self._objects / algorithm).iterdir()):
                if OBJECT_NAME.fullmatch(path.name):
                    yield path

    def partials(self) -> Iterator[Path]:
        """All downloads that are not finished."""
        for algorithm in ALGORITHMS:
            yield from sorted((self._objects / algorithm).glob("*.partial"))

    def locked(self) -> AbstractContextManager[None]:
        """Hold while deciding what may go and what is needed: admission, claims and collection."""
        return exclusive(self.private / "store.lock")


class VersionHasher:
    """For a file whose source names a version and no digest: any content has its name, and is recorded.

    Size and version are checked with every answer of the source instead.

    Args:
        digest: The file's name.
    """

    def __init__(self, digest: str) -> None:
        self._digest = digest
        self._content = hashlib.sha256()

    def update(self, content: bytes | bytearray | memoryview) -> None:
        """Take more of the file."""
        self._content.update(content)

    def hexdigest(self) -> str:
        """The file's name."""
        return self._digest

    @property
    def content(self) -> str:
        """The sha256 of what was taken, in hexadecimal."""
        return self._content.hexdigest()


def new_hasher(file: FileEntry) -> "hashlib._Hash | PartsHasher | VersionHasher":
    """A hasher for the file's algorithm; git's names begin with a header that has the size."""
    if file.algorithm == "version":
        return VersionHasher(file.digest)
    if file.algorithm == "md5-parts":
        return PartsHasher(file.digest)
    if file.algorithm == "git-sha1":
        return hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    if file.algorithm == "md5":
        return hashlib.md5(usedforsecurity=False)
    return hashlib.sha256()


def hash_file(path: Path, file: FileEntry, on_bytes: Callable[[int], None] = lambda _: None) -> str:
    """The digest of the file at `path`, by the algorithm of `file`; calls `on_bytes` with what was read."""
    hasher = new_hasher(file)
    hash_into(hasher, path, on_bytes)
    return hasher.hexdigest()


def hash_into(
    hasher: "hashlib._Hash | PartsHasher | VersionHasher", path: Path, on_bytes: Callable[[int], None]
) -> None:
    """Hash the file at `path`; calls `on_bytes` with what was read."""
    with path.open("rb", buffering=0) as opened:
        buffer = bytearray(_CHUNK)
        while count := opened.readinto(buffer):
            hasher.update(memoryview(buffer)[:count])
            on_bytes(count)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _seal_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.seal")


def _write_seal(path: Path, stat: os.stat_result, content: str) -> None:
    """A lost seal costs hashing, but one with a content is the only record of it."""
    write_atomically(_seal_path(path), f"{_look(stat)} {content}".strip().encode(), is_durable=bool(content))


def _is_still(path: Path, stat: os.stat_result) -> bool:
    """Whether a path has the file that was looked at: another process may have put a sound one there."""
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return (now.st_dev, now.st_ino) == (stat.st_dev, stat.st_ino)


def _look(stat: os.stat_result) -> str:
    """What a write would change: the beginning of a seal. What follows is the content's sha256, or nothing."""
    return f"{stat.st_size} {stat.st_ino} {stat.st_mtime_ns}"


def _content(seal: str) -> str:
    return "".join(seal.split()[3:])


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""

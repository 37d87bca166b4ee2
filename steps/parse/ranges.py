"""How the parser reads: whole small files and byte ranges of a manifest's files, counted and bounded.

`RangeReader` is the shape that every source in `steps.sources` has; `FolderReader` reads a folder on this machine, so
that a model can be parsed where it lies.
"""

import threading
from pathlib import Path
from typing import Final, Protocol

from steps.errors import IntegrityError, InvalidInputError, NotFoundError
from steps.manifest import FileEntry, Manifest

MAX_CONFIG_BYTES: Final = 8 << 20


class RangeReader(Protocol):
    """Reads parts of a model's files; safe to call from several threads at once."""

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """The bytes of `file` from start up to, not including, end."""


class FolderReader:
    """Reads files whose location is an absolute path on this machine."""

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """The bytes from start up to, not including, end.

        Raises:
            NotFoundError: when the file has gone, or cannot be read.
        """
        try:
            with Path(file.location).open("rb") as stream:
                stream.seek(start)
                return stream.read(end - start)
        except OSError as error:
            raise NotFoundError(f"{file.path}: cannot be read: {error.strerror or error}") from None


def describe_folder(folder: Path) -> Manifest:
    """A manifest of a folder as it lies there, without digests: enough to parse, not enough to cache.

    Raises:
        NotFoundError: when there is no such folder.
    """
    if not folder.is_dir():
        raise NotFoundError(f'"{folder}" is not a folder')
    files = [
        FileEntry(
            path=path.relative_to(folder).as_posix(),
            size=path.stat().st_size,
            algorithm="none",
            digest="",
            location=str(path.resolve()),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return Manifest(uri=f"local://{folder}", revision="", files=tuple(sorted(files, key=lambda file: file.path)))


class ModelFiles:
    """A manifest's files, readable. Counts what it reads, so that the cost of parsing can be told."""

    def __init__(self, manifest: Manifest, reader: RangeReader) -> None:
        self.manifest = manifest
        self._reader = reader
        self._lock = threading.Lock()
        self._by_path = {file.path: file for file in manifest.files}
        self.bytes_read = 0

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def entry(self, path: str) -> FileEntry:
        """The entry at a path that is known to be there."""
        return self._by_path[path]

    def range(self, path: str, start: int, end: int) -> bytes:
        """The bytes of a file from start up to, not including, end; the range must lie inside the file.

        Raises:
            IntegrityError: when the source gives another number of bytes.
        """
        content = self._reader.read(self._by_path[path], start, end)
        with self._lock:
            self.bytes_read += len(content)
        if len(content) != end - start:
            raise IntegrityError(f"{path}: {len(content)} bytes came for the range {start}-{end}")
        return content

    def whole(self, path: str) -> bytes | None:
        """A small file's content, or None when the model has no such file.

        Raises:
            InvalidInputError: when it is too large to be a configuration.
        """
        if path not in self._by_path:
            return None
        size = self._by_path[path].size
        if size > MAX_CONFIG_BYTES:
            raise InvalidInputError(f"{path}: has {size} bytes; at most {MAX_CONFIG_BYTES} are read as configuration")
        return self.range(path, 0, size) if size else b""

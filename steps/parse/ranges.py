"""How the parser reads: whole small files and byte ranges of a manifest's files, counted and bounded.

`RangeReader` is the shape that every source in `steps.sources` has.
"""

import threading
from typing import Final, Protocol

from steps.errors import IntegrityError, InvalidInputError
from steps.manifest import FileEntry, Manifest

MAX_CONFIG_BYTES: Final = 8 << 20


class RangeReader(Protocol):
    """Reads parts of a model's files; safe to call from several threads at once."""

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """The bytes of `file` from start up to, not including, end."""


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

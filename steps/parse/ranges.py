"""How the parser reads: whole small files and byte ranges of a manifest's files, counted and bounded.

`RangeReader` is the shape that every source in `steps.sources` has.
"""

import io
import threading
from typing import Final, Protocol

from steps.errors import IntegrityError, InvalidInputError
from steps.manifest import FileEntry, Manifest

MAX_CONFIG_BYTES: Final = 8 << 20
_MOST_AHEAD: Final = 1 << 20


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


class RangeFile(io.RawIOBase):
    """A file of a model as Python's readers want it: a stream that can be read anywhere, by ranges and within a limit.

    Small reads are answered from the last range that came, so that walking a structure costs few requests.
    """

    def __init__(self, files: ModelFiles, path: str, *, limit: int, ahead: int = 64 << 10) -> None:
        """Begin at the start.

        Args:
            files: The model.
            path: The file.
            limit: Bytes that may be read in all; more raise ValueError.
            ahead: Bytes of a range at least; more when the file is read one range after another.
        """
        self._files, self._path, self._left, self._ahead = files, path, limit, ahead
        self.size = files.entry(path).size
        self._position = self._start = 0
        self._held = b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, which may lie past the end."""
        self._position = max(offset + {io.SEEK_CUR: self._position, io.SEEK_END: self.size}.get(whence, 0), 0)
        return self._position

    def read(self, count: int | None = -1) -> bytes:
        """The next bytes, fewer at the end of the file.

        Raises:
            ValueError: when more than the limit is read.
            OmeError: of the source, when the file cannot be read.
        """
        start = min(self._position, self.size)
        end = self.size if count is None or count < 0 else min(start + count, self.size)
        if not self._start <= start <= end <= self._start + len(self._held):
            is_next = self._held and start - self._start <= len(self._held) < _MOST_AHEAD
            ahead = max(2 * len(self._held), self._ahead) if is_next else self._ahead
            upto = min(max(end, start + ahead), self.size)
            begin = min(start, max(upto - self._ahead, 0))  # the end of a file is read at once
            if upto - begin > self._left:
                raise ValueError(f"{self._path}: more than is expected would have to be read")
            self._left -= upto - begin
            self._start, self._held = begin, self._files.range(self._path, begin, upto) if upto > begin else b""
        self._position = end
        return self._held[start - self._start : end - self._start]

"""Hashes a file in order while its segments arrive out of order.

Bytes at the front of the file are hashed as they come. Those of later segments are kept in memory while the budget
allows, and are otherwise read back when the front reaches them, from the page cache that they were just written to.
"""

import os
import threading
from collections import deque

from steps.cache.journal import Journal
from steps.cache.store import new_hasher
from steps.manifest import FileEntry

_READ_BYTES = 1 << 20


class MemoryBudget:
    """How many bytes all hashers together may keep in memory."""

    def __init__(self, limit: int) -> None:
        self._lock = threading.Lock()
        self._left = limit

    def take(self, count: int) -> bool:
        """Take `count` bytes when there are as many left."""
        with self._lock:
            if count > self._left:
                return False
            self._left -= count
            return True

    def give(self, count: int) -> None:
        """Give bytes back."""
        with self._lock:
            self._left += count


class OrderedHasher:
    """Hashes one file in a thread of its own.

    Args:
        file: Decides algorithm and size.
        descriptor: The partial file, open for reading.
        journal: Says which bytes are there now; what comes later is told by `feed` alone, so that bytes are either
            kept or read back and never both.
        budget: Shared with the other hashers.
    """

    def __init__(self, file: FileEntry, descriptor: int, journal: Journal, budget: MemoryBudget) -> None:
        self._hasher = new_hasher(file)
        self._size = file.size
        self._descriptor = descriptor
        self._segment_bytes = journal.segment_bytes
        self._fed_end = [journal.bounds(segment)[0] + done for segment, done in enumerate(journal.done)]
        self._budget = budget
        self._changed = threading.Condition()
        self._kept: list[deque[tuple[int, bytes]]] = [deque() for _ in journal.done]
        self._position = 0
        self._is_stopped = False
        self._is_waiting = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"hash {file.path}", daemon=True)
        self._thread.start()

    def feed(self, segment: int, offset: int, content: bytes) -> None:
        """Tell that `content` at `offset` has been written and recorded."""
        with self._changed:
            self._fed_end[segment] = offset + len(content)
            if self._budget.take(len(content)):
                self._kept[segment].append((offset, content))
            if self._is_waiting:
                self._changed.notify()

    def finish(self) -> str | None:
        """Wait for the end and return the digest; None when stopped before it.

        Raises:
            OSError: when the file could not be read back.
        """
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self._hasher.hexdigest() if self._position == self._size else None

    def stop(self) -> None:
        """Give up: the download has failed or was cancelled."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
        self._thread.join()
        for kept in self._kept:
            self._budget.give(sum(len(content) for _, content in kept))
            kept.clear()

    def _run(self) -> None:
        try:
            while self._position < self._size:
                piece = self._next()
                if piece is None:
                    return
                self._hasher.update(piece)
                self._position += len(piece)
        except OSError as error:
            self._failure = error

    def _next(self) -> bytes | None:
        """The bytes at the front, waiting for them; None when stopped."""
        with self._changed:
            while not self._is_stopped:
                segment = self._position // self._segment_bytes
                kept = self._kept[segment]
                if kept and kept[0][0] == self._position:
                    content = kept.popleft()[1]
                    self._budget.give(len(content))
                    return content
                end = kept[0][0] if kept else self._fed_end[segment]
                if end > self._position:
                    break
                self._is_waiting = True
                self._changed.wait()
                self._is_waiting = False
            else:
                return None
        content = os.pread(self._descriptor, min(end - self._position, _READ_BYTES), self._position)
        if not content:
            raise OSError(f"byte {self._position} of the partial file cannot be read back")
        return content

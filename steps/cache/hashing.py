"""Hashes a file in order while its segments arrive out of order.

The hasher follows the front of what has been written without a gap, and reads it back from the page cache that it was
written to a moment before. Handing the received bytes over in memory instead was measured to cost more: they have left
the processor's caches by the time the front reaches them, and they keep memory busy that the download needs.
`steps.cache.download` does not run further ahead than the page cache can be trusted to hold.
"""

import os
import threading

from steps.cache.journal import Journal
from steps.cache.store import VersionHasher, new_hasher
from steps.manifest import FileEntry

_BATCH_BYTES = 1 << 20


class OrderedHasher:
    """Hashes one file in a thread of its own.

    Args:
        file: Decides algorithm and size.
        descriptor: The partial file, open for reading.
        journal: Says which bytes are there now; what comes later is told by `advance`.
    """

    def __init__(self, file: FileEntry, descriptor: int, journal: Journal) -> None:
        self._hasher = new_hasher(file)
        self._size = file.size
        self._descriptor = descriptor
        self._segment_bytes = journal.segment_bytes
        self._ends = [journal.bounds(segment)[0] + done for segment, done in enumerate(journal.done)]
        self._changed = threading.Condition()
        self._position = 0
        self._is_stopped = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"hash {file.path}", daemon=True)
        self._thread.start()

    @property
    def position(self) -> int:
        """Bytes hashed so far."""
        return self._position

    def advance(self, segment: int, end: int) -> None:
        """Tell that all bytes of a segment before byte `end` of the file have been written."""
        with self._changed:
            self._ends[segment] = end
            if segment == self._position // self._segment_bytes and self._has_batch():
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

    @property
    def content(self) -> str:
        """The sha256 of the file once it is finished, where its name is no digest; else ""."""
        return self._hasher.content if isinstance(self._hasher, VersionHasher) else ""

    def stop(self) -> None:
        """Give up: the download has failed or was cancelled."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
        self._thread.join()

    def _has_batch(self) -> bool:
        """Whether the front has a batch, or all of its segment: waking for each chunk costs more than hashing it."""
        segment = self._position // self._segment_bytes
        end = self._ends[segment]
        is_segment_whole = end == min((segment + 1) * self._segment_bytes, self._size)
        return is_segment_whole or end - self._position >= _BATCH_BYTES

    def _run(self) -> None:
        buffer = memoryview(bytearray(min(_BATCH_BYTES, self._size)))
        try:
            while self._position < self._size:
                with self._changed:
                    self._changed.wait_for(lambda: self._is_stopped or self._has_batch())
                    if self._is_stopped:
                        return
                    end = self._ends[self._position // self._segment_bytes]
                count = os.preadv(self._descriptor, [buffer[: end - self._position]], self._position)
                if count == 0:
                    raise OSError(f"byte {self._position} of the partial file cannot be read back")
                self._hasher.update(buffer[:count])
                self._position += count
        except OSError as error:
            self._failure = error

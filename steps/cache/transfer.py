"""One object's download under way: its partial file, the record of what is there, its hash, and the last rename.

Owned by the engine (`steps.cache.download`), which fetches the segments.
"""

import os
from collections import deque

from steps.cache.hashing import OrderedHasher
from steps.cache.holes import bytes_before_hole
from steps.cache.journal import Journal, segment_bytes_for, this_boot
from steps.cache.locks import open_locked
from steps.cache.small_transfer import SMALL_BYTES, SmallTransfer, damaged
from steps.cache.store import ObjectStore, Verified
from steps.cache.syncing import Sync
from steps.manifest import FileEntry


class Transfer:
    """A locked partial file that grows to an object.

    Attributes:
        file: What is fetched.
        resumed_bytes: Bytes that an earlier run had left.
        pending: Segments that nobody fetches yet, first to last.
    """

    def __init__(self, store: ObjectStore, file: FileEntry, descriptor: int, connections: int) -> None:
        self.file = file
        self._store = store
        self._descriptor = descriptor
        is_fresh = os.fstat(descriptor).st_size != file.size
        if is_fresh:
            os.ftruncate(descriptor, 0)
            os.ftruncate(descriptor, file.size)
        segment_bytes = segment_bytes_for(file.size, connections)
        boot = this_boot() if file.algorithm == "version" else b""
        self._journal = Journal(store.progress(file), file.size, segment_bytes, is_fresh=is_fresh, boot=boot)
        self._forget_holes()
        self.resumed_bytes = self._journal.total
        self.pending = deque(s for s in range(len(self._journal.done)) if self.missing(s)[0] < self.missing(s)[1])
        self._synced = sum(self._journal.synced)
        self._hasher = OrderedHasher(file, descriptor, self._journal)

    @property
    def total(self) -> int:
        """Bytes that are there."""
        return self._journal.total

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are there."""
        return self._journal.total == self.file.size

    def is_ahead(self, lead: int) -> bool:
        """Whether the next segment would begin further than `lead` bytes before what has been hashed."""
        return bool(self.pending) and self._journal.bounds(self.pending[0])[0] - self._hasher.position > lead

    def open_segments(self, lead: int) -> list[int]:
        """Those that nobody fetches yet and that begin at most `lead` bytes before what has been hashed."""
        last = self._hasher.position + lead
        return [segment for segment in self.pending if self.first(segment) <= last]

    def first(self, segment: int) -> int:
        """The first byte of a segment."""
        return self._journal.bounds(segment)[0]

    def there(self) -> list[tuple[int, int]]:
        """Bytes [start, end) that are there, segment by segment."""
        begun = ((self.first(segment), done) for segment, done in enumerate(self._journal.done) if done)
        return [(first, first + done) for first, done in begun]

    def missing(self, segment: int) -> tuple[int, int]:
        """The bytes [start, end) of a segment that are not there."""
        start, end = self._journal.bounds(segment)
        return start + self._journal.done[segment], end

    def write(self, segment: int, content: bytes) -> None:
        """Append bytes to a segment: first the bytes, then the record of them.

        Raises:
            OSError: when the disk does not take them.
        """
        offset, _ = self.missing(segment)
        written = os.pwrite(self._descriptor, content, offset)
        while written < len(content):
            written += os.pwrite(self._descriptor, content[written:], offset + written)
        self._journal.record(segment, self._journal.done[segment] + len(content))
        self._hasher.advance(segment, offset + len(content))

    def sync(self) -> Sync | None:
        """What forces the bytes that are there to the disk; None when nothing came since the last."""
        if self._journal.total == self._synced:
            return None
        self._synced = self._journal.total
        return Sync(os.dup(self._descriptor), self._journal.duplicate(), tuple(self._journal.done))

    def finish(self) -> None:
        """Verify the digest and make the object; blocks until the disk has it, or `stop` was called.

        Raises:
            IntegrityError: when the bytes are not those that the manifest names; the partial file is gone then.
            OSError: when the disk fails.
        """
        digest = self._hasher.finish()
        if digest is None:
            return
        if digest != self.file.digest:
            self.discard()
            raise damaged(self.file, digest)
        partial = self._store.partial(self.file)
        self._store.commit(Verified(self.file, partial, self._descriptor, self._hasher.content))

    def stop(self) -> None:
        """Give up hashing, so that `finish` returns."""
        self._hasher.stop()

    def close(self) -> None:
        """Let go of the files; what was fetched stays for the next run."""
        self._hasher.stop()
        self._journal.close()
        os.close(self._descriptor)

    def _forget_holes(self) -> None:
        """Take back what the record says of bytes that a power cut has taken."""
        for segment, done in enumerate(self._journal.done):
            start, _ = self._journal.bounds(segment)
            synced = self._journal.synced[segment]
            there = bytes_before_hole(self._descriptor, start, start + done, synced) if done else 0
            if there < done:
                self._journal.record(segment, there)

    def discard(self) -> None:
        """Remove what is there: it is damaged, or of two versions of the file."""
        self._store.progress(self.file).unlink(missing_ok=True)
        self._store.partial(self.file).unlink(missing_ok=True)


def begin_transfer(store: ObjectStore, file: FileEntry, connections: int) -> Transfer | SmallTransfer | None:
    """Take over the file's partial download; None while another process has it, or when one has just finished it."""
    partial = store.partial(file)
    descriptor = open_locked(partial)
    if descriptor is None:
        return None
    if store.path(file).exists():
        partial.unlink()
        os.close(descriptor)
        return None
    try:
        if file.size <= SMALL_BYTES and not store.progress(file).exists():
            return SmallTransfer(store, file, descriptor)
        return Transfer(store, file, descriptor, connections)
    except BaseException:
        os.close(descriptor)
        raise

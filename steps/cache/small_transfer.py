"""One small object's download under way: it is kept in memory until it is whole, then written and verified at once.

Of a model's thousands of small files each would cost a record, a thread that hashes and their ends: more than its
bytes do. A kill costs what has come of those under way, `SMALL_BYTES` for a connection at most, and those that wait
for the disk (`steps.cache.small_finish`); a failure costs nothing.
"""

import os
from collections import deque
from contextlib import suppress

from steps.cache.journal import Journal, segment_bytes_for, this_boot
from steps.cache.store import ObjectStore, Verified, VersionHasher, new_hasher
from steps.errors import IntegrityError
from steps.manifest import FileEntry

SMALL_BYTES = 128 << 10


class SmallTransfer:
    """A locked partial file that stays empty until all its bytes are there.

    Attributes:
        file: What is fetched.
        pending: The one segment, while nobody fetches it.
    """

    def __init__(self, store: ObjectStore, file: FileEntry, descriptor: int) -> None:
        self.file = file
        self.pending = deque([0] if file.size else [])
        self._store = store
        self._descriptor = descriptor
        self._content = bytearray()
        self._is_kept = True

    @property
    def total(self) -> int:
        """Bytes that are there."""
        return len(self._content)

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are there."""
        return len(self._content) == self.file.size

    def is_ahead(self, lead: int) -> bool:
        """Never: there is nothing to wait for."""
        return False

    def open_segments(self, lead: int) -> list[int]:
        """The one, while nobody fetches it."""
        return list(self.pending)

    def first(self, segment: int) -> int:
        """The first byte."""
        return 0

    def there(self) -> list[tuple[int, int]]:
        """Nothing that others could read: it is in memory until it is whole."""
        return []

    def missing(self, segment: int) -> tuple[int, int]:
        """The bytes [start, end) that are not there."""
        return len(self._content), self.file.size

    def write(self, segment: int, content: bytes) -> None:
        """Take the next bytes."""
        self._content += content

    def verify(self) -> Verified:
        """Verify the digest and write the file.

        Raises:
            IntegrityError: when the bytes are not those that the manifest names.
            OSError: when the disk does not take them.
        """
        hasher = new_hasher(self.file)
        hasher.update(self._content)
        if hasher.hexdigest() != self.file.digest:
            self.discard()
            raise damaged(self.file, hasher.hexdigest())
        self._write()
        self._is_kept = False
        content = hasher.content if isinstance(hasher, VersionHasher) else ""
        return Verified(self.file, self._store.partial(self.file), self._descriptor, content)

    def stop(self) -> None:
        """Nothing goes on that would have to be stopped."""

    def close(self) -> None:
        """Let go of the file; what came stays for the next run, where the disk takes it."""
        with suppress(OSError):
            if self._is_kept and self._content:
                self._write()
                os.ftruncate(self._descriptor, self.file.size)
                self._record()
        os.close(self._descriptor)

    def discard(self) -> None:
        """Remove what is there: it is damaged, or of two versions of the file."""
        self._is_kept = False
        self._store.partial(self.file).unlink(missing_ok=True)

    def _write(self) -> None:
        os.ftruncate(self._descriptor, 0)
        view = memoryview(self._content)
        while view:
            view = view[os.pwrite(self._descriptor, view, len(self._content) - len(view)) :]

    def _record(self) -> None:
        """As a transfer does that goes on from there."""
        boot = this_boot() if self.file.algorithm == "version" else b""
        size = self.file.size
        journal = Journal(self._store.progress(self.file), size, segment_bytes_for(size, 1), is_fresh=True, boot=boot)
        journal.record(0, len(self._content))
        journal.close()


def damaged(file: FileEntry, digest: str) -> IntegrityError:
    """What came is not what the manifest names."""
    remedy = ""
    if file.algorithm == "md5-parts":
        part_bytes = file.digest.rpartition("-")[2]
        remedy = (
            f"{IntegrityError.default_remedy} It is taken to be the MD5 of parts of {part_bytes} bytes: where they "
            "have another size, name it in spec.storage.parameters.partSize, or none where they differ, and resolve "
            "the model again."
        )
    return IntegrityError(
        f"{file.path}: its {file.size} bytes have the {file.algorithm} {digest}, "
        f"the manifest says {file.digest}; the damaged copy was removed",
        remedy=remedy,
    )

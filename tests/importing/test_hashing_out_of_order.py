"""The hash of a file is that of its bytes in order, however its segments arrive."""

import hashlib
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.cache import hashing
from steps.cache.hashing import OrderedHasher
from steps.cache.journal import Journal
from steps.manifest import FileEntry
from tests.importing.models import noise

SEGMENT = 1000


class Growing:
    """A partial file that is written and told of, as a transfer does it."""

    def __init__(self, folder: Path, content: bytes, there: list[int]) -> None:
        self.content = content
        self.journal = Journal(folder / "progress", len(content), SEGMENT, is_fresh=True)
        self.descriptor = os.open(folder / "partial", os.O_RDWR | os.O_CREAT)
        for segment, done in enumerate(there[: len(self.journal.done)]):
            self._write(segment, min(done, self.left(segment)))
        file = FileEntry(path="f", size=len(content), algorithm="sha256", digest="", location="")
        self.hasher = OrderedHasher(file, self.descriptor, self.journal)

    def left(self, segment: int) -> int:
        """Bytes of a segment that are missing."""
        start, end = self.journal.bounds(segment)
        return end - start - self.journal.done[segment]

    def grow(self, segment: int, count: int) -> None:
        """Write bytes and tell the hasher."""
        self.hasher.advance(segment, self._write(segment, min(count, self.left(segment))))

    def _write(self, segment: int, count: int) -> int:
        start = self.journal.bounds(segment)[0] + self.journal.done[segment]
        os.pwrite(self.descriptor, self.content[start : start + count], start)
        self.journal.record(segment, self.journal.done[segment] + count)
        return start + count

    @property
    def unfinished(self) -> list[int]:
        """Segments with bytes missing."""
        return [segment for segment in range(len(self.journal.done)) if self.left(segment)]


@contextmanager
def growing(content: bytes, there: list[int]) -> Iterator[Growing]:
    """A partial file in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Growing(Path(folder), content, there)
        yield file
        file.hasher.stop()
        file.journal.close()
        os.close(file.descriptor)


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 6 * SEGMENT),
    there=st.lists(st.integers(0, SEGMENT), max_size=6),
    batch=st.sampled_from([1, 300, 1 << 20]),
    order=st.randoms(use_true_random=False),
)
def test_any_order_of_arrival_gives_the_digest(size: int, there: list[int], batch: int, order: random.Random) -> None:
    with pytest.MonkeyPatch.context() as patch, growing(noise(size, size), there) as file:
        patch.setattr(hashing, "_BATCH_BYTES", batch)
        while file.unfinished:
            file.grow(order.choice(file.unfinished), order.randint(1, 400))
        assert file.hasher.finish() == hashlib.sha256(file.content).hexdigest()


def test_stopping_gives_no_digest() -> None:
    with growing(noise(2 * SEGMENT, 1), []) as file:
        file.grow(1, SEGMENT)
        file.hasher.stop()
        assert file.hasher.finish() is None


def test_file_that_is_cut_short_behind_its_back_is_an_error_and_no_wait() -> None:
    with growing(noise(2 * SEGMENT, 1), []) as file:
        os.ftruncate(file.descriptor, 0)
        for segment in (0, 1):
            file.journal.record(segment, SEGMENT)
            file.hasher.advance(segment, (segment + 1) * SEGMENT)
        with pytest.raises(OSError, match="cannot be read back"):
            file.hasher.finish()

"""The hash of a file is that of its bytes in order, however its segments arrive and whatever memory there is."""

import hashlib
import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from steps.cache.hashing import MemoryBudget, OrderedHasher
from steps.cache.journal import Journal
from steps.manifest import FileEntry
from tests.importing.models import noise

SEGMENT = 1000


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 6 * SEGMENT),
    budget=st.sampled_from([0, 700, 1 << 20]),
    there=st.lists(st.integers(0, SEGMENT), max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_any_order_and_any_budget_give_the_digest(size: int, budget: int, there: list[int], order: object) -> None:
    content = noise(size, size)
    file = FileEntry(path="f", size=size, algorithm="sha256", digest="", location="")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = Journal(folder / "progress", size, SEGMENT, is_fresh=True)
        descriptor = os.open(folder / "partial", os.O_RDWR | os.O_CREAT)
        for segment, done in enumerate(there[: len(journal.done)]):
            start, end = journal.bounds(segment)
            count = min(done, end - start)
            os.pwrite(descriptor, content[start : start + count], start)
            journal.record(segment, count)
        memory = MemoryBudget(budget)
        hasher = OrderedHasher(file, descriptor, journal, memory)
        while journal.total < size:
            unfinished = [s for s in range(len(journal.done)) if sum(journal.bounds(s)) > 0 and _missing(journal, s)]
            segment = order.choice(unfinished)  # type: ignore[attr-defined]  # a random.Random
            start = journal.bounds(segment)[0] + journal.done[segment]
            piece = content[start : start + min(_missing(journal, segment), order.randint(1, 400))]  # type: ignore[attr-defined]
            os.pwrite(descriptor, piece, start)
            journal.record(segment, journal.done[segment] + len(piece))
            hasher.feed(segment, start, piece)
        assert hasher.finish() == hashlib.sha256(content).hexdigest()
        assert memory.take(budget), "all memory was given back"
        journal.close()
        os.close(descriptor)


def _missing(journal: Journal, segment: int) -> int:
    start, end = journal.bounds(segment)
    return end - start - journal.done[segment]


def test_bytes_recorded_just_before_they_are_told_are_hashed_once(tmp_path: Path) -> None:
    """The hasher may see a record before `feed` tells of it: it must not count those bytes twice, nor wait on."""
    content = noise(200_000, 3)
    file = FileEntry(path="f", size=len(content), algorithm="sha256", digest="", location="")
    for attempt in range(20):
        journal = Journal(tmp_path / f"{attempt}.progress", len(content), 50_000, is_fresh=True)
        descriptor = os.open(tmp_path / f"{attempt}.partial", os.O_RDWR | os.O_CREAT)
        hasher = OrderedHasher(file, descriptor, journal, MemoryBudget(1 << 20))
        for segment in range(4):
            for start in range(segment * 50_000, (segment + 1) * 50_000, 500):
                piece = content[start : start + 500]
                os.pwrite(descriptor, piece, start)
                journal.record(segment, start + 500 - segment * 50_000)
                hasher.feed(segment, start, piece)
        assert hasher.finish() == hashlib.sha256(content).hexdigest()
        journal.close()
        os.close(descriptor)


def test_stopping_gives_no_digest_and_all_memory_back(tmp_path: Path) -> None:
    file = FileEntry(path="f", size=1000, algorithm="sha256", digest="", location="")
    journal = Journal(tmp_path / "progress", 1000, 500, is_fresh=True)
    descriptor = os.open(tmp_path / "partial", os.O_RDWR | os.O_CREAT)
    memory = MemoryBudget(500)
    hasher = OrderedHasher(file, descriptor, journal, memory)
    hasher.feed(1, 500, bytes(500))
    hasher.stop()
    assert hasher.finish() is None
    assert memory.take(500)

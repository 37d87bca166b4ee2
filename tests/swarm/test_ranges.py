"""Ranges of bytes, beside a set of single bytes."""

from hypothesis import given
from hypothesis import strategies as st

from steps.swarm.ranges import Ranges

ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)))


@given(ranges)
def test_ranges_hold_what_was_added_and_neither_touch_nor_overlap(added: list[tuple[int, int]]) -> None:
    held, bytes_there = Ranges(), set[int]()
    for start, end in added:
        held.add(start, end)
        bytes_there |= set(range(start, end))
    runs = list(held)
    assert {byte for start, end in runs for byte in range(start, end)} == bytes_there
    assert all(start < end for start, end in runs)
    assert all(end < following for (_, end), (following, _) in zip(runs, runs[1:], strict=False))


@given(ranges, st.integers(0, 61))
def test_the_end_of_a_run_is_the_first_byte_that_is_missing(added: list[tuple[int, int]], position: int) -> None:
    bytes_there = {byte for start, end in added for byte in range(start, end)}
    expected = position
    while expected in bytes_there:
        expected += 1
    assert Ranges(added).end_from(position) == expected

"""Which bytes of a file are there: ranges that neither touch nor overlap, in order. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Range = tuple[int, int]
"""First byte, and the byte after the last."""


class Ranges:
    """A set of bytes of one file.

    Args:
        ranges: What it begins with; these may touch and overlap.
    """

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in ranges:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """Add bytes [start, end)."""
        if start >= end:
            return
        first, last = bisect_left(self._ends, start), bisect_right(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def end_from(self, position: int) -> int:
        """Where the bytes from `position` on end; `position` itself when that byte is not there."""
        at = bisect_right(self._starts, position) - 1
        return max(position, self._ends[at]) if at >= 0 else position

    def __iter__(self) -> Iterator[Range]:
        return zip(list(self._starts), list(self._ends), strict=True)

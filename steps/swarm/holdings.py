"""What this node has of a model, and what it fetches from the source just now: what its peers are told.

The download writes it from its thread, the server reads it from its own. Files are named by their place among the
manifest's distinct files, which is the same on all nodes.
"""

import threading
from collections.abc import Iterable
from itertools import pairwise

from pydantic import NonNegativeInt, field_validator

from steps.frozen import Frozen
from steps.swarm.ranges import Range, Ranges

Segment = tuple[int, int]
"""A file's number, and the first byte of one of its segments."""


class Told(Frozen):
    """What a peer is told at once.

    Attributes:
        instance: Names this run of this node; another one knows nothing of what was told before.
        version: To be given with the next question.
        files: Of each file that changed since the version that was asked with, by number: all of its ranges.
        fetching: What is being fetched from the source, as file number and first byte.
        is_complete: Whether nothing is missing.
    """

    instance: str
    version: NonNegativeInt
    files: dict[NonNegativeInt, list[tuple[NonNegativeInt, NonNegativeInt]]] = {}
    fetching: list[tuple[NonNegativeInt, NonNegativeInt]] = []
    is_complete: bool = False

    @field_validator("files")
    @classmethod
    def _in_order(cls, files: dict[int, list[Range]]) -> dict[int, list[Range]]:
        """Ranges are told in order; others would take long to put in order."""
        for ranges in files.values():
            places = [place for each in ranges for place in each]
            if any(place >= following for place, following in pairwise(places)):
                raise ValueError("ranges overlap or are out of order")
        return files


class Holdings:
    """What this node has of the files of one manifest. Thread-safe.

    Args:
        instance: Names this run of this node.
    """

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self._lock = threading.Lock()
        self._version = 1  # 0 asks for everything
        self._ranges: dict[int, Ranges] = {}
        self._changed: dict[int, int] = {}  # file number to version, the latest last
        self._fetching: set[Segment] = set()
        self._is_complete = False

    @property
    def version(self) -> int:
        """Grows with every change."""
        return self._version

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return self._is_complete

    def add(self, file: int, ranges: Iterable[Range]) -> None:
        """Bytes of a file are there."""
        with self._lock:
            known = self._ranges.setdefault(file, Ranges())
            for start, end in ranges:
                known.add(start, end)
            self._note(file)

    def forget(self, file: int) -> None:
        """Nothing of a file is there any more: it was damaged."""
        with self._lock:
            self._ranges.pop(file, None)
            self._note(file)

    def complete(self) -> None:
        """Nothing is missing."""
        with self._lock:
            self._is_complete = True
            self._version += 1

    def fetch(self, segment: Segment) -> None:
        """A segment is fetched from the source from now on."""
        with self._lock:
            self._fetching.add(segment)
            self._version += 1

    def let_go(self, segment: Segment) -> None:
        """It is no longer fetched."""
        with self._lock:
            self._fetching.discard(segment)
            self._version += 1

    def has(self, file: int, start: int, end: int) -> bool:
        """Whether bytes [start, end) of a file are there."""
        with self._lock:
            return file in self._ranges and self._ranges[file].end_from(start) >= end

    def since(self, version: int) -> Told:
        """What has changed since a version; all when it is 0."""
        with self._lock:
            files = {}
            for file in reversed(self._changed):
                if self._changed[file] <= version:
                    break
                files[file] = list(self._ranges.get(file, ()))
            return Told(
                instance=self.instance,
                version=self._version,
                files=files,
                fetching=sorted(self._fetching),
                is_complete=self._is_complete,
            )

    def _note(self, file: int) -> None:
        self._version += 1
        self._changed.pop(file, None)
        self._changed[file] = self._version

"""What is known of another node that imports the same model. Written by what follows it, read by the choice."""

from dataclasses import dataclass, field

from steps.swarm.holdings import Segment, Told
from steps.swarm.ranges import Ranges

AVOID_SECONDS = 2.0
STALE_FETCH_SECONDS = 10.0
"""A segment that a peer says it fetches, but that has not grown for so long, is free for others."""


@dataclass(eq=False)
class Peer:
    """Another node.

    Attributes:
        url: Of its server, without a slash at the end.
        instance: Names its run; "" until it has answered.
        version: Of what it has told last.
        is_alive: Whether it has answered lately.
        is_complete: Whether it misses nothing.
        requests: How many of our requests it is answering.
        avoided_until: Until when nothing is asked of it, for a request has failed.
        is_trusted: Whether nothing that it gave was part of a damaged file.
    """

    url: str
    instance: str = ""
    version: int = 0
    is_alive: bool = False
    is_complete: bool = False
    requests: int = 0
    avoided_until: float = 0.0
    is_trusted: bool = True
    _ranges: dict[int, Ranges] = field(default_factory=dict)
    _fetching: dict[Segment, tuple[int, float]] = field(default_factory=dict)

    def end_from(self, file: int, position: int) -> int:
        """Where the bytes of a file end that it has from `position` on; `position` when it lacks that byte."""
        ranges = self._ranges.get(file)
        return ranges.end_from(position) if ranges is not None else position

    def may_be_asked(self, now: float) -> bool:
        """Whether what it has may be asked for."""
        return self.is_trusted and self.avoided_until <= now

    def fetches(self, segment: Segment, now: float) -> bool:
        """Whether it fetches a segment from the source, and that goes on; of one that is not trusted it is no use."""
        if not self.is_trusted:
            return False
        known = self._fetching.get(segment)
        return known is not None and now - known[1] < STALE_FETCH_SECONDS

    def hear(self, told: Told, now: float) -> None:
        """Take what it has told."""
        if told.instance != self.instance:
            self.forget()
            self.instance = told.instance
        for file, ranges in told.files.items():
            self._ranges[file] = Ranges(ranges)
        fetching = {}
        for segment in told.fetching:
            end = self.end_from(*segment)
            before = self._fetching.get(segment)
            fetching[segment] = before if before is not None and before[0] == end else (end, now)
        self._fetching = fetching
        self.version, self.is_complete, self.is_alive = told.version, told.is_complete, True

    def avoid(self, now: float) -> None:
        """A request has failed: ask others for a while."""
        self.avoided_until = now + AVOID_SECONDS

    def distrust(self) -> None:
        """A file that it gave bytes of is damaged, and they may be why: it is not asked again."""
        self.is_trusted = False

    def forget(self) -> None:
        """It does not answer, or is another than before: nothing of what it told holds."""
        self.instance, self.version, self.is_alive, self.is_complete = "", 0, False, False
        self._ranges, self._fetching = {}, {}

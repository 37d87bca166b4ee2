"""What was seen of kills: how many of which kind, and how much of what was fetched they cost."""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.kills.moments import MomentKind


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        kind: Of its moment.
        before: The function of `os` that was to be called next; "" where that is not known.
        model: The model that was being imported.
        fetched: Bytes that the process had taken from its connections.
        kept: By how many bytes the store had grown.
        written: What the kernel had written to the disk by then; "" where the disk kept its power.
    """

    kind: MomentKind
    before: str
    model: str
    fetched: int
    kept: int
    written: str = ""

    @property
    def lost(self) -> int:
        """Bytes that have to be fetched again."""
        return max(0, self.fetched - self.kept)


@dataclass
class Tally:
    """All of them.

    Attributes:
        kills: In order.
        rounds: How often all models were imported to the end.
        needed: Bytes that this takes at least.
        sent: Bytes that the source sent for it, those included that nobody took any more.
        refused: Attempts that ended by themselves because what an earlier one had left was damaged.
    """

    kills: list[Kill] = field(default_factory=list)
    rounds: int = 0
    needed: int = 0
    sent: int = 0
    refused: int = 0

    @property
    def share_kept(self) -> float:
        """Of the bytes that killed processes had fetched."""
        return _share_kept(self.kills)

    @property
    def worst(self) -> int:
        """The most bytes that one kill cost."""
        return max((kill.lost for kill in self.kills), default=0)

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        kinds = Counter(kill.kind for kill in self.kills)
        models = Counter(kill.model for kill in self.kills)
        befores = Counter(kill.before for kill in self.kills if kill.before)
        fetched = sum(kill.fetched for kill in self.kills)
        yield f"kills     {len(self.kills)} in {self.rounds} rounds: {_counted(kinds)}"
        yield f"importing {_counted(models)}"
        yield f"before    {_counted(befores)}"
        yield f"kept      {self.share_kept:.4%} of {fetched / 1e6:.1f} MB that killed processes had fetched"
        for written in sorted({kill.written for kill in self.kills} - {""}):
            share = _share_kept(kill for kill in self.kills if kill.written == written)
            yield f"          {share:.2%} where the disk had {written}"
        middle = statistics.median(kill.lost for kill in self.kills)
        yield f"lost      {middle:.0f} bytes by the median kill, {self.worst} by the worst"
        yield f"sent      {self.sent / 1e6:.1f} MB for {self.needed / 1e6:.1f} MB, {self.sent / self.needed:.4f} times"
        yield f"refused   {self.refused} attempts, for damage that an earlier one had left"


def _share_kept(kills: Iterable[Kill]) -> float:
    lost, fetched = 0, 0
    for kill in kills:
        lost, fetched = lost + kill.lost, fetched + kill.fetched
    return 1 - lost / fetched if fetched else 1.0


def _counted(counts: Counter[str] | Counter[MomentKind]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())

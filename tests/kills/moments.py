"""At which moment an import ends: chosen at random over all of its run, not over its time alone. Pure.

Most of an import's time goes into its bytes, and most of what can go wrong is outside it: so a kind of moment is
chosen first, then one of that kind.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tests.kills.attempt import ChangeKind

MomentKind = Literal["step", "write", "bytes", "time", "command", "end"]
KILLS: Mapping[MomentKind, int] = {"step": 45, "write": 20, "bytes": 20, "time": 11, "command": 4}
"""How often each kind of moment is chosen for a kill."""
CUTS: Mapping[MomentKind, int] = {"step": 40, "write": 20, "bytes": 20, "end": 20}
"""The same for a power cut."""


@dataclass(frozen=True)
class Run:
    """An import that nothing disturbed.

    Attributes:
        changes: How many changes of the disk it made, by kind.
        fetched_bytes: What it fetched.
        seconds: How long it took.
        command_seconds: The same of `ome import`.
    """

    changes: Mapping[ChangeKind, int]
    fetched_bytes: int
    seconds: float
    command_seconds: float = 0.0


@dataclass(frozen=True)
class Moment:
    """When to kill.

    Attributes:
        kind: "step": before a change of the disk other than a write of bytes; "write": before one of these; "bytes":
            when the source has sent so many; "time"; "command": the same, of `ome import` with all its processes;
            "end": when it has come to its end, which leaves the disk to be cut.
        at: Number of the change from 1, bytes from the start of the attempt, seconds, or nothing.
    """

    kind: MomentKind
    at: float

    @property
    def stop(self) -> tuple[ChangeKind, int] | None:
        """Before which change the process stops by itself."""
        return (self.kind, int(self.at)) if self.kind in ("step", "write") else None


def choose(chance: random.Random, run: Run, kinds: Mapping[MomentKind, int]) -> Moment:
    """A moment of an import like `run`, of a kind by its weight; those that an import has not are left out."""
    possible = {kind: weight for kind, weight in kinds.items() if _extent(run, kind) > 0}
    (kind,) = chance.choices(list(possible), list(possible.values()))
    extent = _extent(run, kind)
    return Moment(kind, chance.uniform(0, extent) if kind in ("time", "command") else chance.randint(1, int(extent)))


def _extent(run: Run, kind: MomentKind) -> float:
    match kind:
        case "step" | "write":
            return run.changes[kind]
        case "bytes":
            return run.fetched_bytes
        case "time":
            return run.seconds
        case "command":
            return run.command_seconds
        case "end":
            return 1

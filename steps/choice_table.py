"""How much room the table of runtimes that were not chosen takes: a cluster may have hundreds of them.

The choice travels as a workflow parameter, several times within one workflow and twice within the environment of a
pod, whose variables Linux holds to 128 KiB each (MAX_ARG_STRLEN), and ends in a status that is to stay well under 64
KiB. So reasons are shortened, all to one length, before a runtime is left out. `ome runtimes explain` has everything.
"""

from collections.abc import Sequence
from typing import Final

from steps.choice import Refusal

MOST_BYTES: Final = 32 << 10
"""Of the table as JSON."""
SHORTEST: Final = 48
"""Characters of a reason that say something: the first of a runtime's reasons, with its value."""


def bounded(refused: Sequence[Refusal], most: int = MOST_BYTES) -> tuple[tuple[Refusal, ...], int]:
    """The table within so many bytes, and how many runtimes of its end are left out.

    Args:
        refused: Best first.
        most: Bytes as JSON.
    """
    if _bytes(refused) <= most:
        return tuple(refused), 0
    low, high = SHORTEST, max(len(row.reason) for row in refused)
    while low < high:  # the longest length at which all have room, or SHORTEST
        middle = (low + high + 1) // 2
        if _bytes([_shortened(row, middle) for row in refused]) <= most:
            low = middle
        else:
            high = middle - 1
    kept: list[Refusal] = []
    for row in refused:
        short = _shortened(row, low)
        most -= _bytes([short])
        if most < 0:
            break
        kept.append(short)
    return tuple(kept), len(refused) - len(kept)


def _shortened(row: Refusal, length: int) -> Refusal:
    if len(row.reason) <= length:
        return row
    return row.model_copy(update={"reason": f"{row.reason[: length - 1].rstrip()}…"})


def _bytes(rows: Sequence[Refusal]) -> int:
    """With a comma behind each."""
    return sum(len(row.model_dump_json(by_alias=True).encode()) + 1 for row in rows)

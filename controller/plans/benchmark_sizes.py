"""How much of a benchmark's numbers its status and its annotations hold: the matrix may have thousands of cells.

A status is to stay under 64 KiB, and the API server refuses annotations over 256 KiB in all; a refused one would keep
every later status from being written. The report has all cells.
"""

import json
from collections.abc import Sequence
from typing import Final

from controller.actions import Object

MOST_RESULTS: Final = 32 << 10
"""Bytes of `status.results`."""
MOST_HISTORY: Final = 20 << 10
"""Bytes of `status.history`."""
MOST_BASELINE: Final = 128 << 10
"""Bytes of the numbers of the baseline that an annotation remembers."""


def within(items: Sequence[Object], most: int) -> list[Object]:
    """The first of some JSON objects, as many as have at most so many bytes."""
    kept: list[Object] = []
    for item in items:
        most -= len(json.dumps(item, separators=(",", ":"))) + 1
        if most < 0:
            break
        kept.append(item)
    return kept


def left_out(results: Sequence[Object]) -> str:
    """A sentence on the cells that `status.results` has no room for; "" when it has all."""
    kept = len(within(results, MOST_RESULTS))
    if kept == len(results):
        return ""
    first = f"{results[kept]['scenario']} at {results[kept]['concurrency']}"
    return f"status.results has the first {kept} of {len(results)} cells; those from {first} on are in the report."

"""One quantile of some numbers, as every figure of a benchmark has it."""

from collections.abc import Sequence
from math import ceil, floor


def percentile(values: Sequence[float], fraction: float) -> float:
    """The `fraction` quantile of `values`, which must be sorted, by linear interpolation between the closest ranks."""
    position = (len(values) - 1) * fraction
    below, above = values[floor(position)], values[ceil(position)]
    return below + (above - below) * (position - floor(position))

"""Whether a model's size is within the range that a runtime accepts, and how near to its middle.

`candidates` and `ranking` call it. Bounds may be absent: `up to 15B`, `7B and above`.
"""

import math
from functools import lru_cache

from crds.problems import FieldError
from crds.size import format_size, parse_size

SMALLEST_MODEL = 10**6
LARGEST_MODEL = 10**13


def refuse_size(size: int, minimum: str, maximum: str) -> str:
    """Why a model of `size` parameters is outside the range, or "" when it is inside.

    Args:
        size: Parameters; 0 for unknown, which no range refuses.
        minimum: Lower bound, inclusive, or "" for none.
        maximum: Upper bound, inclusive, or "" for none.
    """
    try:
        low, high = bounds(minimum, maximum)
    except FieldError as error:
        return f"its modelSizeRange is wrong: {error}"
    if not size or ((low is None or size >= low) and (high is None or size <= high)):
        return ""
    return f"model size {format_size(size)} is outside the supported range, {format_range(minimum, maximum)}"


@lru_cache(maxsize=4096)
def bounds(minimum: str, maximum: str) -> tuple[int | None, int | None]:
    """Both bounds in parameters.

    Raises:
        FieldError: for text that is not a size.
    """
    return parse_size(minimum) if minimum else None, parse_size(maximum) if maximum else None


def format_range(minimum: str, maximum: str) -> str:
    """A range in words: "7B to 70B", "up to 15B", "15B and above"."""
    if minimum and maximum:
        return f"{minimum} to {maximum}"
    if maximum:
        return f"up to {maximum}"
    return f"{minimum} and above" if minimum else "any size"


def distance_to_middle(size: int, minimum: str, maximum: str) -> float:
    """How far a size is from a range's middle, in factors of e; the nearer range is the closer match.

    The middle is taken on a log scale: between 1B and 100B it is 10B. A missing bound stands for the smallest or the
    largest model that is served today. No range at all is the loosest match; an unknown size turns it round, since a
    range might exclude the model.
    """
    low, high = bounds(minimum, maximum)
    is_bounded = low is not None or high is not None
    if not size:
        return 1.0 if is_bounded else 0.0
    if not is_bounded:
        return math.inf
    middle = (math.log(max(low or SMALLEST_MODEL, 1)) + math.log(high or LARGEST_MODEL)) / 2
    return abs(math.log(size) - middle)

"""Keeps a stream of bytes under a rate: a bucket that holds a quarter of a second's bytes. Not thread-safe."""

import asyncio
import os
import time
from collections.abc import Mapping

from crds.problems import FieldError
from crds.quantity import parse_quantity
from steps.errors import InvalidInputError

DOWNLOAD_LIMIT = "OME_DOWNLOAD_LIMIT"
UPLOAD_LIMIT = "OME_UPLOAD_LIMIT"
BURST_SECONDS = 0.25
LEAST = 1 << 20
"""With less, a transfer would wait for its turn for so long that it were taken for stalled."""


class Pace:
    """A cap in bytes per second."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._free_at = time.monotonic()

    async def take(self, count: int) -> None:
        """Wait until `count` more bytes may pass."""
        now = time.monotonic()
        self._free_at = max(self._free_at, now - BURST_SECONDS) + count / self._rate
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)


def pace_from_environment(variable: str, environment: Mapping[str, str] = os.environ) -> Pace | None:
    """The cap that a variable sets, as a quantity of bytes per second (`500Mi`); None for no cap.

    Raises:
        InvalidInputError: names the variable and its value.
    """
    text = environment.get(variable, "").strip()
    if not text:
        return None
    try:
        rate = float(parse_quantity(text))
    except FieldError:
        rate = 0.0
    if rate < LEAST:
        raise InvalidInputError(
            f'{variable}: "{text}" is no rate of at least 1Mi',
            remedy="Give bytes per second, such as 500Mi, or leave it empty.",
        )
    return Pace(rate)

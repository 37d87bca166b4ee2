"""Whose request the source gets next: all connections of an import keep one limit, and wait together when it asks.

Called by `steps.cache.segment_fetch`. The limit is decided in `steps.cache.concurrency`. For one event loop.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from steps.cache.concurrency import Concurrency
from steps.errors import OverloadedError, RateLimitedError
from steps.sources.patience import Waits


class Turns:
    """The requests of a source that are under way.

    Args:
        most: At once, as configured: all are allowed until the source has too much to do.
        waits: Until when the source wants nothing.
    """

    def __init__(self, most: int, waits: Waits) -> None:
        self._limit = Concurrency(most, most)
        self._waits = waits
        self._under_way = 0
        self._freed = asyncio.Event()

    @property
    def at_once(self) -> int:
        """Requests that the source gets at once now."""
        return self._limit.at_once

    async def come(self, earliest: float, most_seconds: float | None) -> bool:
        """Wait until a request may begin; False when that takes longer.

        Args:
            earliest: When the caller wants to ask, on the monotonic clock.
            most_seconds: How long to wait; None for as long as it takes.
        """
        try:
            async with asyncio.timeout(most_seconds):
                while True:
                    pause = max(earliest, self._waits.until) - time.monotonic()
                    if pause > 0:
                        await asyncio.sleep(pause)
                    elif self._under_way >= self._limit.at_once:
                        self._freed.clear()
                        await self._freed.wait()
                    else:
                        return True
        except TimeoutError:
            return False

    @contextmanager
    def taken(self) -> Iterator[None]:
        """A request, from its beginning to its end; to be entered as soon as the turn has come."""
        began = time.monotonic()
        self._under_way += 1
        try:
            yield
            self._limit = self._limit.served(began)
            self._waits.served()
        except (OverloadedError, RateLimitedError):
            self._limit = self._limit.overloaded(began, time.monotonic())
            raise
        finally:
            self._under_way -= 1
            self._freed.set()

"""Keeps the timeout of a transfer from ending one that brings bytes."""

import asyncio
from collections.abc import Callable


def fed(watchdog: asyncio.Timeout, seconds: float, sink: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """`sink`, which also keeps the watchdog quiet for at least `seconds` more.

    Setting a timer anew for each chunk would cost as much as receiving it, so it is set once in a quarter of the time,
    for a quarter longer.
    """
    now = asyncio.get_running_loop().time
    renew_at = now()

    def take(content: bytes) -> None:
        nonlocal renew_at
        if now() >= renew_at:
            renew_at = now() + seconds / 4
            watchdog.reschedule(now() + seconds * 1.25)
        sink(content)

    return take

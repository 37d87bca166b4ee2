"""Forces downloads under way to the disk now and then, so that a power cut takes the last seconds of them, not more.

Without it the kernel decides, which by default is half a minute later. First the bytes, then the record that says so.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from steps.cache.journal import record_synced

SYNC_SECONDS = 1.0
LARGEST_SHARE = 0.1
"""Of the time: on a disk that takes long, the pauses are longer."""


@dataclass(frozen=True)
class Sync:
    """A download's bytes that are to be forced to the disk.

    Attributes:
        partial, journal: Its files, open for this alone: the download may close its own at any time.
        done: Bytes that were there before, per segment.
    """

    partial: int
    journal: int
    done: tuple[int, ...]

    def run(self) -> None:
        """Force them, then record it; closes the files.

        Raises:
            OSError: when the disk fails.
        """
        try:
            os.fsync(self.partial)
            record_synced(self.journal, self.done)
        finally:
            os.close(self.partial)
            os.close(self.journal)


async def sync_now_and_then(syncs: Callable[[], Iterable[Sync]]) -> None:
    """Run what there is to be forced to the disk, again and again, until cancelled."""
    pause = SYNC_SECONDS
    while True:
        await asyncio.sleep(pause)
        started = time.monotonic()
        # Cancelled or not, what was begun comes to its end: it has files to close.
        await asyncio.shield(asyncio.to_thread(_run, tuple(syncs())))
        pause = max(SYNC_SECONDS, (time.monotonic() - started) / LARGEST_SHARE)


def _run(syncs: Iterable[Sync]) -> None:
    for sync in syncs:
        with suppress(OSError):  # a disk that fails says so again when the download is finished, which is what counts
            sync.run()

"""Forces downloads under way to the disk now and then, so that a power cut takes the last seconds of them, not more.

Without it the kernel decides, which by default is half a minute later. First the bytes, then the record of them: a
record that is on the disk without its bytes is found out (`steps.cache.holes`), at the cost of a look.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from steps.cache.store import ObjectStore
from steps.manifest import FileEntry

SYNC_SECONDS = 1.0
LARGEST_SHARE = 0.1
"""Of the time: on a disk that takes long, the pauses are longer."""


async def sync_now_and_then(store: ObjectStore, files: Callable[[], Iterable[FileEntry]]) -> None:
    """Force what has been written of some downloads to the disk, again and again, until cancelled.

    Args:
        store: Where they grow.
        files: Which ones, asked each time.
    """
    pause = SYNC_SECONDS
    while True:
        await asyncio.sleep(pause)
        started = time.monotonic()
        await asyncio.to_thread(sync_downloads, store, list(files()))
        pause = max(SYNC_SECONDS, (time.monotonic() - started) / LARGEST_SHARE)


def sync_downloads(store: ObjectStore, files: Iterable[FileEntry]) -> None:
    """Force what has been written of each download to the disk; one that has ended meanwhile is passed over.

    A disk that fails says so again when the download is finished, which is when it counts.
    """
    for file in files:
        with suppress(OSError):
            _sync(store.partial(file))
            _sync(store.progress(file))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # its own: the download may close its one at any time
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The yardstick of import speed: a parallel ranged download that also hashes, and does nothing else.

No listing, no admission, no resume, no lock, no fsync, no rename: what a download costs at least on an asyncio client.
Run as `python -m tests.benchmarks.bare_download URL FILE SIZE [FILE SIZE ...]`; prints the seconds without the start.
"""

import asyncio
import os
import sys
import threading
import time
from collections import deque
from pathlib import Path

import aiohttp

CONNECTIONS = 8
SEGMENT = 16 << 20
HASH_READ = 1 << 20


class Target:
    """A file being written, and its hash that follows the bytes without gaps."""

    def __init__(self, path: Path, size: int) -> None:
        import hashlib

        self.size = size
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.ftruncate(self.descriptor, size)
        self.done = [0] * -(-size // SEGMENT)
        self.hasher = hashlib.sha256()
        self.changed = threading.Event()
        self.thread = threading.Thread(target=self._hash)
        self.thread.start()

    def write(self, segment: int, content: bytes) -> None:
        """Append to a segment."""
        os.pwrite(self.descriptor, content, segment * SEGMENT + self.done[segment])
        self.done[segment] += len(content)
        self.changed.set()

    def _hash(self) -> None:
        position = 0
        while position < self.size:
            segment = position // SEGMENT
            end = segment * SEGMENT + self.done[segment]
            if end == position:
                self.changed.wait()
                self.changed.clear()
                continue
            content = os.pread(self.descriptor, min(end - position, HASH_READ), position)
            self.hasher.update(content)
            position += len(content)


async def download(url: str, folder: Path, files: list[tuple[str, int]]) -> None:
    """Fetch `files` below `url` into `folder`."""
    targets = {name: Target(folder / name, size) for name, size in files}
    pending = deque((name, segment) for name, _ in files for segment in range(len(targets[name].done)))

    async def work(session: aiohttp.ClientSession) -> None:
        while pending:
            name, segment = pending.popleft()
            start = segment * SEGMENT
            end = min(start + SEGMENT, targets[name].size)
            headers = {"Range": f"bytes={start}-{end - 1}"}
            async with session.get(f"{url}/{name}", headers=headers) as answer:
                async for chunk in answer.content.iter_any():
                    targets[name].write(segment, chunk)

    async with aiohttp.ClientSession(read_bufsize=1 << 18) as session:
        await asyncio.gather(*(work(session) for _ in range(CONNECTIONS)))
    for target in targets.values():
        target.thread.join()
        os.close(target.descriptor)


def main() -> None:
    """Download into the working folder."""
    url, *rest = sys.argv[1:]
    files = [(rest[i], int(rest[i + 1])) for i in range(0, len(rest), 2)]
    began = time.perf_counter()
    asyncio.run(download(url, Path.cwd(), files))
    print(f"{time.perf_counter() - began:.4f}")


if __name__ == "__main__":
    main()

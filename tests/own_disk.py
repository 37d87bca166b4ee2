"""A file system that only one test writes to, so that its free space stays as the test measured it."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_disk() -> Iterator[Path]:
    """A folder on a file system in memory of its own.

    Where the tests may not mount one, it is on one that hardly anybody else writes to.
    """
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of its own is made there
    with tempfile.TemporaryDirectory(dir=place, prefix="ome-models-") as folder:
        is_mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder]).returncode == 0
        try:
            yield Path(folder)
        finally:
            if is_mounted:
                subprocess.run(["umount", "--lazy", folder], check=True)


def reserve_all_but(count: int, folder: Path) -> str:
    """A reserve (`OME_DISK_RESERVE`) that leaves about `count` bytes of a folder's file system to imports."""
    status = os.statvfs(folder)
    return str(status.f_bavail * status.f_frsize - count)

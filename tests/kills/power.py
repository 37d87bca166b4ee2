"""A disk that can lose its power: a small ext4 or XFS on a loop device, which keeps what was written to it.

The device's backing file has what the file system had written to it, and nothing that it held in memory. A copy of
that file is mounted in its place, and recovers from its journal as it does after a power cut. ext4's mount options
leave as much in memory as they can: commits of the journal are rare, and a file is not written out because it was
renamed.

After a cut the machine has another boot id, as it has after a start, which programs may go by.

Needs root. The mounts are seen by this process and its children alone, and go with the last of them, whatever ends it;
the kernel detaches a loop device with its last mount.
"""

import ctypes
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from steps.cache.journal import this_boot

FileSystem = Literal["ext4", "xfs"]
OPTIONS: Mapping[FileSystem, str] = {"ext4": "loop,commit=300,noauto_da_alloc", "xfs": "loop"}
MAKE: Mapping[FileSystem, Sequence[str]] = {
    # The kernel is to write nothing of its own accord.
    "ext4": ("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
}
MEBIBYTES = 320
"""Less than XFS may have is not possible; what was not written takes no room."""
BOOT_ID = "/proc/sys/kernel/random/boot_id"
_CLONE_NEWNS = 0x20000


class LoopDisk:
    """A mounted file system whose power can be cut.

    Args:
        images: An empty folder, in memory.
        folder: Where it is mounted.
        kind: Which file system.
    """

    def __init__(self, images: Path, folder: Path, kind: FileSystem) -> None:
        self.folder = folder
        self._kind: FileSystem = kind
        self.cuts = 0
        self._images = images

    def begin(self) -> None:
        """Make the file system, and mount it."""
        image = self._image
        with image.open("wb") as file:
            file.truncate(MEBIBYTES << 20)
        _run(*MAKE[self._kind], str(image))
        self._mount()
        self._start_anew()
        _run("mount", "--bind", str(self._boot_id), BOOT_ID)

    def cut(self) -> None:
        """Go on with what the device holds now. No process may have a file of it open."""
        before = self._image
        self.cuts += 1
        while True:
            writes = self._writes()
            _run("cp", "--sparse=always", str(before), str(self._image))
            if writes == self._writes() and writes[1] == 0:  # else it is of no single moment
                break
        _run("umount", str(self.folder))
        before.unlink()
        self._mount()
        self._start_anew()

    def _mount(self) -> None:
        _run("mount", "-o", OPTIONS[self._kind], str(self._image), str(self.folder))

    def _start_anew(self) -> None:
        self._boot_id.write_text(f"{uuid.uuid4()}\n")
        this_boot.cache_clear()  # which no process but this one outlives

    @property
    def _boot_id(self) -> Path:
        return self._images / "boot_id"

    @property
    def _image(self) -> Path:
        return self._images / f"{self.cuts}.img"

    def _writes(self) -> tuple[int, int]:
        """Writes that the device has taken, and requests that it is at."""
        device = self.folder.stat().st_dev
        fields = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text().split()
        return int(fields[4]), int(fields[8])


@contextmanager
def loop_disk(folder: Path, kind: FileSystem) -> Iterator[LoopDisk]:
    """A disk with nothing on it, in an empty folder. To be used before the process has other threads.

    Raises:
        OSError: when this machine cannot have one; says why.
    """
    _own_mounts()
    images, mounted = folder / "images", folder / "disk"
    images.mkdir()
    mounted.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={2 * MEBIBYTES}m", "none", str(images))
    disk = LoopDisk(images, mounted, kind)
    try:
        disk.begin()
        try:
            yield disk
        finally:
            for place in (BOOT_ID, str(mounted)):
                with suppress(OSError):
                    _run("umount", place)
    finally:
        _run("umount", str(images))


def _own_mounts() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS):
        code = ctypes.get_errno()
        raise OSError(code, f"mounts of its own: {os.strerror(code)}")
    _run("mount", "--make-rprivate", "/")


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise OSError(f"there is no program {command[0]}") from None
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")

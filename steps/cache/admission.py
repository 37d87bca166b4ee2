"""Whether a disk can take what is missing, and what would have to go for it. Pure.

The rule: free space, less the reserve and what other imports are about to write, must hold what is missing. Otherwise
what nothing refers to goes, least recently used first: leftovers, then unlinked objects, then models.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steps.errors import DiskFullError, InvalidInputError

_SHARE_OF_DISK = 0.05
_LARGEST_RESERVE = 20 << 30
_UNITS = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "k": 10**3, "M": 10**6, "G": 10**9}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|)")


@dataclass(frozen=True)
class Evictable:
    """Something that may go.

    Attributes:
        path: A file of the store, or a model's folder.
        objects: What it holds: size by object; for a file of the store, itself.
        last_used: Seconds since the epoch.
        rank: 0 leftovers of downloads, 1 unlinked objects, 2 models.
    """

    path: str
    objects: Mapping[str, int]
    last_used: float
    rank: int


@dataclass(frozen=True)
class Disk:
    """The numbers of a disk, in bytes.

    Attributes:
        free: What it says is free.
        reserve: What must stay free.
        promised: What other imports have still to write.
    """

    free: int
    reserve: int
    promised: int = 0


def plan_admission(
    needs: int, disk: Disk, candidates: Sequence[Evictable], links: Mapping[str, int]
) -> tuple[Evictable, ...]:
    """What to remove, in order, so that `needs` bytes fit; () when they do already.

    Args:
        needs: Bytes to be written.
        disk: Its numbers.
        candidates: What may go; anything referred to or claimed is not among them.
        links: How many model folders each object is in; one that remains linked frees nothing.

    Raises:
        DiskFullError: with all the numbers, when removing everything would not do.
    """
    room = disk.free - disk.reserve - disk.promised
    left = dict(links)
    chosen: list[Evictable] = []
    evictable = 0
    for candidate in sorted(candidates, key=lambda c: (c.rank, c.last_used, c.path)):
        freed = 0
        for name, size in candidate.objects.items():
            left[name] = left.get(name, 0) - 1
            if left[name] <= 0:
                freed += size
        if room + evictable < needs:
            chosen.append(candidate)
        evictable += freed
    if needs <= 0 or room >= needs:
        return ()
    if room + evictable < needs:
        promised = f", promised to other imports {gibibytes(disk.promised)}" if disk.promised else ""
        raise DiskFullError(
            f"needs {gibibytes(needs)}, free {gibibytes(disk.free)}, reserve {gibibytes(disk.reserve)}{promised}, "
            f"evictable {gibibytes(evictable)}"
        )
    return tuple(chosen)


def reserve_bytes(disk_size: int, environment: Mapping[str, str] = os.environ) -> int:
    """What must stay free: `OME_DISK_RESERVE` (such as 20Gi), by default 5 % of the disk and at most 20 GiB.

    Raises:
        InvalidInputError: names the variable and its value.
    """
    text = environment.get("OME_DISK_RESERVE", "").strip()
    if not text:
        return min(int(disk_size * _SHARE_OF_DISK), _LARGEST_RESERVE)
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise InvalidInputError(f'OME_DISK_RESERVE: "{text}" is not a quantity', remedy="Write one such as 20Gi.")
    return int(float(match[1]) * _UNITS[match[2]])


def gibibytes(count: int) -> str:
    """A number of bytes for people: GiB, or MiB below one."""
    if abs(count) >= 1 << 30:
        return f"{count / (1 << 30):.1f} GiB"
    return f"{count / (1 << 20):.1f} MiB"

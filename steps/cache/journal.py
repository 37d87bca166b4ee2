"""What of a partial download is there: for each segment of the file, how many bytes from its start.

A file of fixed layout beside the partial: a header, then four bytes a segment, rewritten in place after the bytes
themselves were written. A kill at any moment leaves at most the last write unrecorded. A power cut may leave records
of bytes that never reached the disk: `transfer` takes back those where the file has holes, and the digest over the
whole file finds any other; the file is fetched anew then. Where its source tells no digest nothing would find it: such
a record ends with the boot it was written in.

Four more bytes a segment say what had been forced to the disk (`steps.cache.syncing`): that holds whatever happens.
"""

import os
import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

_HEADER = struct.Struct("<8sQII")
_COUNT = struct.Struct("<I")
_MAGIC = b"OMEPART2"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
MEBIBYTE = 1 << 20
LARGEST_SEGMENT = 16 * MEBIBYTE


def segment_bytes_for(size: int, connections: int) -> int:
    """How large a segment to ask for at once: some for every connection, and not so small that requests count."""
    share = size // (2 * connections)
    return max(MEBIBYTE, min(LARGEST_SEGMENT, share // MEBIBYTE * MEBIBYTE))


@cache
def this_boot() -> bytes:
    """What names the time since the kernel was started; where no kernel tells it, this process."""
    try:
        return _BOOT.read_bytes().strip()
    except OSError:
        return os.urandom(16)


class Journal:
    """The record of one partial download.

    Args:
        path: Its file.
        size: Of what is downloaded, in bytes.
        segment_bytes: How large its segments are to be, where there is no record yet.
        is_fresh: Whether nothing is there, whatever a record says.
        boot: The only boot that the record is to hold in, but for what was forced to the disk; b"" for any.

    Attributes:
        segment_bytes: Size of all segments but the last.
        done: Bytes there, per segment.
        synced: How many of them had been forced to the disk when the record was opened.
    """

    def __init__(self, path: Path, size: int, segment_bytes: int, *, is_fresh: bool, boot: bytes = b"") -> None:
        self._size = size
        known = None if is_fresh else _read(path, size)
        self.segment_bytes = segment_bytes if known is None else known.segment_bytes
        count = -(-size // self.segment_bytes)
        self.synced = [0] * count if known is None else known.synced
        is_of_boot = known is not None and known.boot == boot
        self.done = known.done if known is not None and is_of_boot else list(self.synced)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not is_of_boot:
            header = _HEADER.pack(_MAGIC, size, self.segment_bytes, count)
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, header + _counts(self.done) + _counts(self.synced) + boot, 0)

    @property
    def total(self) -> int:
        """Bytes there, over all segments."""
        return sum(self.done)

    def bounds(self, segment: int) -> tuple[int, int]:
        """First byte and end of a segment."""
        start = segment * self.segment_bytes
        return start, min(start + self.segment_bytes, self._size)

    def record(self, segment: int, done: int) -> None:
        """Note that the first `done` bytes of a segment have been written."""
        self.done[segment] = done
        os.pwrite(self._descriptor, _COUNT.pack(done), _HEADER.size + _COUNT.size * segment)

    def duplicate(self) -> int:
        """The record's file once more, for `record_synced`; to be closed by who asks."""
        return os.dup(self._descriptor)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def record_synced(descriptor: int, synced: Sequence[int]) -> None:
    """Note how many bytes of each segment have been forced to the disk; it is there itself when this returns."""
    os.pwrite(descriptor, _counts(synced), _HEADER.size + _COUNT.size * len(synced))
    os.fsync(descriptor)


class Record(NamedTuple):
    """A record as it stands.

    Attributes:
        segment_bytes: Size of all segments but the last.
        done: Bytes there, per segment.
        synced: How many of them had been forced to the disk.
        boot: The only boot that `done` holds in; b"" for any.
    """

    segment_bytes: int
    done: list[int]
    synced: list[int]
    boot: bytes


def read_journal(path: Path, size: int) -> Record | None:
    """The record of a file of this size, with what of it holds now; None when there is no sound one."""
    known = _read(path, size)
    if known is None or known.boot in (b"", this_boot()):
        return known
    return known._replace(done=known.synced)


def _read(path: Path, size: int) -> Record | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(content) < _HEADER.size:
        return None
    magic, recorded_size, segment_bytes, count = _HEADER.unpack_from(content)
    is_sound = magic == _MAGIC and recorded_size == size and segment_bytes > 0 and count == -(-size // segment_bytes)
    middle = _HEADER.size + _COUNT.size * count
    end = middle + _COUNT.size * count
    if not is_sound or len(content) < end:
        return None
    done, synced = _numbers(content[_HEADER.size : middle]), _numbers(content[middle:end])
    for segment, (there, safe) in enumerate(zip(done, synced, strict=True)):
        if max(there, safe) > min(segment_bytes, size - segment * segment_bytes):
            return None
    # A power cut may leave the newer of the one beside the older of the other.
    return Record(segment_bytes, list(map(max, done, synced)), synced, content[end:])


def _counts(values: Sequence[int]) -> bytes:
    return b"".join(map(_COUNT.pack, values))


def _numbers(content: bytes) -> list[int]:
    return [value for (value,) in _COUNT.iter_unpack(content)]

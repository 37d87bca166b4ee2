"""What a power cut has taken from a partial file: its records may be on the disk, and its bytes not.

Where bytes never reached the disk the file system has a hole, for the file was given its whole length at once. Asked
when a download is taken up again; after a mere kill nothing is missing, for the kernel still has all that was written.
"""

import errno
import os

STALE_BYTES = 1 << 20
"""How much before a hole is not trusted: what was written to a page after the page had been written back."""


def bytes_before_hole(descriptor: int, start: int, end: int, synced: int = 0) -> int:
    """How many bytes from `start` are there without a gap, of those before `end`.

    All of them where the file system cannot tell. A digest over the whole file finds what this does not. The first
    `synced` bytes had been forced to the disk: they are what they were, unless the hole begins among them.

    Raises:
        OSError: of the disk.
    """
    try:
        hole = os.lseek(descriptor, start, os.SEEK_HOLE)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
            return end - start
        raise
    if hole >= end:
        return end - start
    trusted = max(0, hole - STALE_BYTES - start)
    return max(trusted, synced) if hole >= start + synced else trusted

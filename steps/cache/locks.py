"""Locks that the kernel drops when their process dies: on the file itself, so that nothing stays behind."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REFUSALS = 8
"""How often a file that may not be written is looked at again: several processes may find it at once."""


def open_locked(path: Path) -> int | None:
    """Open a file, made when missing, and lock it; None when another process has it locked.

    The returned descriptor holds the lock until it is closed. A file that was renamed or removed between opening and
    locking is opened again. One that may only be read has been finished, and is about to be renamed; it may be written
    again when the process that finished it died before that.

    Raises:
        PermissionError: when it cannot be written for another reason.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    refusals = 0
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except PermissionError:
            refusals += 1
            if refusals > _REFUSALS:
                raise
            if not _make_writable(path):
                return None
            continue
        try:
            is_locked = _lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if is_locked and is_at(descriptor, path):
            return descriptor
        os.close(descriptor)
        if not is_locked:
            return None


def _make_writable(path: Path) -> bool:
    """Whether a file that may only be read should be opened again; False when another process has it locked."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        if os.fstat(descriptor).st_mode & stat.S_IWUSR:  # another process has just done it, or it is not the file
            return True
        if not _lock(descriptor):
            return False
        if is_at(descriptor, path):
            os.fchmod(descriptor, 0o644)
        return True
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one that now has this path."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (opened.st_dev, opened.st_ino) == (there.st_dev, there.st_ino)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`, waiting for it; the file stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

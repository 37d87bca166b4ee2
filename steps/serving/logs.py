"""An engine's log: one file that cannot grow without bound, and its last lines for a person.

The engine writes to it by itself (append mode), so it needs nobody to read a pipe; the supervisor cuts it when it is
long. Called by `supervisor`, and by `deploy` for what to show when an engine does not come up.
"""

import contextlib
import os
import re
import shutil
from pathlib import Path

LOG_NAME = "engine.log"
LARGEST_BYTES = 8 * 2**20
_TAIL_BYTES = 64 * 1024
_LONGEST_LINE = 400
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def start_log(folder: Path) -> None:
    """Begin a new log; the one before is kept beside it as `engine.log.1`."""
    log = folder / LOG_NAME
    with contextlib.suppress(FileNotFoundError):
        log.replace(log.with_suffix(".log.1"))
    log.touch()


def bound_log(folder: Path, largest: int = LARGEST_BYTES) -> bool:
    """Copy the log to `engine.log.1` and empty it when it is longer than `largest` bytes; whether it was.

    The engine goes on writing at the file's new end, since it opened it for appending.
    """
    log = folder / LOG_NAME
    try:
        if log.stat().st_size <= largest:
            return False
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)
    except OSError:  # a full disk must not end a service that answers
        with contextlib.suppress(OSError):
            os.truncate(log, 0)
    return True


def last_lines(log: Path, count: int = 20) -> tuple[str, ...]:
    """The last lines that say something, without control characters, each cut to a readable length."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ()
    lines = (_CONTROL.sub("", line).rstrip() for line in text.splitlines())
    return tuple(line[:_LONGEST_LINE] for line in lines if line.strip())[-count:]

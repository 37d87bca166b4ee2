"""A log of another program's output that cannot fill a disk.

Written by `steps.benchmark.load`; kept beside the report.
"""

from collections import deque
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 1 << 20
MAX_LINE: Final = 2000
LAST_LINES: Final = 80


class BoundedLog:
    """Appends lines to a file up to `MAX_BYTES`, and remembers the last ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written = path.stat().st_size if path.exists() else 0

    def write(self, line: str) -> None:
        """Append one line; long ones are cut, and nothing is added once the file is full."""
        line = line.rstrip()[:MAX_LINE]
        if not line:
            return
        self.last.append(line)
        if self._written > MAX_BYTES:
            return
        with self.path.open("a", encoding="utf-8") as file:
            self._written += file.write(line + "\n")
            if self._written > MAX_BYTES:
                file.write(f"(cut here: the log is kept to {MAX_BYTES} characters)\n")

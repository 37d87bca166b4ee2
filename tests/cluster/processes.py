"""The cluster's components as background processes: started once, found again by a later command, ended for good.

A file for each component holds its process id and when that process was born, so that an id that the kernel has given
to another process since is never taken for ours.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from steps.errors import ClusterError

MEMORY_FOR_TIME = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""Environment of programs in Go: under 1 GiB the garbage is collected a quarter as often as by default."""
_PATIENCE_SECONDS = 3
_KILLED_SECONDS = 30
"""What is killed ends for certain, yet on a busy machine not at once."""
_LOG_LINES = 8


class Components:
    """Those of one cluster, by name.

    Args:
        folder: The running cluster's; `pids` and `logs` in it are kept here.
    """

    def __init__(self, folder: Path) -> None:
        self._pids = folder / "pids"
        self._logs = folder / "logs"

    def start(self, name: str, *argv: object, **environment: str) -> int:
        """Start a component in a session of its own, unless it runs; return its process id."""
        if pid := self.pid(name):
            return pid
        for each in (self._pids, self._logs):
            each.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | MEMORY_FOR_TIME | environment, cwd="/", start_new_session=True,
            )  # fmt: skip
        (self._pids / name).write_text(f"{process.pid} {birth(process.pid)}")
        return process.pid

    def pid(self, name: str) -> int | None:
        """The component's process id while it runs, else None."""
        try:
            pid, born = (self._pids / name).read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if birth(int(pid)) == born else None

    def names(self) -> list[str]:
        """Everything that was started, running or not."""
        return sorted(path.name for path in self._pids.iterdir()) if self._pids.exists() else []

    def log(self, name: str) -> Path:
        """The component's output."""
        return self._logs / f"{name}.log"

    def wait(self, name: str, is_ready: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until a component is ready.

        Raises:
            ClusterError: when it ends or time runs out, with the end of its log.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not self.pid(name) or time.monotonic() > deadline:
                what = "is not ready" if self.pid(name) else "has ended"
                ending = "\n".join(self.log(name).read_text(errors="replace").splitlines()[-_LOG_LINES:])
                raise ClusterError(f"{name} {what}; {self.log(name)} ends with\n{ending}", remedy="Read that log.")
            time.sleep(0.1)

    def stop(self, *names: str) -> None:
        """End components, politely and then at once."""
        end({pid for name in names if (pid := self.pid(name))}, signal.SIGTERM, signal.SIGKILL)


def birth(pid: int) -> str | None:
    """When a live process started, in clock ticks since boot; None for one of which no thread runs any more.

    One whose first thread is a zombie still holds its addresses and files while its other threads end.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, threads, start = fields[0], int(fields[17]), fields[19]
    return None if state in "ZX" and threads <= 1 else start


def end(pids: Iterable[int], *signals: int) -> None:
    """End processes: send each signal in turn to those still alive, and wait for its effect."""
    left = {pid: born for pid in pids if (born := birth(pid))}
    for number in signals:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + (_KILLED_SECONDS if number == signal.SIGKILL else _PATIENCE_SECONDS)
        while left and time.monotonic() < deadline:
            left = {pid: born for pid, born in left.items() if birth(pid) == born}
            time.sleep(0.05)

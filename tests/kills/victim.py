"""A running import that can be stopped, resumed and killed with all that it has started."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import FileIO
from multiprocessing.connection import wait
from pathlib import Path

import psutil

from tests.kills.attempt import Order, processes

MOMENT_SECONDS = 0.002
LONGEST_SECONDS = 300


class Victim:
    """A process, and the processes it has started.

    Args:
        pid: Of the process.
        ending: Ready for reading once it has ended.
        code: Waits for its end and returns its exit code.
    """

    def __init__(self, pid: int, ending: int | FileIO, code: Callable[[], int | None]) -> None:
        self.pid = pid
        self._ending = ending
        self._code = code

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Whether it ends within so many seconds."""
        return bool(wait([self._ending], seconds))

    def wait_until(self, is_so: Callable[[], bool]) -> bool:
        """Wait for a moment that is looked for again and again; False when the process ended before it."""
        for _ in range(int(LONGEST_SECONDS / MOMENT_SECONDS)):
            if is_so():
                return True
            if self.has_ended(MOMENT_SECONDS):
                return False
        raise TimeoutError(f"process {self.pid} neither ended nor came to its moment in {LONGEST_SECONDS} s")

    def is_stopped(self) -> bool:
        """Whether every thread of the process itself has stopped."""
        try:
            states = [path.read_text().rpartition(")")[2].split()[0] for path in _threads(self.pid)]
        except OSError:
            return False
        return bool(states) and set(states) == {"T"}

    def stop(self) -> None:
        """Stop all of it where it is."""
        found: list[psutil.Process] = []
        while new := [process for process in self._tree() if process not in found]:
            for process in new:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            found += new
        self.wait_until(self.is_stopped)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kill -9 all of it, and wait until it is gone."""
        tree = self._tree()
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._code()
        psutil.wait_procs(tree, LONGEST_SECONDS)

    def code(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._code()

    def _tree(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def start(work: Callable[[Order], None], order: Order) -> Victim:
    """A process that does this work, from a process server."""
    process = processes().Process(target=work, args=(order,))
    process.start()
    assert process.pid is not None

    def code() -> int | None:
        process.join()
        return process.exitcode

    return Victim(process.pid, process.sentinel, code)


def start_command(order: Order) -> Victim:
    """`ome import`, with a process for each of its steps."""
    words: Sequence[str] = ("import", order.uri, "--name", order.name)
    with order.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.command", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(order.environment),
            start_new_session=True,
        )
    ending = os.fdopen(os.pidfd_open(process.pid), "rb", buffering=0)
    return Victim(process.pid, ending, process.wait)


def _threads(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").glob("*/stat"))

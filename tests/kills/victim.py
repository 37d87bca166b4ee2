"""A running import that can be stopped, resumed and killed with all that it has started."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Self

import psutil

from tests.kills.attempt import Order, processes

MOMENT_SECONDS = 0.004
LONGEST_SECONDS = 300


class Victim:
    """A process, and the processes it has started; at the end of its block none of them is left.

    Args:
        pid: Of the process.
        has_ended: Whether it ends within so many seconds.
        code: Waits for its end and returns its exit code.
    """

    def __init__(self, pid: int, has_ended: Callable[[float], bool], code: Callable[[], int | None]) -> None:
        self.pid = pid
        self._has_ended = has_ended
        self._code = code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Whether it ends within so many seconds."""
        return self._has_ended(seconds)

    def wait_until(self, is_so: Callable[[], bool]) -> bool:
        """Wait for a moment that is looked for again and again; False when the process ended before it."""
        for _ in range(int(LONGEST_SECONDS / MOMENT_SECONDS)):
            if is_so():
                return True
            if self.has_ended(MOMENT_SECONDS):
                return False
        raise TimeoutError(f"process {self.pid} neither ended nor came to its moment in {LONGEST_SECONDS} s")

    def code_at_end(self) -> int | None:
        """Its exit code, once it has ended by itself."""
        self.wait_until(lambda: False)
        return self._code()

    def is_stopped(self) -> bool:
        """Whether every thread of the process itself has stopped."""
        process = Path(f"/proc/{self.pid}")
        try:
            if _state(process / "stat") != "T":
                return False
            return all(_state(path) == "T" for path in process.glob("task/*/stat"))
        except OSError:
            return False

    def stop(self) -> bool:
        """Stop all of it where it is; False when it has ended before."""
        found: list[psutil.Process] = []
        while new := [process for process in self._tree() if process not in found]:
            for process in new:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            found += new
        return self.wait_until(self.is_stopped)

    def open_files(self) -> list[str]:
        """Every file that is open in it now, as often as it is open."""
        found: list[str] = []
        for process in self._tree():
            with suppress(OSError):  # it ends, or closes one meanwhile
                found += [str(path.readlink()) for path in Path(f"/proc/{process.pid}/fd").iterdir()]
        return found

    def resume(self) -> None:
        """Let a process that has stopped go on."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kill -9 all of it, and wait until it is gone."""
        tree = self._tree()
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._code()
        psutil.wait_procs(tree, LONGEST_SECONDS)

    def _tree(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self.pid)
            return [] if self.has_ended() else [process, *process.children(recursive=True)]
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

    return Victim(process.pid, lambda seconds: bool(wait([process.sentinel], seconds)), code)


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

    def has_ended(seconds: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.returncode is not None

    return Victim(process.pid, has_ended, process.wait)


def _state(stat: Path) -> str:
    """The letter for what a thread is at."""
    return stat.read_text().rpartition(")")[2].split()[0]

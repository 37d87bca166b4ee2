"""Processes by more than their number: numbers are used again, so a process is its number and when it began.

Every process of a deployment also carries the deployment's folder in its environment, so that what nobody wrote down
(a supervisor was killed between two lines, an engine started a daemon) is still found. Called by `supervisor` and
`deployments`.
"""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from steps.frozen import Frozen

MARK = "OME_DEPLOYMENT"
_CLOCK_TOLERANCE_SECONDS = 1.0
_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.02


class ProcessIdentity(Frozen):
    """A process that cannot be mistaken for a later one with the same number.

    Attributes:
        pid: Its number.
        created: When it began, in seconds since the epoch.
    """

    pid: int
    created: float


def identify(pid: int) -> ProcessIdentity | None:
    """The identity of a running process, or None when there is none."""
    try:
        return ProcessIdentity(pid=pid, created=psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def find_process(identity: ProcessIdentity | None) -> psutil.Process | None:
    """The process itself while it runs; None when it ended or its number belongs to another now."""
    if identity is None:
        return None
    try:
        process = psutil.Process(identity.pid)
        is_same = abs(process.create_time() - identity.created) < _CLOCK_TOLERANCE_SECONDS
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def marked_processes(folder: Path) -> list[psutil.Process]:
    """Every running process that was started for the deployment in `folder`, but not this one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == str(folder):
                found.append(process)
    return found


def with_descendants(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """The processes and all they started, each once."""
    found: dict[psutil.Process, None] = {}
    for process in processes:
        found[process] = None
        with contextlib.suppress(psutil.Error):
            found.update(dict.fromkeys(process.children(recursive=True)))
    return list(found)


def end_processes(processes: Iterable[psutil.Process], grace_seconds: float) -> None:
    """End processes and all they started: politely, then after the grace by force; returns when they are gone."""
    tree = with_descendants(processes)
    for process in tree:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    stubborn = with_descendants(wait_until_gone(tree, grace_seconds))
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    wait_until_gone(stubborn, _KILL_SECONDS)


def wait_until_gone(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until all have ended, at most so long; the ones that have not. A zombie has: its parent may be slow."""
    left, deadline = list(processes), time.monotonic() + seconds
    while left := [process for process in left if _is_alive(process)]:
        if time.monotonic() >= deadline:
            break
        time.sleep(_POLL_SECONDS)
    return left


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

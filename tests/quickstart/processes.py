"""Finds the processes that belong to a home folder, wherever they were started."""

from pathlib import Path

import psutil


def processes_of(home: Path) -> list[psutil.Process]:
    """Live processes with this `OME_HOME` in their environment, this one left out."""
    me, found = psutil.Process().pid, []
    for process in psutil.process_iter():
        try:
            is_alive = process.pid != me and process.status() != psutil.STATUS_ZOMBIE
            if is_alive and process.environ().get("OME_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def describe(processes: list[psutil.Process]) -> list[str]:
    """Command lines, for a message."""
    described = []
    for process in processes:
        try:
            described.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return described

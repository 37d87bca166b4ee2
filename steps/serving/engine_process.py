"""Starting an engine's process so that it cannot outlive its supervisor. Called by `supervisor`."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from steps.serving.logs import LOG_NAME

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before any fork
_PR_SET_PDEATHSIG = 1


def start_engine(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> "subprocess.Popen[bytes]":
    """Start the engine in a session of its own, printing to the folder's log.

    On Linux the kernel ends it when its supervisor dies, even by kill -9; elsewhere the next deploy, delete or down
    finds it by the mark in its environment. Call it from the supervisor's main thread: that one's end is what counts.

    Raises:
        OSError: when the program cannot be started.
    """
    supervisor = os.getpid()

    def follow_supervisor() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != supervisor:  # it died between the fork and the line above
                os._exit(1)

    with (folder / LOG_NAME).open("ab") as log:
        return subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=follow_supervisor,
        )  # fmt: skip


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"was ended by signal {-code}"

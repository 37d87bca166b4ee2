"""The border of `ome`: faults become errors that a user can act on, and no proxy stands before this machine."""

import errno
import os
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from steps.errors import DiskFullError, InvalidInputError, OmeError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_BARRED = (errno.EACCES, errno.EPERM, errno.EROFS)
_LOOPBACK = "127.0.0.1,localhost,::1"


def told_fault(problem: Exception, command: Sequence[str]) -> OmeError:
    """An error of no class as one that a user can act on; what is our fault keeps its traceback in a file.

    Args:
        problem: The error.
        command: What was typed, which is kept with the traceback.
    """
    if isinstance(problem, OSError) and problem.errno in _FULL:
        return DiskFullError(f"{problem.filename or 'a file'}: {problem.strerror}")
    if (
        isinstance(problem, OSError)
        and problem.filename
        and (problem.errno in _BARRED or _holds_home(problem.filename))
    ):
        return InvalidInputError(
            f"{problem.filename}: {problem.strerror}",
            remedy="Give this user the right to it, or set OME_HOME and OME_CACHE to folders that are yours.",
        )
    return OmeError(
        f"{type(problem).__name__}: {problem}",
        remedy=f"This is a fault of ome-pipelines: please report it with {_kept_traceback(command)}.",
    )


def _holds_home(path: object) -> bool:
    home = Path(os.environ.get("OME_HOME") or Path.home() / ".ome").expanduser().resolve()
    return home.is_relative_to(str(path))


def _kept_traceback(command: Sequence[str]) -> Path:
    """The file with the traceback: in the home folder, or beside other temporary files when that cannot be had."""
    from steps.home import home

    text = " ".join(command) + "\n" + traceback.format_exc()
    try:
        log = home() / "last-fault.log"
        log.write_text(text)
    except OSError:
        handle, name = tempfile.mkstemp(prefix="ome-fault-", suffix=".log")
        os.close(handle)
        log = Path(name)
        log.write_text(text)
    return log


def reach_loopback_directly() -> None:
    """Exempt this machine from any proxy of the environment: services, and the quickstart's hub, listen here."""
    given = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
    exempt = ",".join(filter(None, (given, _LOOPBACK)))
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = exempt

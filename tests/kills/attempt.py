"""An import in a process of its own, which stops itself just before a change of the disk; there it can be killed.

Changes are counted as the calls to the functions of `os` that make them, in all threads. A process comes from a server
that has loaded what imports need and nothing else, so that its moments are those of an import and not of a start.
"""

import itertools
import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import FrameType
from typing import Literal

from steps.cache.verifying import verify
from tests.importing.models import fetch

ChangeKind = Literal["write", "step"]
CHANGES: Mapping[ChangeKind, frozenset[object]] = {
    "write": frozenset({os.pwrite, os.pwritev, os.write}),
    "step": frozenset(
        {
            os.chmod, os.fchmod, os.fdatasync, os.fsync, os.ftruncate, os.link, os.mkdir, os.open, os.remove,
            os.rename, os.replace, os.rmdir, os.truncate, os.unlink, os.utime,
        }
    ),
}  # fmt: skip
LOADED = ["tests.kills.attempt", "aiohttp", "huggingface_hub", "httpx2", "steps.sources.hub", "steps.sources.github"]


@dataclass(frozen=True)
class Order:
    """What a process is to do.

    Attributes:
        uri: What to import.
        name: The model's.
        environment: All of the variables it sees.
        log: Gets its output; the same with `.counts` added the number of changes by kind, `.stop` where it stopped.
        stop: Before which change to stop, by kind and number from 1; None: before none.
    """

    uri: str
    name: str
    environment: Mapping[str, str]
    log: Path
    stop: tuple[ChangeKind, int] | None = None


def processes() -> ForkServerContext:
    """What makes the processes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


def attempt(order: Order) -> None:
    """Import; ends the process with 1 after an error, which is in the log."""
    _begin(order)
    counts = {kind: itertools.count(1) for kind in CHANGES}  # counting is one operation, whatever the thread

    def watch(_: FrameType, event: str, called: object) -> None:
        if event != "c_call":
            return
        for kind, changes in CHANGES.items():
            if called in changes and (kind, next(counts[kind])) == order.stop:
                order.log.with_suffix(".stop").write_text(getattr(called, "__name__", ""))
                os.kill(os.getpid(), signal.SIGSTOP)

    threading.setprofile(watch)
    sys.setprofile(watch)
    fetch(order.uri, order.name)
    sys.setprofile(None)
    order.log.with_suffix(".counts").write_text(json.dumps({kind: next(count) - 1 for kind, count in counts.items()}))


def check(order: Order) -> None:
    """Hash all that is under the models root; ends the process with 1 when any of it is not as it should be."""
    _begin(order)
    faults = verify().faults
    assert faults == (), faults


def _begin(order: Order) -> None:
    os.setsid()
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.environ.clear()
    os.environ.update(order.environment)

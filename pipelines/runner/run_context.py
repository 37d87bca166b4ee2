"""What all parts of one local run share, and what a finished part hands to the next."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pipelines.run_record import StepPhase
from pipelines.runner.journal import Journal
from pipelines.runner.supported import MUTEX, SYNCHRONIZATION, check_fields, check_list
from pipelines.runner.workflow_source import Workflow
from steps.home import part

MUTEX_INTERVAL_SECONDS = 0.1
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class NodeResult:
    """How a template, task or loop ended.

    Attributes:
        phase: As in Argo.
        parameters: Output parameters by name; those of a loop are JSON lists.
        artifacts: Output artifacts by name.
        result: What a script printed; of a loop, a JSON list.
        exit_code: Of a single step.
        children: Phases of a loop's iterations; None when it is no loop.
    """

    phase: StepPhase
    parameters: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    result: str | None = None
    exit_code: int | None = None
    children: tuple[StepPhase, ...] | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it failed or erred."""
        return self.phase in ("Failed", "Error")


@dataclass(frozen=True, slots=True)
class RunContext:
    """One run's surroundings.

    Attributes:
        workflow: What runs.
        journal: Its record and listener.
        variables: `workflow.*` references and their values; grows while it runs.
        slots: How many steps may run at once.
        keeps_stdout_apart: Whether the workflow uses what scripts print.
    """

    workflow: Workflow
    journal: Journal
    variables: dict[str, str]
    slots: asyncio.Semaphore
    keeps_stdout_apart: bool


def mutex_names(where: str, synchronization: Mapping[str, Any] | None) -> Sequence[str]:
    """Names of the mutexes of a workflow or template, as written.

    Raises:
        UnsupportedError: for semaphores.
    """
    checked = check_fields(f"{where}.synchronization", synchronization or {}, SYNCHRONIZATION)
    return [str(m["name"]) for m in check_list(f"{where} mutex", checked.get("mutexes"), MUTEX)]


@asynccontextmanager
async def holding(names: Sequence[str], waits: Callable[[str], None] = lambda name: None) -> AsyncIterator[None]:
    """Hold mutexes by name, across all runs of this home folder; a killed run lets go of them.

    Args:
        names: Which.
        waits: Told once of each that another holds.
    """
    async with AsyncExitStack() as stack:
        for name in sorted(set(names)):  # in one order everywhere, so that two runs cannot wait for each other
            lock = FileLock(part("locks") / f"mutex.{_file_name(name)}.lock")
            is_told = False
            while True:
                try:
                    lock.acquire(timeout=0)
                    break
                except Timeout:
                    if not is_told:
                        waits(name)
                    is_told = True
                    await asyncio.sleep(MUTEX_INTERVAL_SECONDS)
            stack.callback(lock.release)
        yield


def _file_name(name: str) -> str:
    """Of a mutex, whose name may be a URL of any length: readable, and no longer than files' names may be."""
    safe = "".join(c if c.isalnum() or c in "-._" else "_" for c in name)
    return safe if len(safe) <= _LONGEST else f"{safe[:_LONGEST]}.{sha256(name.encode()).hexdigest()[:16]}"

"""What happens in a run, as it happens: the local runner tells a listener, the command line draws from it.

Events arrive one at a time, in order, on the thread that called `local.run`; a listener must return quickly.
A step's `path` names it within its run: task names from the entrypoint down, joined by `/`, with the index of a loop
in brackets (`deploy/select`, `cache(0)`, `onExit`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines.run_record import RunRecord, StepError, StepRecord
from steps.progress import Progress


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run has passed every check and begins, or goes on.

    Attributes:
        run: Its name, for `ome runs`.
        template: Name of the workflow template, or of the workflow itself.
        title: The template's title for people, or its name.
        folder: Where its record and logs are.
        kept: Paths of steps that succeeded earlier and are not run again (only after `retry`).
    """

    run: str
    template: str
    title: str
    folder: Path
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepStarted:
    """One attempt of a step begins.

    Attributes:
        path: The step within its run.
        title: The step's title for people.
        attempt: 1 for the first.
        log: The file that this attempt's standard output and error go to.
    """

    path: str
    title: str
    attempt: int
    log: Path


@dataclass(frozen=True, slots=True)
class StepWaiting:
    """A step waits for a mutex, which another step or another run on this machine holds: it begins after that.

    Attributes:
        path: The step within its run.
        title: The step's title for people.
        mutex: Its name.
    """

    path: str
    title: str
    mutex: str


@dataclass(frozen=True, slots=True)
class StepProgress:
    """A running step has published a moment of its progress (at most ten a second)."""

    path: str
    title: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class StepRetrying:
    """An attempt failed in a way that another may mend; the next one begins after `delay_seconds`."""

    path: str
    title: str
    attempt: int
    delay_seconds: float
    error: StepError


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step is over, for good or ill: `record.phase` says which, also `Skipped` and `Omitted` ones arrive here."""

    path: str
    title: str
    seconds: float
    record: StepRecord


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over; `record` is what `local.run` returns."""

    seconds: float
    record: RunRecord


RunEvent = RunStarted | StepWaiting | StepStarted | StepProgress | StepRetrying | StepFinished | RunFinished
Listener = Callable[[RunEvent], None]


def ignore(_event: RunEvent) -> None:
    """The listener that listens to nothing."""

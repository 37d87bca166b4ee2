"""The record of a run on this machine: what ran, with what, for how long, and how it ended.

The local runner writes it to `<runs>/<run>/run.json` after every change; `ome runs` reads it. A record outlives any
kill of its runner: a run whose process is gone reads as `Interrupted`, and `local.retry` goes on from it. Environment
variables, where secrets travel, are never recorded.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psutil
from pydantic import ValidationError

from steps.errors import InvalidInputError, NotFoundError
from steps.frozen import Frozen
from steps.home import checked_name, part, write_atomically

RunPhase = Literal["Running", "Succeeded", "Failed", "Error", "Cancelled", "Interrupted"]
StepPhase = Literal["Pending", "Running", "Succeeded", "Failed", "Error", "Skipped", "Omitted", "Cancelled"]
RECORD_FILE = "run.json"


class StepError(Frozen):
    """Why a step failed, as the step itself said it.

    Attributes:
        code: The class of `steps.errors` ("not-found"), or "exit" when a program ended with a bad code and no word,
            "deadline", "cancelled", or "workflow" when the workflow around the step is at fault.
        message: What was wrong.
        remedy: What the user can do; may be "".
    """

    code: str
    message: str
    remedy: str = ""


class AttemptRecord(Frozen):
    """One process of a step. `log` and other paths are relative to the run's folder."""

    number: int
    started: datetime
    finished: datetime | None = None
    exit_code: int | None = None
    error: StepError | None = None
    log: str = ""


class StepRecord(Frozen):
    """One step of a run, which is one leaf of its graph.

    Attributes:
        path: Where it stands in the run (`run_events` says how it is built).
        title: For people.
        template: The workflow template and template that it runs, such as `ome-steps/resolve-model`.
        phase: As in Argo; `Cancelled` when the run was stopped while it ran.
        message: Why it was skipped or omitted, or "".
        seconds: Wall-clock seconds over all attempts and the waits between them.
        inputs, outputs: Parameters by name, always text.
        output_artifacts: Paths of artifacts by name, relative to the run's folder.
        result: What it printed, where the workflow uses that as its result; else None.
        exit_code, error: Of the last attempt.
        log: The last attempt's log, relative to the run's folder.
    """

    path: str
    title: str = ""
    template: str = ""
    phase: StepPhase = "Pending"
    message: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    seconds: float = 0.0
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    output_artifacts: dict[str, str] = {}
    result: str | None = None
    exit_code: int | None = None
    error: StepError | None = None
    log: str = ""
    attempts: tuple[AttemptRecord, ...] = ()


class RunRecord(Frozen):
    """One run of a workflow on this machine.

    Attributes:
        run: Its name.
        template: The workflow template, or the workflow's own name.
        title: The template's title for people.
        arguments: Workflow parameters by name, defaults included.
        phase: `Cancelled` when a person stopped it, `Interrupted` when its process died.
        message: Why it did not succeed, in one line; "" otherwise.
        outputs: Output parameters of the entrypoint.
        steps: In the order in which they began.
        pid, pid_created: The process that runs it; both are needed since process ids are used again.
        retries: How often `ome runs retry` went on from it.
    """

    run: str
    template: str
    title: str = ""
    arguments: dict[str, str] = {}
    phase: RunPhase = "Running"
    message: str = ""
    started: datetime
    finished: datetime | None = None
    seconds: float = 0.0
    outputs: dict[str, str] = {}
    steps: tuple[StepRecord, ...] = ()
    pid: int = 0
    pid_created: float = 0.0
    retries: int = 0

    @property
    def failed_step(self) -> StepRecord | None:
        """The first step that failed, which is the one to look at; None when none did."""
        return next((s for s in self.steps if s.phase in ("Failed", "Error")), None)

    def step(self, path: str) -> StepRecord | None:
        """The step at `path`, or None."""
        return next((s for s in self.steps if s.path == path), None)


def now() -> datetime:
    """The time that records carry."""
    return datetime.now(UTC)


def run_folder(name: str, runs: Path | None = None) -> Path:
    """Where a run's record and logs are.

    Raises:
        InvalidInputError: when `name` cannot be a run's name.
    """
    return (runs or part("runs")) / checked_name("run", name)


def write_run(record: RunRecord, folder: Path) -> None:
    """Write a record so that a reader sees the old or the new, never a part."""
    content = record.model_dump_json(by_alias=True, indent=1).encode()
    write_atomically(folder / RECORD_FILE, content, is_durable=False)


def read_run(name: str, runs: Path | None = None) -> RunRecord:
    """The record of a run; one whose process is gone reads as `Interrupted`.

    Raises:
        NotFoundError: with the newest runs that exist.
        InvalidInputError: when its file is not a record.
    """
    path = run_folder(name, runs) / RECORD_FILE
    try:
        record = RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        there = ", ".join(r.run for r in list_runs(runs)[:5]) or "none"
        raise NotFoundError(f'run "{name}" does not exist', remedy=f"Newest runs: {there}.") from None
    except ValidationError as error:
        raise InvalidInputError(f"{path}: {error.errors()[0]['msg']}", remedy="Delete the run's folder.") from None
    if record.phase == "Running" and not _is_alive(record):
        return record.model_copy(update={"phase": "Interrupted", "message": "the process that ran it is gone"})
    return record


def list_runs(runs: Path | None = None) -> list[RunRecord]:
    """All runs, the newest first."""
    folder = runs or part("runs")
    found = [read_run(path.parent.name, runs) for path in folder.glob(f"*/{RECORD_FILE}")]
    return sorted(found, key=lambda record: record.started, reverse=True)


def read_log(record: RunRecord, step: str, runs: Path | None = None) -> str:
    """The log of a step's last attempt.

    Raises:
        NotFoundError: with the steps that have one.
    """
    found = record.step(step)
    if found is None or not found.log:
        there = ", ".join(s.path for s in record.steps if s.log) or "none"
        raise NotFoundError(f'run "{record.run}" has no log of step "{step}"', remedy=f"Steps with a log: {there}.")
    return (run_folder(record.run, runs) / found.log).read_text(errors="replace")


def this_process() -> tuple[int, float]:
    """Process id and creation time, which together name this process for good."""
    return os.getpid(), psutil.Process().create_time()


def _is_alive(record: RunRecord) -> bool:
    try:
        return abs(psutil.Process(record.pid).create_time() - record.pid_created) < 1.0
    except psutil.Error:  # gone, or a later process of someone else under the same id
        return False

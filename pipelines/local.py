"""Runs workflow templates on this machine: the very dictionaries that Argo runs on a cluster.

The command line calls `run` and `retry`. This is for one person's laptop and for tests: it interprets a workflow, one
child process a step, and schedules nothing beyond that. What it does not support it refuses by name before anything
starts (`pipelines.runner.supported`). `pipelines.run_events` tells what happens, `pipelines.run_record` what has.
"""

import asyncio
import contextlib
import errno
import json
import secrets
import signal
import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pipelines.run_events import Listener, RunFinished, RunStarted, ignore
from pipelines.run_record import RunPhase, RunRecord, StepError, now, read_run, run_folder, this_process
from pipelines.runner.graph_run import run_template
from pipelines.runner.journal import Journal
from pipelines.runner.retry_plan import seconds_of
from pipelines.runner.run_context import NodeResult, RunContext, holding, mutex_names
from pipelines.runner.substitution import substitute
from pipelines.runner.workflow_check import check_workflow
from pipelines.runner.workflow_source import Document, Workflow, as_json
from steps.errors import DiskFullError, InvalidInputError
from steps.home import write_atomically

WORKFLOW_FILE = "workflow.json"
LOCK_FILE = ".lock"
PARALLELISM = 8
_CANCELLED = StepError(code="cancelled", message="the run was stopped while this step ran")


def run(
    workflow: str | Document,
    arguments: Mapping[str, object] | None = None,
    *,
    templates: Mapping[str, Document] | None = None,
    runs: Path | None = None,
    name: str = "",
    prefix: str = "",
    listener: Listener = ignore,
) -> RunRecord:
    """Run a workflow on this machine, to its end.

    On Ctrl-C and SIGTERM (when called on the main thread) every step is ended with all its processes, and the record
    comes back `Cancelled`.

    Args:
        workflow: Name of a workflow template, or a `Workflow` or `WorkflowTemplate` dictionary.
        arguments: Values of workflow parameters; anything but text becomes JSON.
        templates: Workflow templates by name; by default the project's own.
        runs: Where runs are kept; by default `$OME_HOME/runs`.
        name: The run's name; by default one that says what and when.
        prefix: The "what" of that default; by default the workflow's name.
        listener: Told of every event.

    Returns:
        The record; its `phase` says how it went.

    Raises:
        InvalidInputError, NotFoundError, UnsupportedError: before anything starts, naming what is wrong.
    """
    known = _own_templates() if templates is None else templates
    document = _named(workflow, known) if isinstance(workflow, str) else workflow
    plan = Workflow(document, known)
    values = plan.arguments(arguments or {})
    check_workflow(plan, values)
    moment = now()
    name = name or f"{(prefix or plan.name)[:40].rstrip('-.')}-{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder = run_folder(name, runs)
    if folder.exists():
        raise InvalidInputError(f'run "{name}" exists already', remedy=f"See `ome runs show {name}`.")
    content = json.dumps({"workflow": document, "templates": dict(known)}).encode()
    write_atomically(folder / WORKFLOW_FILE, content, is_durable=False)
    record = RunRecord(run=name, template=plan.name, title=plan.title, arguments=values, started=moment)
    return _carry_out(plan, record, folder, listener)


def retry(
    name: str, *, again: Collection[str] = (), runs: Path | None = None, listener: Listener = ignore
) -> RunRecord:
    """Go on from a run that failed, was stopped or was killed: what succeeded is kept, the rest runs again.

    Args:
        name: The run.
        again: Templates, as records name them, whose steps run again though they succeeded: what they made may be
            gone.
        runs: Where runs are kept; by default `$OME_HOME/runs`.
        listener: Told of every event.

    Raises:
        NotFoundError: when there is no such run.
        InvalidInputError: when it still runs or has succeeded.
    """
    record = read_run(name, runs)
    if record.phase == "Running":
        raise InvalidInputError(f'run "{name}" is still running', remedy=f"It is process {record.pid}.")
    if record.phase == "Succeeded":
        raise InvalidInputError(f'run "{name}" has succeeded', remedy="There is nothing to retry; start a new run.")
    folder = run_folder(name, runs)
    saved: dict[str, Any] = json.loads((folder / WORKFLOW_FILE).read_text())
    plan = Workflow(saved["workflow"], saved["templates"])
    check_workflow(plan, record.arguments)
    steps = tuple(s.model_copy(update={"phase": "Pending"}) if s.template in again else s for s in record.steps)
    changes = {"phase": "Running", "message": "", "finished": None, "retries": record.retries + 1, "steps": steps}
    return _carry_out(plan, record.model_copy(update=changes), folder, listener)


def _own_templates() -> Mapping[str, Document]:
    from pipelines.export import templates  # imports Hera, which takes its time

    return templates()


def _named(name: str, templates: Mapping[str, Document]) -> Document:
    if name not in templates:
        raise InvalidInputError(f'workflow template "{name}" is unknown', remedy=f"Known: {', '.join(templates)}.")
    return templates[name]


def _carry_out(plan: Workflow, record: RunRecord, folder: Path, listener: Listener) -> RunRecord:
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InvalidInputError(f'run "{record.run}" is still running') from None
    try:
        return _recorded(plan, record, folder, listener)
    finally:
        lock.release()


def _recorded(plan: Workflow, record: RunRecord, folder: Path, listener: Listener) -> RunRecord:
    pid, created = this_process()
    begun = now()
    journal = Journal(record.model_copy(update={"pid": pid, "pid_created": created}), folder, listener)
    journal.save()
    kept = tuple(step.path for step in journal.record.steps)
    journal.tell(RunStarted(record.run, record.template, record.title, folder, kept))
    phase: RunPhase
    try:
        phase, outputs, message = asyncio.run(_execute(plan, journal))
    except KeyboardInterrupt:  # in the moment before our own handler is in place
        phase, outputs, message = "Cancelled", {}, "stopped by SIGINT"
    except BaseException as problem:
        cause = _cause(problem)
        with contextlib.suppress(OSError):
            journal.update(phase="Error", message=f"{type(cause).__name__}: {cause}", finished=now())
        raise cause from problem
    finished = now()
    seconds = record.seconds + (finished - begun).total_seconds()
    journal.update(phase=phase, outputs=outputs, message=message, finished=finished, seconds=seconds)
    journal.tell(RunFinished(seconds, journal.record))
    return journal.record


def _cause(problem: BaseException) -> BaseException:
    """What went wrong, taken out of the groups of branches that it came through."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    if isinstance(problem, OSError) and problem.errno == errno.ENOSPC:
        return DiskFullError(f"the run's record cannot be written: {problem}")
    return problem


async def _execute(plan: Workflow, journal: Journal) -> tuple[RunPhase, dict[str, str], str]:
    arguments = journal.record.arguments
    variables = {f"workflow.parameters.{name}": value for name, value in arguments.items()} | {
        "workflow.parameters": as_json([{"name": n, "value": v} for n, v in arguments.items()]),
        "workflow.name": journal.record.run,
        "workflow.namespace": "default",
        "workflow.uid": journal.record.run,
        "workflow.serviceAccountName": "",
        "workflow.mainEntrypoint": str(plan.spec["entrypoint"]),
        "workflow.creationTimestamp": journal.record.started.isoformat(timespec="seconds"),
    }
    slots = asyncio.Semaphore(int(plan.spec.get("parallelism") or PARALLELISM))
    context = RunContext(plan, journal, variables, slots, "outputs.result" in as_json(plan.texts()))
    mutexes = substitute(list(mutex_names(plan.where, plan.spec.get("synchronization"))), variables.get)
    with _stop_on_signals() as stopped_by:
        try:
            async with holding(mutexes):
                phase, outputs, message = await _main(context, arguments)
                phase, message = await _exit_handler(context, arguments, phase, message)
        except asyncio.CancelledError:
            if not stopped_by:
                raise
            journal.end_unfinished("Cancelled", _CANCELLED)
            return "Cancelled", {}, f"stopped by {stopped_by[0]}"
    return phase, outputs, message


async def _main(context: RunContext, arguments: Mapping[str, str]) -> tuple[RunPhase, dict[str, str], str]:
    deadline = context.workflow.spec.get("activeDeadlineSeconds")
    limit = None if deadline is None else seconds_of("spec.activeDeadlineSeconds", deadline, 0.0)
    try:
        async with asyncio.timeout(limit):
            result = await run_template(context, context.workflow.entrypoint(), arguments, {}, "")
    except TimeoutError:
        message = f"ran longer than the workflow's deadline of {limit:g} s and was ended"
        context.journal.end_unfinished("Failed", StepError(code="deadline", message=message))
        return "Failed", {}, message
    outputs = {name: value for name, value in result.parameters.items() if name}
    return _phase_of(result), outputs, _why(context.journal) if result.has_failed else ""


async def _exit_handler(
    context: RunContext, arguments: Mapping[str, str], phase: RunPhase, message: str
) -> tuple[RunPhase, str]:
    handler = context.workflow.exit_handler()
    if handler is None:
        return phase, message
    failures = [
        {
            "displayName": s.path,
            "templateName": s.template,
            "phase": s.phase,
            "message": s.error.message if s.error else "",
        }
        for s in context.journal.failures()
    ]
    context.variables.update({"workflow.status": phase, "workflow.failures": as_json(failures)})
    result = await run_template(context, handler, arguments, {}, "onExit")
    if phase == "Succeeded" and result.has_failed:
        return _phase_of(result), _why(context.journal)
    return phase, message


def _phase_of(result: NodeResult) -> RunPhase:
    if result.phase in ("Failed", "Error"):
        return "Error" if result.phase == "Error" else "Failed"
    return "Succeeded"


def _why(journal: Journal) -> str:
    failed = journal.record.failed_step
    if failed is None:
        return "a step failed"
    return f"{failed.path}: {failed.error.message if failed.error else failed.message}"


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[list[str]]:
    """Cancel the current task once on SIGINT or SIGTERM; the list then has the signal's name."""
    stopped_by: list[str] = []
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread() or task is None:
        yield stopped_by
        return

    def stop(number: signal.Signals) -> None:
        if not stopped_by and task is not None:
            stopped_by.append(number.name)
            task.cancel()

    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield stopped_by
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)

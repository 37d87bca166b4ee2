"""One step of a run: a script or container template, with its inputs put in, its attempts, and its outputs taken out.

`graph_run` calls this for every leaf of the graph. Paths under `/tmp/ome`, which in a pod are the step's
own, become paths in the attempt's private folder.
"""

import asyncio
import re
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.run_events import StepProgress, StepRetrying, StepStarted, StepWaiting
from pipelines.run_record import AttemptRecord, StepError, StepRecord, now
from pipelines.runner.retry_plan import LastAttempt, RetryPlan, read_retry, seconds_of
from pipelines.runner.run_context import NodeResult, RunContext, holding, mutex_names
from pipelines.runner.step_process import AttemptFolder, Ended, run_attempt
from pipelines.runner.substitution import Lookup, substitute
from pipelines.runner.workflow_source import Located, as_json
from steps.contract import STEP_ROOT
from steps.errors import InvalidInputError, OmeError

_STEP_ROOT = re.compile(rf"(?<![\w./-]){re.escape(STEP_ROOT)}(?![\w.-])")
MAX_RESULT_BYTES = 256 * 1024  # as Argo's executor, which keeps the end


async def run_leaf(
    context: RunContext, located: Located, inputs: Mapping[str, str], artifacts: Mapping[str, Path], path: str
) -> NodeResult:
    """Run a step to its end, with all its attempts.

    Args:
        context: The run.
        located: A template with a script or container.
        inputs: Its parameters.
        artifacts: Its input artifacts.
        path: Where it stands in the run.

    Returns:
        How it ended; it is recorded and told already.
    """
    record = StepRecord(
        path=path,
        title=located.title or path,
        template="/".join(part for part in (located.source, located.name) if part),
        inputs=dict(inputs),
    )
    earlier = context.journal.earlier(path)
    if earlier is not None and earlier.phase == "Succeeded" and earlier.inputs == record.inputs:
        return _result_of(earlier, context)
    record = record.model_copy(update={"started": now(), "attempts": earlier.attempts if earlier else ()})
    context.journal.put(record)
    lookup = _lookup(context, located, inputs, path)
    names = [_lock_name(name, lookup) for name in mutex_names(path, located.template.get("synchronization"))]
    tell = context.journal.tell
    async with holding(names, lambda name: tell(StepWaiting(path, record.title, name))), context.slots:
        record = await _attempts(context, located, record, lookup, artifacts)
    finished = context.journal.finish(record, record.phase)
    return _result_of(finished, context)


def _lock_name(name: str, lookup: Lookup) -> str:
    """A mutex's name; as in Argo, one whose value is not there stays as written: what is wrong, the step says."""
    try:
        return str(substitute(name, lookup))
    except InvalidInputError:
        return name


async def _attempts(
    context: RunContext, located: Located, record: StepRecord, lookup: Lookup, artifacts: Mapping[str, Path]
) -> StepRecord:
    plan = _with_limit(located, lookup)
    begun = time.monotonic()
    before = len(record.attempts)
    while True:
        tried = time.monotonic()
        record = await _attempt(context, located, record, lookup, artifacts)
        if record.phase == "Succeeded":
            return record
        error = record.error or StepError(code="workflow", message="failed")
        attempts = len(record.attempts) - before
        last = LastAttempt(
            "Error" if record.phase == "Error" else "Failed", record.exit_code, time.monotonic() - tried, error.message
        )
        delay = plan.delay_before_next(attempts, last, time.monotonic() - begun)
        if delay is None:
            return record
        context.journal.tell(StepRetrying(record.path, record.title, len(record.attempts), delay, error))
        await asyncio.sleep(delay)


def _with_limit(located: Located, lookup: Lookup) -> RetryPlan:
    strategy = located.template.get("retryStrategy")
    if strategy is not None and strategy.get("limit") is not None:
        strategy = {**strategy, "limit": substitute(str(strategy["limit"]), lookup)}
    return read_retry(f'template "{located.name}"', strategy)


async def _attempt(
    context: RunContext, located: Located, record: StepRecord, lookup: Lookup, artifacts: Mapping[str, Path]
) -> StepRecord:
    number = len(record.attempts) + 1
    folder = AttemptFolder(context.journal.folder / "steps" / record.path.replace("/", ".") / str(number))
    folder.make()
    log = str(folder.log.relative_to(context.journal.folder))
    attempt = AttemptRecord(number=number, started=now(), log=log)
    record = record.model_copy(
        update={"phase": "Running", "log": log, "attempts": (*record.attempts, attempt), "error": None}
    )
    context.journal.put(record)
    context.journal.tell(StepStarted(record.path, record.title, number, folder.log))
    outputs: dict[str, Any] = {}
    try:
        ended = await _run(context, located, record, folder, lookup, artifacts)
        phase, error = ("Succeeded", None) if ended.error is None else ("Failed", ended.error)
    except OmeError as problem:
        ended, phase = Ended(None, None), "Error"
        error = StepError(code=problem.code, message=problem.message, remedy=problem.remedy)
    try:
        outputs = _outputs(context, located, folder, is_strict=phase == "Succeeded")
    except InvalidInputError as problem:
        phase, error = "Error", StepError(code="workflow", message=problem.message, remedy=problem.remedy)
    over = attempt.model_copy(update={"finished": now(), "exit_code": ended.exit_code, "error": error})
    changes = {"phase": phase, "exit_code": ended.exit_code, "error": error, **outputs}
    record = record.model_copy(update={**changes, "attempts": (*record.attempts[:-1], over)})
    context.journal.put(record)
    return record


async def _run(
    context: RunContext,
    located: Located,
    record: StepRecord,
    folder: AttemptFolder,
    lookup: Lookup,
    artifacts: Mapping[str, Path],
) -> Ended:
    template = located.template
    container = rebase(template.get("script") or template.get("container") or {}, folder.root)
    retries = {"retries": str(len(record.attempts) - 1)}

    def rebased_lookup(reference: str) -> str | None:
        if re.fullmatch(r"(inputs|outputs)\.(parameters|artifacts)\.[^.]+\.path", reference):
            return str(rebase(_declared_path(template, reference), folder.root))
        return retries.get(reference) or lookup(reference)

    for declared in (template.get("inputs") or {}).get("artifacts") or []:
        _place(artifacts.get(declared["name"]), declared, rebase(declared["path"], folder.root), located)
    command = [*container.get("command", []), *(container.get("args") or [])]
    command = [str(word) for word in substitute(command, rebased_lookup)]
    if template.get("script"):
        folder.source.write_text(substitute(container.get("source") or "", rebased_lookup))
        command.append(str(folder.source))
    if command[0] in ("python", "python3"):
        command[0] = sys.executable
    environment = {
        v["name"]: str(substitute(v.get("value") or "", rebased_lookup))
        for v in container.get("env") or []
        if v.get("valueFrom") is None
    }
    environment |= {
        "OME_STEP_ROOT": str(folder.root),
        "OME_PROGRESS_FILE": str(folder.progress),
        "OME_TERMINATION_LOG": str(folder.termination_log),
    }
    return await run_attempt(
        command,
        folder,
        environment,
        deadline_seconds=_deadline(located, lookup),
        keeps_stdout_apart=context.keeps_stdout_apart,
        on_progress=lambda moment: context.journal.tell(StepProgress(record.path, record.title, moment)),
    )


def rebase(value: Any, root: Path) -> Any:  # noqa: ANN401 - any part of a YAML document
    """The value with the step's own root, `/tmp/ome`, replaced in every text by a folder of this machine."""
    if isinstance(value, str):
        return _STEP_ROOT.sub(lambda _: str(root), value)
    if isinstance(value, Mapping):
        return {key: rebase(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [rebase(item, root) for item in value]
    return value


def _declared_path(template: Mapping[str, Any], reference: str) -> str:
    side, kind, name, _ = reference.split(".")
    for declared in (template.get(side) or {}).get(kind) or []:
        if declared["name"] == name:
            return str(declared.get("path") or (declared.get("valueFrom") or {}).get("path"))
    raise InvalidInputError(f'"{{{{{reference}}}}}" has no value', remedy="Declare it in the template.")


def _place(source: Path | None, declared: Mapping[str, Any], place: str, located: Located) -> None:
    if source is None:
        if declared.get("optional"):
            return
        raise InvalidInputError(f'template "{located.name}": input artifact "{declared["name"]}" was not supplied')
    target = Path(place)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _lookup(context: RunContext, located: Located, inputs: Mapping[str, str], path: str) -> Lookup:
    known = {f"inputs.parameters.{name}": value for name, value in inputs.items()}
    rows = [{**p, "value": inputs[p["name"]]} for p in located.parameters if p["name"] in inputs]
    known |= {"inputs.parameters": as_json(rows), "node.name": path}
    return lambda reference: known.get(reference, context.variables.get(reference))


def _deadline(located: Located, lookup: Lookup) -> float | None:
    where = f'template "{located.name}"'
    given = [
        seconds_of(f"{where}.{field}", substitute(str(located.template[field]), lookup), 0.0)
        for field in ("activeDeadlineSeconds", "timeout")
        if located.template.get(field) is not None
    ]
    return min(given, default=None)


def _outputs(context: RunContext, located: Located, folder: AttemptFolder, *, is_strict: bool) -> dict[str, Any]:
    """What the step left; a failed one (not `is_strict`) may leave less than it declares."""
    parameters: dict[str, str] = {}
    for declared in located.outputs("parameters"):
        source = declared.get("valueFrom") or {}
        path = Path(rebase(str(source.get("path")), folder.root))
        if path.is_file():
            parameters[declared["name"]] = path.read_text().removesuffix("\n")
        elif source.get("default") is not None:
            parameters[declared["name"]] = str(source["default"])
        elif is_strict:
            raise InvalidInputError(
                f'output "{declared["name"]}" was not written',
                remedy=f"The step must write {source.get('path')}, or the output needs a default.",
            )
    artifacts: dict[str, str] = {}
    for declared in located.outputs("artifacts"):
        path = Path(rebase(str(declared.get("path")), folder.root))
        if path.exists():
            artifacts[declared["name"]] = str(path.relative_to(context.journal.folder))
        elif is_strict and not declared.get("optional"):
            raise InvalidInputError(f'output artifact "{declared["name"]}" was not written')
    result = None
    if context.keeps_stdout_apart and folder.printed.exists():
        result = folder.printed.read_bytes()[-MAX_RESULT_BYTES:].decode(errors="replace").removesuffix("\n")
    return {"outputs": parameters, "output_artifacts": artifacts, "result": result}


def _result_of(record: StepRecord, context: RunContext) -> NodeResult:
    return NodeResult(
        phase=record.phase,
        parameters=record.outputs,
        artifacts={name: context.journal.folder / path for name, path in record.output_artifacts.items()},
        result=record.result,
        exit_code=record.exit_code,
    )

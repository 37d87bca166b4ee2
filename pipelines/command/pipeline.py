"""Running a pipeline for a command: draws it, and turns a failed run into one error with its step, log and remedy."""

from collections.abc import Callable, Mapping

from pipelines.command.catalogue import seed_catalogue
from pipelines.command.console import RunConsole
from pipelines.run_events import Listener
from pipelines.run_record import RunRecord, run_folder
from steps.errors import CLASSES, OmeError


def run_pipeline(template: str, arguments: Mapping[str, str]) -> RunRecord:
    """Run a workflow template on this machine and return its record once it has succeeded.

    Raises:
        OmeError: of the class of the step that failed.
        KeyboardInterrupt: when a person stopped it.
    """
    from pipelines.local import run

    return draw(lambda listener: run(template, arguments, listener=listener))


def retry_pipeline(name: str) -> RunRecord:
    """Go on with a failed, cancelled or interrupted run; raises as `run_pipeline` does."""
    from pipelines.local import retry

    return draw(lambda listener: retry(name, listener=listener))


def draw(start: Callable[[Listener], RunRecord]) -> RunRecord:
    """Start a run under a console and raise what went wrong in it."""
    seed_catalogue()
    with RunConsole() as console:
        record = start(console.listen)
    raise_failure(record)
    return record


def raise_failure(record: RunRecord) -> None:
    """Raise the error of a run that did not succeed; return when it did."""
    if record.phase == "Succeeded":
        return
    if record.phase == "Cancelled":
        raise KeyboardInterrupt
    step = record.failed_step
    if step is None or step.error is None:
        raise OmeError(f"run {record.run} ended as {record.phase}: {record.message}")
    classes = {c.code: c for c in CLASSES}
    log = run_folder(record.run) / step.log
    remedy = step.error.remedy or "See the log."
    raise classes.get(step.error.code, OmeError)(
        f"{step.title}: {step.error.message}",
        remedy=f"{remedy}\n  log: {log}\n  When it is mended: ome runs retry {record.run}",
    )


def output_of(record: RunRecord, step: str, name: str) -> str:
    """An output parameter of a step of a run, by the step's own name (`parse-model`); "" when it did not run."""
    for row in record.steps:
        if row.template.rpartition("/")[2] == step and row.phase == "Succeeded":
            return row.outputs.get(name, "")
    return ""

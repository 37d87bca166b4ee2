"""Running a pipeline for a command: what it needs is there, it is drawn, and a failed run becomes one error.

That error has the step, its log and the remedy.
"""

from collections.abc import Callable, Mapping

from pipelines.command.catalogue import seed_catalogue
from pipelines.command.console import RunConsole
from pipelines.command.environments import ensure_for
from pipelines.command.service import stopped_when_cancelled
from pipelines.run_events import Listener
from pipelines.run_record import RunRecord, read_run, run_folder
from steps.errors import CLASSES, OmeError

STARTS_SERVICES = ("ome-steps/deploy-service",)
"""Steps that a retry runs again though they succeeded: their service may have been stopped since. Where it still
runs they find it and change nothing."""


class StepFailedError(OmeError):
    """A step's program ended badly without naming a class, or ran out of time; the message has its last words."""

    code = "step"


def run_pipeline(template: str, arguments: Mapping[str, str], *, run_prefix: str = "") -> RunRecord:
    """Run a workflow template on this machine and return its record once it has succeeded.

    Args:
        template: Its name.
        arguments: Its parameters.
        run_prefix: How the run's name begins; by default with the template's.

    Raises:
        OmeError: of the class of the step that failed.
        EnvironmentProblem: when a program that it needs cannot be installed.
        KeyboardInterrupt: when a person stopped it.
    """
    from pipelines.local import run

    return _draw(template, arguments, lambda listener: run(template, arguments, prefix=run_prefix, listener=listener))


def retry_pipeline(name: str) -> RunRecord:
    """Go on with a failed, cancelled or interrupted run; raises as `run_pipeline` does."""
    from pipelines.local import retry

    before = read_run(name)
    return _draw(
        before.template, before.arguments, lambda listener: retry(name, again=STARTS_SERVICES, listener=listener)
    )


def _draw(template: str, arguments: Mapping[str, str], start: Callable[[Listener], RunRecord]) -> RunRecord:
    seed_catalogue()
    ensure_for(template, arguments)
    with stopped_when_cancelled(arguments):
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
    raise classes.get(step.error.code, StepFailedError)(
        f"{step.title}: {step.error.message}",
        remedy=f"{remedy}\n  log: {log}\n  When it is mended: ome runs retry {record.run}",
    )


def output_of(record: RunRecord, step: str, name: str) -> str:
    """An output parameter of a step of a run, by the step's own name (`parse-model`); "" when it did not run."""
    for row in record.steps:
        if row.template.rpartition("/")[2] == step and row.phase == "Succeeded":
            return row.outputs.get(name, "")
    return ""

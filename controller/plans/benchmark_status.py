"""A benchmark's status: where it stands, the numbers and verdict of the last finished run, and the runs before."""

from typing import Final

from controller.actions import Object
from controller.observed import Context
from controller.plans.at_work import at_work
from controller.plans.attempts import Prospect
from controller.plans.benchmark_inputs import Measured, ignored_fields
from controller.plans.benchmark_output import Output
from controller.plans.conditions import Said, conditions
from controller.plans.failures import failure
from controller.plans.history import History
from controller.plans.naming import cron_name
from controller.plans.runs import Run, timestamp


def benchmark_said(
    job: Object,
    measured: Measured,
    history: History,
    active: Run | None,
    outlook: Prospect,
    trouble: Said | None,
    namespace: str,
    output: Output,
    uploaded: Said | None,
) -> tuple[Said, ...]:
    """The conditions, without times; trouble with what it asks for comes before what earlier runs have brought.

    Args:
        job: The benchmark.
        measured: Its endpoint.
        history: Its finished runs.
        active: The run that goes on.
        outlook: What follows failures.
        trouble: With its schedule, or with what it is to measure.
        namespace: Where its CronWorkflow is.
        output: Where its reports are to go.
        uploaded: What came of that, where there is something to say.
    """
    completed = trouble if trouble is not None and active is None else None
    said = [
        measured.ready,
        _running(active),
        completed or _completed(job, measured, history, active, outlook, namespace),
    ]
    if uploaded is not None:
        said.append(uploaded)
    if ignored := ignored_fields(job.get("spec") or {}, output):
        text = f"Nothing reads spec.{', spec.'.join(ignored)} on a cluster yet; the report is where reportUri says."
        said.append(Said("FieldsHonoured", False, "FieldsIgnored", f"{text} {output.why}".strip(), "Info"))
    return tuple(said)


def benchmark_status(
    job: Object, said: tuple[Said, ...], history: History, active: Run | None, context: Context, *, lost: str
) -> Object:
    """The status as it should be.

    Args:
        job: The benchmark.
        said: Its conditions (`benchmark_said`).
        history: Its finished runs.
        active: The run that goes on.
        context: For times.
        lost: Name of the run that the status waits for and that is not there any more.
    """
    old = job.get("status") or {}
    generation = int(job["metadata"].get("generation") or 0)
    made: Object = {
        "observedGeneration": generation,
        "conditions": conditions(old.get("conditions") or (), said, generation, context.now),
        "state": _state(said),
    }
    last = history.last
    if history.entries:
        made["history"] = list(history.entries)
    results = history.results if history.results is not None else old.get("results")
    if results:
        made["results"] = results
    if last is not None:
        made["verdict"] = last["verdict"]
        made |= {"reportUri": last["reportUri"]} if last.get("reportUri") else {}
    start = active.started if active is not None else (last or {}).get("startedAt", "")
    made |= {"startTime": start} if start else {}
    if active is None and last is not None and last.get("finishedAt"):
        made["completionTime"] = last["finishedAt"]
    if made["state"] == "Failed":
        made["failureMessage"] = said[2].message
    if active is not None:
        made["workflow"] = active.reference()
    elif lost:
        gone = failure("vanished", f"run {lost} was deleted before it ended")
        done = {"phase": "Error", "finishedAt": timestamp(context.now), "message": gone.sentence}
        made["workflow"] = dict(old["workflow"]) | done
    elif history.run is not None:
        made["workflow"] = history.run.reference()
    elif old.get("workflow"):
        made["workflow"] = old["workflow"]
    unchanged = {key: value for key, value in old.items() if key != "lastReconcileTime"}
    is_same = made == unchanged and old.get("lastReconcileTime")
    made["lastReconcileTime"] = old["lastReconcileTime"] if is_same else timestamp(context.now)
    return made


_FAILED: Final = "The report and the endpoint's log say what failed. Mend it, or raise spec.thresholds.maxErrorRate"
_ONCE_MORE: Final = 'then set the annotation "ome.io/retry" to measure again'


def _running(active: Run | None) -> Said:
    if active is None:
        return Said("Running", False, "Idle", "No run goes on.")
    task = active.task("benchmark")
    progress = f", {task.completed} of {task.total} requests" if task is not None and task.total > 1 else ""
    return Said("Running", True, "Running", f"Run {active.name}{progress}.")


def _completed(
    job: Object, measured: Measured, history: History, active: Run | None, outlook: Prospect, namespace: str
) -> Said:
    last = history.last
    if active is not None:
        return Said("Completed", False, "Running", at_work(active))
    if outlook.last is not None and not (job.get("spec") or {}).get("schedule"):
        return Said("Completed", False, outlook.last.reason, f"{outlook.last.sentence} {outlook.outlook}")
    if last is not None and last["verdict"] != "Failed":
        return Said("Completed", True, last["verdict"], last.get("message", ""))
    if last is not None:
        return Said(
            "Completed", False, "Failed", f"{last.get('message', '')} {_FAILED}; {_again(job, namespace)}.".strip()
        )
    if not measured.arguments and measured.ready.reason == "Unsupported":
        return Said("Completed", False, "Unsupported", measured.ready.message)
    if not measured.arguments:
        return Said("Completed", False, "Waiting", "It waits for its endpoint.")
    spec = job.get("spec") or {}
    if spec.get("schedule") and spec.get("suspend"):
        return Said("Completed", False, "Suspended", f"Nothing was measured yet, and {_again(job, namespace)}.")
    if spec.get("schedule"):
        return Said("Completed", False, "Waiting", f'The schedule "{spec["schedule"]}" has not come yet.')
    return Said("Completed", False, "Pending", "A run will be submitted.")


def _again(job: Object, namespace: str) -> str:
    """How it is measured again: a run from its CronWorkflow counts as one of its schedule, whoever submits it."""
    spec, metadata = job.get("spec") or {}, job["metadata"]
    if not spec.get("schedule"):
        return _ONCE_MORE
    command = f"argo submit -n {namespace} --from cronwf/{cron_name(metadata['namespace'], metadata['name'])}"
    if spec.get("suspend"):
        return f"its schedule rests (spec.suspend); to measure now: {command}"
    return f"it is measured again when its schedule comes; now: {command}"


def _state(said: tuple[Said, ...]) -> str:
    """OME's word."""
    completed = said[2]
    if completed.holds:
        return "Completed"
    if said[1].holds:
        return "Running"
    waits = ("Waiting", "Pending", "Suspended", "SecretNotReadable")
    return "Pending" if completed.reason in waits else "Failed"

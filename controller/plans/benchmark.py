"""What to do about a BenchmarkJob: wait for its endpoint, measure once or by a schedule, and remember what came of it.

Run and CronWorkflow are in the system namespace, where the job cannot own them, so a finalizer takes them away.
"""

from dataclasses import replace
from typing import Final

from controller.actions import Action, ApplyObject, DeleteObject, EmitEvent, Object, PatchObject, Plan
from controller.observed import Context
from controller.plans.attempts import prospect_of, soonest
from controller.plans.benchmark_inputs import Measured, is_same_measurement, measured_of
from controller.plans.benchmark_matrix import matrix_mistake
from controller.plans.benchmark_output import READ_AGAIN_SECONDS, forget_copy, output_of, plan_token, uploaded_said
from controller.plans.benchmark_status import benchmark_said, benchmark_status
from controller.plans.conditions import change_event, write_status
from controller.plans.cron import TEMPLATE, cron_workflow, says_the_same, timing
from controller.plans.history import BASELINE, REVISION, history_of
from controller.plans.naming import cron_name, next_run
from controller.plans.runs import Run, read_runs
from controller.plans.schedule import refused_by_argo, schedule_mistake
from controller.plans.submission import forget_failures, resource_labels, submit, vanished
from crds import labels

FINALIZER: Final = labels.FINALIZERS["BenchmarkJob"]
VERB: Final = "benchmark"
MEASURED: Final = "ome.io/measured"
"""Annotation: the inputs that were measured, so that once is once when the run has been cleared away."""


def plan_benchmark(resource: Object, context: Context) -> Plan:
    """What to do about a benchmark now."""
    metadata = resource["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    runs = read_runs(context.observed.runs(TEMPLATE, "BenchmarkJob", namespace, name), context.now)
    cron = context.observed.get("CronWorkflow", context.settings.namespace, cron_name(namespace, name))
    if "deletionTimestamp" in metadata:
        return _deletion(resource, runs, cron, context)
    measured = measured_of(resource, context)
    adoptable = tuple(run for run in runs if not run.is_ours and _is_adoptable(run, resource, measured))
    mine = tuple(run for run in runs if run.is_ours or run in adoptable)
    actions: list[Action] = [_adopt(run, resource, measured.inputs) for run in adoptable]
    history = history_of(resource, mine)
    active = next((run for run in reversed(mine) if run.is_active), None)
    current = [run for run in mine if run.inputs(VERB) == measured.inputs or run in adoptable]
    outlook = prospect_of(current, context)
    outdated = [run for run in mine if run.is_active and run not in current]
    is_once = not (resource.get("spec") or {}).get("schedule")
    if outdated and is_once:
        return Plan((*actions, *(DeleteObject("Workflow", run.namespace, run.name) for run in outdated)))
    is_told = list(history.entries) == ((resource.get("status") or {}).get("history") or [])
    baseline = history.baseline if is_told else ""  # after its verdict, or a run would be compared with itself
    is_measured = any(run.phase == "Succeeded" for run in current)
    remembered = measured.inputs if is_once and is_told and is_measured else ""
    is_measured = is_measured or (metadata.get("annotations") or {}).get(MEASURED) == measured.inputs
    mistake = schedule_mistake(resource.get("spec") or {}) or matrix_mistake(resource.get("spec") or {})
    is_due = is_once and bool(measured.arguments) and active is None and not is_measured and outlook.is_due
    is_scheduled = not is_once and mistake is None and (bool(measured.arguments) or cron is not None)
    is_new_spec = (resource.get("status") or {}).get("observedGeneration") != metadata.get("generation")
    output = output_of(resource)
    token = plan_token(
        resource,
        output,
        context,
        is_needed=active is not None or is_due or is_scheduled,
        is_to_be_renewed=is_due or (is_scheduled and (is_new_spec or not is_told)),
    )
    needs_finalizer = bool(mine) or cron is not None or token.is_copied
    patch = _own_patch(resource, baseline, remembered, needs_finalizer=needs_finalizer)
    if patch:
        return Plan((*actions, *patch))
    actions += [token.action] if token.action is not None else []
    obstacle = token.obstacle if cron is None else None  # a schedule goes on, without uploads
    kept = _rest_cron(cron) if mistake is not None else []
    if mistake is None and obstacle is None:
        kept = _keep_cron(resource, measured, cron, context)
    if any(isinstance(action, ApplyObject) for action in kept):
        return Plan((*actions, *_own_patch(resource, baseline, needs_finalizer=True), *kept))
    actions += kept
    if is_due and obstacle is None:
        return Plan((*actions, *_submission(resource, measured, runs, context)))
    lost = _lost(resource, runs)
    trouble = mistake or refused_by_argo(cron)
    if obstacle is not None and trouble is None:
        trouble = replace(obstacle, type="Completed")
    uploaded = uploaded_said(output, token, history.last)
    said = benchmark_said(
        resource, measured, history, active, outlook, trouble, context.settings.namespace, output, uploaded
    )
    status = benchmark_status(resource, said, history, active, context, lost=lost)
    event = change_event(resource, said, "Completed")
    waits = [active.seconds_to_deadline if active is not None else None]
    waits.append(READ_AGAIN_SECONDS if token.obstacle is not None else None)
    if is_once and measured.arguments and not is_measured and active is None:
        waits.append(outlook.wait_seconds or None)
    return Plan((*actions, *write_status(resource, status, event)), soonest(waits))


def _submission(job: Object, measured: Measured, runs: tuple[Run, ...], context: Context) -> list[Action]:
    metadata, settings = job["metadata"], context.settings
    told = [str(entry.get("run") or "") for entry in (job.get("status") or {}).get("history") or ()]
    name = next_run(VERB, metadata["name"], measured.inputs, (*(run.name for run in runs), *told))
    more = {REVISION: measured.revision} if measured.revision else {}
    run = submit(TEMPLATE, name, job, measured.arguments, measured.inputs, settings.namespace, **more)
    old = forget_failures(runs, TEMPLATE, settings.max_attempts)
    held = _own_patch(job, needs_finalizer=True)
    return [*held, *vanished(job, _lost(job, runs)), run, *old, EmitEvent(job, "Normal", "Submitted", f"Run {name}.")]


def _keep_cron(job: Object, measured: Measured, cron: Object | None, context: Context) -> list[Action]:
    """The CronWorkflow as the schedule asks for; without one there is none. It waits for the first endpoint only.

    While the endpoint is away the one that is there goes on as it was, but fires when the job says.
    """
    spec = job.get("spec") or {}
    if not spec.get("schedule"):
        return [DeleteObject("CronWorkflow", context.settings.namespace, cron["metadata"]["name"])] if cron else []
    if not measured.arguments:
        return _change_cron(cron, timing(spec)) if cron is not None else []
    wanted = cron_workflow(job, measured, context.settings.namespace)
    return [] if cron is not None and says_the_same(cron, wanted) else [ApplyObject(wanted)]


def _rest_cron(cron: Object | None) -> list[Action]:
    """A schedule that cannot be kept: the one before it rests, and a run that it has started goes on."""
    return _change_cron(cron, {"suspend": True}) if cron is not None else []


def _change_cron(cron: Object, spec: Object) -> list[Action]:
    if says_the_same(cron.get("spec"), spec):
        return []
    metadata = cron["metadata"]
    return [PatchObject("CronWorkflow", metadata["namespace"], metadata["name"], {"spec": spec})]


def _is_adoptable(run: Run, job: Object, measured: Measured) -> bool:
    is_of_this_life = run.is_active or run.finished >= str(job["metadata"].get("creationTimestamp") or "")
    return is_of_this_life and is_same_measurement(run.arguments, measured)


def _adopt(run: Run, job: Object, inputs: str) -> PatchObject:
    metadata = {"annotations": {labels.INPUTS: inputs}, "labels": resource_labels(job)}
    return PatchObject("Workflow", run.namespace, run.name, {"metadata": metadata})


def _lost(job: Object, runs: tuple[Run, ...]) -> str:
    """Name of the run that the status waits for and that is not there any more."""
    marker = (job.get("status") or {}).get("workflow") or {}
    is_waited_for = bool(marker.get("name")) and not marker.get("finishedAt")
    return str(marker["name"]) if is_waited_for and all(run.name != marker["name"] for run in runs) else ""


def _own_patch(job: Object, baseline: str = "", measured: str = "", *, needs_finalizer: bool) -> list[Action]:
    """What the job itself remembers: that it must be undone, its baseline, and what was measured once."""
    metadata = job["metadata"]
    there = list(metadata.get("finalizers") or ())
    patch: Object = {}
    if needs_finalizer and FINALIZER not in there:
        patch["finalizers"] = [*there, FINALIZER]
    known = metadata.get("annotations") or {}
    wanted = {BASELINE: baseline, MEASURED: measured}
    if annotations := {key: text for key, text in wanted.items() if text and known.get(key) != text}:
        patch["annotations"] = annotations
    if not patch:
        return []
    version = str(metadata.get("resourceVersion") or "")
    return [PatchObject("BenchmarkJob", metadata["namespace"], metadata["name"], {"metadata": patch}, version)]


def _deletion(job: Object, runs: tuple[Run, ...], cron: Object | None, context: Context) -> Plan:
    metadata = job["metadata"]
    there = list(metadata.get("finalizers") or ())
    if FINALIZER not in there:
        return Plan()
    actions: list[Action] = []
    if cron is not None:
        actions.append(DeleteObject("CronWorkflow", cron["metadata"]["namespace"], cron["metadata"]["name"]))
    actions += [DeleteObject("Workflow", run.namespace, run.name) for run in runs if run.is_ours]
    actions += forget_copy(job, context)
    patch = {"metadata": {"finalizers": [name for name in there if name != FINALIZER]}}
    version = str(metadata.get("resourceVersion") or "")
    return Plan((*actions, PatchObject("BenchmarkJob", metadata["namespace"], metadata["name"], patch, version)))

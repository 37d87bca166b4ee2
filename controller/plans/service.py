"""What to do about an InferenceService: wait for its model, submit deploy runs, and say how its components are.

Its Deployments and Services belong to it and go with it; a run in the system namespace cannot, so a finalizer ends it.
"""

import json
from collections.abc import Mapping
from typing import Final

from controller.actions import Action, DeleteObject, EmitEvent, Object, PatchObject, Plan
from controller.observed import Context
from controller.plans.attempts import seconds_left, since_success, soonest
from controller.plans.conditions import change_event, write_status
from controller.plans.naming import next_run
from controller.plans.predictor import migration
from controller.plans.runs import ADOPTED, Run, parse_time, read_runs
from controller.plans.service_attempts import VERB, Attempt, attempt_of, prospect_of_attempt, target_of
from controller.plans.service_choice import selection_event
from controller.plans.service_components import components_of
from controller.plans.service_inputs import Asked, asked_of, model_obstacle
from controller.plans.service_mistakes import service_mistake
from controller.plans.service_state import ServiceState
from controller.plans.service_status import service_said, service_status
from controller.plans.service_virtual import is_virtual, plan_virtual
from controller.plans.submission import forget_failures, resource_labels, submit, vanished
from crds import labels
from steps.serving.asked_hardware import asked_hardware

FINALIZER: Final = labels.FINALIZERS["InferenceService"]
"""As OME names it."""
TEMPLATE: Final = "deploy-model"
_TEMPLATES: Final = (TEMPLATE, "onboard-model")
_LATE_SECONDS: Final = 60.0
_LONGEST_WAIT_SECONDS: Final = 3600.0


def plan_service(resource: Object, context: Context) -> Plan:
    """What to do about a service now."""
    if moved := migration(resource):
        return Plan(moved)
    namespace, name = resource["metadata"]["namespace"], resource["metadata"]["name"]
    found = [i for t in _TEMPLATES for i in context.observed.runs(t, "InferenceService", namespace, name)]
    runs = read_runs(found, context.now)
    if "deletionTimestamp" in resource["metadata"]:
        return _deletion(resource, runs)
    if is_virtual(resource):
        return plan_virtual(resource, [run for run in runs if _is_own(run)], context)
    asked = asked_of(resource, context)
    components = components_of(asked, context)
    attempt = attempt_of(asked, components, context)
    adoptable = tuple(run for run in runs if attempt.key and _is_adoptable(run, asked))
    status = resource.get("status") or {}
    wanted = [run for run in runs if attempt.key and (target_of(run) == asked.target or run in adoptable)]
    mine = since_success(wanted, status)
    active = next((run for run in reversed(mine) if run.is_active), None)
    marker = status.get("workflow") or {}
    is_lost = bool(marker.get("name")) and not marker.get("finishedAt")
    done = next((run for run in reversed(mine) if _has_deployed(run, asked)), None)
    is_current = active is not None or (bool(mine) and done is mine[-1])
    state = ServiceState(
        asked=asked,
        components=components,
        active=active,
        done=done if is_current else None,
        runs=mine,
        prospect=prospect_of_attempt(attempt, mine, context),
        lost=str(marker["name"]) if is_lost and all(run.name != marker["name"] for run in runs) else "",
        mistake=service_mistake(resource),
    )
    return _plan(state, runs, adoptable, attempt, context)


def _plan(
    state: ServiceState, runs: tuple[Run, ...], adoptable: tuple[Run, ...], attempt: Attempt, context: Context
) -> Plan:
    service = state.asked.service
    actions: list[Action] = [_adopt(run, service, attempt.inputs) for run in adoptable]
    others = [run for run in runs if run.is_active and run is not state.active]
    outdated = [run for run in others if run.is_ours and run.pipeline == TEMPLATE]
    if outdated:
        return Plan((*actions, *(DeleteObject("Workflow", run.namespace, run.name) for run in outdated)))
    lack = _seconds_until_missing(state, context)
    is_possible = model_obstacle(state.asked) is None and state.mistake is None
    is_wanted = is_possible and (not state.is_deployed or lack == 0)
    if is_wanted and state.active is None and not others and state.prospect.is_due:
        return Plan((*actions, *_submission(state, runs, attempt, context)))
    if state.active is not None and (held := _finalizer_patch(service)):
        return Plan((*actions, *held))
    status = service_status(state, context)
    event = change_event(service, service_said(state), "Ready")
    waits = [state.active.seconds_to_deadline if state.active is not None else lack or None]
    if is_wanted and state.active is None:
        waits.append(state.prospect.wait_seconds or None)
    chosen = selection_event(service, status)
    return Plan((*actions, *write_status(service, status, event), *chosen), soonest(waits))


def _submission(state: ServiceState, runs: tuple[Run, ...], attempt: Attempt, context: Context) -> list[Action]:
    service, settings = state.asked.service, context.settings
    name = next_run(VERB, state.asked.name, attempt.key, (run.name for run in runs))
    actions: list[Action] = [*_finalizer_patch(service), *vanished(service, state.lost)]
    actions.append(submit(TEMPLATE, name, service, state.asked.arguments(), attempt.inputs, settings.namespace))
    actions += forget_failures(runs, TEMPLATE, settings.max_attempts)
    return [*actions, EmitEvent(service, "Normal", "Submitted", f"Run {name}.")]


def _seconds_until_missing(state: ServiceState, context: Context) -> float | None:
    """0 when a Deployment that was deployed is gone; None when all are there, or deploying again and again is no use.

    One that was never seen may only be late: it is waited for a minute after its run. So is what comes with it, and
    longer with each run, should something else take it away every time.
    """
    if state.active is not None:
        return None
    if all(part.deployment is not None for part in state.components):
        return _seconds_until_companions(state, context) if state.missing else None
    seen = (state.asked.service.get("status") or {}).get("components") or {}
    if any(part.deployment is None and part.name in seen for part in state.components):
        return 0.0
    last = state.last
    if last is None or last.phase != "Succeeded":
        return 0.0
    if sum(run.phase == "Succeeded" for run in state.runs) >= context.settings.max_attempts:
        return None
    late = (context.now - parse_time(last.finished)).total_seconds()
    return max(_LATE_SECONDS - late, 0.0)


def _seconds_until_companions(state: ServiceState, context: Context) -> float:
    last = state.last
    if last is None or last.phase != "Succeeded":
        return 0.0
    times = sum(run.phase == "Succeeded" for run in state.runs)
    wait = min(_LATE_SECONDS * 2.0 ** min(times - 1, 6), _LONGEST_WAIT_SECONDS)
    return seconds_left(last.finished, wait, context.now)


def _has_deployed(run: Run, asked: Asked) -> bool:
    """Whether a run ended well with just this: one of a person may have found another spec when it came to it."""
    return run.phase == "Succeeded" and run.output("spec_digest", "deploy") in ("", asked.spec_digest)


def _is_adoptable(run: Run, asked: Asked) -> bool:
    if run.inputs(VERB):
        return False
    arguments = run.arguments
    model = arguments.get("model") if run.pipeline == TEMPLATE else arguments.get("name")
    runtime = str(((asked.service.get("spec") or {}).get("runtime") or {}).get("name") or "")
    if model != asked.model_name or arguments.get("runtime", "") not in {"", runtime}:
        return False
    if not _has_looked_for(run, asked_hardware(asked.service).arguments()):
        return False
    if run.is_active:
        return arguments.get("spec_digest", "") in {"", asked.spec_digest}
    return run.phase == "Succeeded" and run.output("spec_digest", "deploy") == asked.spec_digest


def _has_looked_for(run: Run, hardware: Mapping[str, str]) -> bool:
    """Whether a run chose by what the service asks of the hardware; what it asked beyond that is its author's.

    One that has deployed has a class, and pods, that the service accepts; one at work without them may still fail.
    """
    counted = ("constraints", "policy") if run.phase == "Succeeded" else tuple(hardware)
    return all(_read(run.arguments.get(key, "")) == _read(hardware[key]) for key in counted if key in hardware)


def _read(argument: str) -> object:
    """An argument as select-runtime reads it: JSON where it is some, one object for a list of one."""
    try:
        found = json.loads(argument)
    except ValueError:
        return argument
    return [found] if isinstance(found, dict) else found


def _adopt(run: Run, service: Object, inputs: str) -> PatchObject:
    metadata: Object = {"annotations": {labels.INPUTS: inputs}, "labels": resource_labels(service)}
    if run.pipeline != TEMPLATE:
        metadata = {"annotations": {f"{ADOPTED}{VERB}": inputs}}
    return PatchObject("Workflow", run.namespace, run.name, {"metadata": metadata})


def _finalizer_patch(service: Object) -> tuple[PatchObject, ...]:
    metadata = service["metadata"]
    there = list(metadata.get("finalizers") or ())
    if FINALIZER in there:
        return ()
    patch = {"metadata": {"finalizers": [*there, FINALIZER]}}
    version = str(metadata.get("resourceVersion") or "")
    return (PatchObject("InferenceService", metadata["namespace"], metadata["name"], patch, version),)


def _deletion(service: Object, runs: tuple[Run, ...]) -> Plan:
    """End what goes on for it, so that no run makes it anew; the rest goes by its owner references."""
    metadata = service["metadata"]
    there = list(metadata.get("finalizers") or ())
    if FINALIZER not in there:
        return Plan()
    ended = [DeleteObject("Workflow", run.namespace, run.name) for run in runs if run.is_active or _is_own(run)]
    patch = {"metadata": {"finalizers": [name for name in there if name != FINALIZER]}}
    version = str(metadata.get("resourceVersion") or "")
    return Plan((*ended, PatchObject("InferenceService", metadata["namespace"], metadata["name"], patch, version)))


def _is_own(run: Run) -> bool:
    return run.is_ours and run.pipeline == TEMPLATE

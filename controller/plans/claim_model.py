"""What to do about a model that stays in a PersistentVolumeClaim: it is read there, and nothing is put on nodes.

Called by `controller.plans.model` for `pvc://` without `spec.storage.path`. Services' pods mount the claim themselves.
A claim may change in place: it is read again when the annotation `ome.io/retry` changes.
"""

from typing import Final

from controller.actions import Action, EmitEvent, Object, Plan
from controller.observed import Context
from controller.plans.attempts import since_success, soonest
from controller.plans.claim_status import claim_said, claim_status
from controller.plans.conditions import change_event, is_true, write_status
from controller.plans.eviction import Eviction, plan_eviction
from controller.plans.import_runs import CLAIM_TEMPLATE, adopt
from controller.plans.model_inputs import Wanted
from controller.plans.model_state import ModelState, NodeState, observe_model
from controller.plans.naming import next_run, run_name
from controller.plans.node_records import remove_entry, set_label, write_entry
from controller.plans.own_patch import hold, writes_before_status
from controller.plans.records_of_artifact import keep_artifact, release_artifact
from controller.plans.submission import forget_failures, submit, vanished
from crds.storage_uri import PvcUri

VERB: Final = "read"
_ARGUMENTS: Final = ("uri", "name", "scope", "namespace", "allow_patterns", "ignore_patterns")


def claim_mistake(wanted: Wanted) -> str:
    """Why a model may not have the claim that it names; "" when it may."""
    uri = wanted.storage.uri
    if not isinstance(uri, PvcUri):
        return ""
    if not wanted.namespace and not uri.namespace:
        return (
            f'spec.storage.storageUri: "{wanted.uri}" names no namespace, and a ClusterBaseModel has none; '
            f"accepted: pvc://<namespace>:{uri.claim}/{uri.path}"
        )
    if wanted.namespace and uri.namespace not in ("", wanted.namespace):
        return (
            f'spec.storage.storageUri: "{wanted.uri}" is a claim of namespace {uri.namespace}, and a BaseModel of '
            f"{wanted.namespace} may have claims of its own namespace only; accepted: pvc://{uri.claim}/{uri.path}"
        )
    return ""


def plan_claim_model(model: Object, wanted: Wanted, context: Context) -> Plan:
    """What to do about such a model now."""
    state = observe_model(model, wanted, context)
    if held := hold(state):
        return Plan(tuple(held))
    actions: list[Action] = [adopt(run, model, wanted.inputs) for run in state.runs.adoptable]
    actions += keep_artifact(state.digest, context)
    if writes := writes_before_status(state):
        return Plan((*actions, *writes))
    is_free = not state.is_at_work and not state.runs.has_news
    cleaning = _clean(state, context, may_submit=is_free)
    actions += _cleaned(state, cleaning, context)
    if cleaning.submission is not None:
        return Plan((*actions, cleaning.submission))
    is_read = _is_read(state)
    if is_free and state.gate.is_due and not is_read and not cleaning.is_running:
        return Plan((*actions, *hold(state, is_submitting=True), *_submission(state, context)))
    status = claim_status(state, context, is_remembered=is_read)
    actions += release_artifact(model, status, context)
    event = change_event(model, claim_said(state, is_remembered=is_read), "Ready")
    return Plan((*actions, *write_status(model, status, event)), _requeue(state, cleaning, is_read=is_read))


def _is_read(state: ModelState) -> bool:
    """Whether a run for the inputs as they are has ended well, or had when it was cleared away."""
    status = state.model.get("status") or {}
    if attempts := since_success(state.runs.attempts, status):
        return attempts[-1].phase == "Succeeded"
    if (status.get("artifact") or {}).get("uri") != state.wanted.uri or not is_true(state.model, "Ready"):
        return False
    name = str((status.get("workflow") or {}).get("name") or "")
    ours = run_name(VERB, state.wanted.name, state.wanted.inputs, 0)[:-1]
    is_of_other_inputs = name.startswith(ours[:-9]) and not name.startswith(ours)
    return not is_of_other_inputs


def _submission(state: ModelState, context: Context) -> list[Action]:
    """The run, without failed runs that nobody looks at any more."""
    model, wanted, settings = state.model, state.wanted, context.settings
    name = next_run(VERB, wanted.name, wanted.inputs, (run.name for run in state.runs.every))
    arguments = {key: text for key, text in wanted.arguments((), "").items() if key in _ARGUMENTS}
    actions: list[Action] = [*vanished(model, state.runs.lost)]
    actions.append(submit(CLAIM_TEMPLATE, name, model, arguments, wanted.inputs, settings.namespace))
    actions += forget_failures(state.runs.every, CLAIM_TEMPLATE, settings.max_attempts)
    return [*actions, EmitEvent(model, "Normal", "Submitted", f"Run {name}.")]


def _clean(state: ModelState, context: Context, *, may_submit: bool) -> Eviction:
    """Take off nodes what an earlier URI of this model put there."""
    nodes = [node for node in _held(state) if node.place.can_start_pods]
    return plan_eviction(state.model, state.wanted, nodes, context, may_submit=may_submit)


def _cleaned(state: ModelState, cleaning: Eviction, context: Context) -> list[Action]:
    """Labels go at once; an entry stays until its files are gone, and one that was only remembered is written."""
    namespace = context.settings.namespace
    gone = {*cleaning.done, *cleaning.given_up}
    actions: list[Action] = []
    for node in state.nodes:
        if node.name in gone or node.entry is None:
            actions += remove_entry(node.name, state.wanted, node.config_map, namespace)
        else:
            actions += write_entry(node.place, state.wanted, node.entry, node.config_map, namespace)
        actions += set_label(node.name, node.place.labels, state.wanted, None)
    return actions


def _held(state: ModelState) -> list[NodeState]:
    return [node for node in state.nodes if node.entry is not None]


def _requeue(state: ModelState, cleaning: Eviction, *, is_read: bool) -> float | None:
    waits = [cleaning.wait_seconds]
    if state.runs.active is not None:
        waits.append(state.runs.active.seconds_to_deadline)
    elif not is_read:
        waits.append(state.gate.wait_seconds)
    return soonest([wait for wait in waits if wait])

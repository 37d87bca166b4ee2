"""What to do about a BaseModel or ClusterBaseModel: from what is observed to actions, without any I/O.

In this order: the finalizer is written once there is something to undo, results of runs are recorded on nodes, empty
spec fields are filled, outdated runs are stopped, nodes are cleaned, a run is submitted for nodes that lack the model,
and at last the status says how things are. A plan that writes the model's metadata or spec leaves its status to the
plan that this change brings about.
"""

from typing import Final

from controller.actions import Action, EmitEvent, Object, Plan
from controller.observed import Context
from controller.plans.attempts import soonest
from controller.plans.claim_model import claim_mistake, plan_claim_model
from controller.plans.conditions import Said, change_event, conditions, write_status
from controller.plans.eviction import Eviction, is_reserved, plan_eviction
from controller.plans.fit_check import fit_mistake, plan_fit
from controller.plans.import_runs import TEMPLATE, adopt
from controller.plans.model_deletion import plan_model_deletion
from controller.plans.model_inputs import configuration_mistake, wanted_of
from controller.plans.model_state import ModelState, NodeState, observe_model
from controller.plans.model_status import model_status, said_of, seconds_to_progress
from controller.plans.model_token import (
    is_waiting_for_tenant,
    secret_obstacle,
    tenants_token,
    token_for_run,
    unneeded_copy,
)
from controller.plans.naming import next_run
from controller.plans.node_records import remove_entry, restore_config_map, set_label, write_entry
from controller.plans.own_patch import hold, writes_before_status
from controller.plans.records_of_artifact import keep_artifact, release_artifact
from controller.plans.revision_check import Check, plan_check
from controller.plans.source_mistakes import unsupported_source
from controller.plans.submission import forget_failures, submit, vanished
from crds.problems import FieldError
from crds.storage_location import stays_in_claim
from crds.storage_uri import HubUri

CONDITIONS: Final = ("Resolved", "Parsed", "Cached", "Ready")
_REFUSALS: Final = frozenset({"InvalidInput", "Unsupported"})
_SECRET_SECONDS: Final = 20.0
_ROOM_SECONDS: Final = 300.0
"""Until a node's ConfigMap that is full is looked at again: what other models leave there is not told."""


def plan_model(resource: Object, context: Context) -> Plan:
    """What to do about a model now."""
    is_going = "deletionTimestamp" in resource["metadata"]
    try:
        wanted = wanted_of(resource, context)
    except FieldError as error:
        if is_going:
            return plan_model_deletion(resource, wanted_of(_without_storage(resource), context), context)
        return _standing(resource, context, "InvalidSpec", f"{error.field}: {error}", holds=False)
    if is_going:
        return plan_model_deletion(resource, wanted, context)
    if mistake := configuration_mistake(resource) or fit_mistake(resource):
        return _standing(resource, context, "InvalidSpec", mistake, holds=False)
    if (resource.get("spec") or {}).get("disabled"):
        text = "spec.disabled is true: nothing is done about this model, and no service may use it."
        return _standing(resource, context, "Disabled", text, holds=False)
    if wanted.scheme == "vendor":
        return _standing(resource, context, "Vendor", "Its vendor provides it: there are no files here.", holds=True)
    if lack := unsupported_source(wanted):
        return _standing(resource, context, "Unsupported", lack, holds=False)
    if stays_in_claim(resource):
        if mistake := claim_mistake(wanted):
            return _standing(resource, context, "InvalidSpec", mistake, holds=False)
        return plan_claim_model(resource, wanted, context)
    return _plan(observe_model(resource, wanted, context), context)


def _plan(state: ModelState, context: Context) -> Plan:
    model, wanted = state.model, state.wanted
    if held := hold(state):
        return Plan(tuple(held))
    if restored := _restored(state, context):
        return Plan(tuple(restored), requeue_seconds=0.0)
    actions: list[Action] = [adopt(run, model, wanted.inputs) for run in state.runs.adoptable]
    actions += _record(state, context)
    actions += keep_artifact("" if state.is_updating else state.digest, context)
    if writes := writes_before_status(state):
        return Plan((*actions, *writes))
    is_free = not state.is_at_work and not state.runs.has_news
    cleaning = _clean(state, context, may_submit=is_free)
    actions += _cleaned(state, cleaning, context)
    if cleaning.submission is not None:
        return Plan((*actions, cleaning.submission))
    check, fit = plan_check(state, context), plan_fit(state, context)
    if fit.stopped:
        return Plan((*actions, *fit.stopped))
    actions += unneeded_copy(state, context, is_needed=check.needs_token or fit.needs_token)
    obstacle = secret_obstacle(state, context)
    if is_free and is_waiting_for_tenant(state, obstacle):
        if held := hold(state, is_submitting=True):
            return Plan((*actions, *held))
        actions.append(tenants_token(state, context.settings.namespace))
    nodes = _due(state) if is_free and obstacle is None and not cleaning.is_running else ()
    if nodes and fit.submission:
        return Plan((*actions, *hold(state, is_submitting=True), *fit.submission))
    if nodes and fit.obstacle is None:
        return Plan((*actions, *_hold_for_run(state), *_submission(state, nodes, context)))
    if check.submission and is_free:
        return Plan((*actions, *hold(state, is_submitting=True), *check.submission))
    is_held = fit.is_refused or fit.is_running or bool(nodes)
    said, why = _uncleaned(model, cleaning), obstacle or (fit.obstacle if is_held else None)
    status = model_status(state, context, obstacle=why, cleaning=said, source=check.source)
    status |= {"state": "Failed"} if fit.is_refused else {}
    if fit.obstacle is not None and state.runs.lost:
        status.pop("workflow", None)  # nobody misses an import that was stopped to look first
    actions += release_artifact(model, status, context)
    event = change_event(model, said_of(state, why, said, context.now), "Ready")
    waits = [_requeue(state, cleaning, obstacle, check), seconds_to_progress(state, context), fit.wait_seconds]
    return Plan((*actions, *write_status(model, status, event)), soonest(waits))


def _restored(state: ModelState, context: Context) -> list[Action]:
    """ConfigMaps that are not seen of nodes that hold it: where they are, they say more than is remembered."""
    unseen = [node.place for node in state.nodes if node.config_map is None and node.stored is not None]
    return [action for place in unseen for action in restore_config_map(place, context.settings.namespace)]


def _record(state: ModelState, context: Context) -> list[Action]:
    """Entries and labels of nodes as they should be; what is to be cleaned loses its label at once."""
    namespace = context.settings.namespace
    actions: list[Action] = []
    for node in state.nodes:
        if node.entry is not None:
            actions += write_entry(node.place, state.wanted, node.entry, node.config_map, namespace)
        elif node.stored is not None:
            actions += remove_entry(node.name, state.wanted, node.config_map, namespace)
        is_shown = node.entry is not None and node.is_target() and not node.is_left_over(state.wanted)
        value = node.entry.status if node.entry is not None and is_shown else None
        actions += set_label(node.name, node.place.labels, state.wanted, value)
    return actions


def _clean(state: ModelState, context: Context, *, may_submit: bool) -> Eviction:
    """Clean nodes that are not to hold it; one on which no pod can start is cleaned when one can."""
    nodes = [node for node in state.left_over if node.place.can_start_pods]
    return plan_eviction(state.model, state.wanted, nodes, context, may_submit=may_submit)


def _cleaned(state: ModelState, cleaning: Eviction, context: Context) -> list[Action]:
    actions: list[Action] = []
    if cleaning.left:
        places = ", ".join(f"{folder} on {node}" for node, folder in sorted(cleaning.left.items()))
        text = f"Remove {places}: it is not below the models root {context.settings.models_root}."
        actions.append(EmitEvent(state.model, "Warning", "FilesLeft", text))
    for node in state.nodes:
        if node.name in cleaning.done:
            actions += remove_entry(node.name, state.wanted, node.config_map, context.settings.namespace)
    return actions


def _uncleaned(model: Object, cleaning: Eviction) -> Said | None:
    if cleaning.given_up:
        node, last = next(iter(sorted(cleaning.given_up.items())))
        what = "reserved on" if is_reserved(model) else "removed from"
        text = f"The files could not be {what} {', '.join(sorted(cleaning.given_up))}. {node}: {last.sentence}"
        text += " Set the annotation ome.io/retry to try again."
        return Said("Evicted", False, last.reason, text, "Info")
    if cleaning.trouble is not None:
        return Said(
            "Evicted", False, cleaning.trouble.reason, f"{cleaning.trouble.sentence} It is tried again.", "Info"
        )
    return None


def _due(state: ModelState) -> tuple[NodeState, ...]:
    """Nodes for the next run; when only facts are missing, one node that has the files already."""
    if not state.gate.is_due:
        return ()
    found = tuple(
        node
        for node in state.lacking
        if node.place.can_start_pods
        and node.prospect.is_due
        and not node.is_left_over(state.wanted)
        and not node.is_full(state.wanted)
    )
    last = state.runs.attempts[-1] if state.runs.attempts else None
    if found or state.is_parsed or (last is not None and last.phase == "Succeeded"):
        return found
    able = tuple(node for node in state.ready if node.place.can_start_pods)
    return able[:1] if _pinned(state) else able


def _pinned(state: ModelState) -> str:
    """The revision that the model has; "" before it has one, and where that one could not be parsed.

    Whoever asks for another attempt then has corrected it at its source, which made another revision.
    """
    if state.wanted.followed:
        return state.wanted.followed
    status = state.model.get("status") or {}
    artifact = status.get("artifact") or {}
    if state.wanted.storage.manifest_digest not in ("", str(artifact.get("digest") or "").removeprefix("sha256:")):
        return ""
    reasons = {c.get("reason") for c in status.get("conditions") or () if c.get("type") == "Parsed"}
    is_refused = not state.is_parsed and not reasons.isdisjoint(_REFUSALS)
    return str(artifact.get("revision") or "") if artifact.get("uri") == state.wanted.uri and not is_refused else ""


def _pinned_digest(state: ModelState) -> str:
    """Of the manifest that all nodes are to have; "" while none has any: whoever corrects the source means it so."""
    held = (node.entry.digest for node in state.nodes if node.entry is not None and node.holds(state.wanted))
    return state.wanted.followed_digest or next((digest for digest in held if digest), "")


def _submission(state: ModelState, nodes: tuple[NodeState, ...], context: Context) -> list[Action]:
    """The run, behind what it needs, and without failed runs that nobody looks at any more."""
    model, wanted, settings = state.model, state.wanted, context.settings
    name = next_run("import", wanted.name, wanted.inputs, (run.name for run in state.runs.every))
    uri, names = wanted.storage.uri, tuple(node.name for node in nodes)
    if isinstance(uri, HubUri):
        pinned = _pinned(state)
        arguments = wanted.arguments(names, pinned)
        if pinned:
            arguments["uri"] = f"hf://{uri.repository}"  # its own revision may be a branch, which is another name
    else:  # no other source can be asked for an earlier revision
        arguments = wanted.arguments(names, "")
        if digest := _pinned_digest(state):
            arguments.setdefault("manifest_digest", digest)
    actions: list[Action] = [*vanished(model, state.runs.lost)]
    if token := token_for_run(state, settings.namespace):
        arguments["secret"] = wanted.copied_secret
        actions.append(token)
    run = submit(TEMPLATE, name, model, arguments, wanted.inputs, settings.namespace)
    needed = state.runs.needed([node.name for node in state.lacking], settings.max_attempts)
    old = forget_failures(state.runs.every, TEMPLATE, settings.max_attempts, needed)
    text = f"Run {name} for {', '.join(node.name for node in nodes[:5])}{' …' if len(nodes) > 5 else ''}."
    return [*actions, run, *old, EmitEvent(model, "Normal", "Submitted", text)]


def _hold_for_run(state: ModelState) -> list[Action]:
    """The finalizer before a run, where the run would outlive its model; a ClusterBaseModel takes its runs along.

    Its finalizer comes with the next plan: until then the run puts no files on nodes (`steps.cluster.held_model`).
    """
    return hold(state, is_submitting=True) if state.wanted.namespace else []


def _requeue(state: ModelState, cleaning: Eviction, obstacle: Said | None, check: Check) -> float | None:
    is_looking = obstacle is not None or is_waiting_for_tenant(state, obstacle)
    waits = [cleaning.wait_seconds, check.wait_seconds, _SECRET_SECONDS if is_looking else None]
    if state.runs.active is not None:
        waits.append(state.runs.active.seconds_to_deadline)
    if state.is_at_work:
        return soonest(waits)
    if not state.gate.is_due:
        return soonest([*waits, state.gate.wait_seconds])
    waits += [_ROOM_SECONDS for node in state.lacking if node.is_full(state.wanted)]
    waits += [node.prospect.wait_seconds for node in state.lacking if node.place.can_start_pods]
    return soonest([wait for wait in waits if wait])


def _standing(model: Object, context: Context, reason: str, text: str, *, holds: bool) -> Plan:
    """The status of a model about which nothing is done."""
    old = model.get("status") or {}
    generation = int(model["metadata"].get("generation") or 0)
    said: list[Said] = [Said("Ready", holds, reason, text)]
    if holds:
        said = [Said(name, True, reason, text) for name in CONDITIONS]
    kept = {key: old[key] for key in ("nodesReady", "artifact", "source", "workflow", "lifecycle") if key in old}
    if holds:
        kept.pop("nodesReady", None)
    others = [c for c in old.get("conditions") or () if not holds and c.get("type") in CONDITIONS[:3]]
    status: Object = kept | {
        "observedGeneration": generation,
        "conditions": [*others, *conditions(old.get("conditions") or (), said, generation, context.now)],
        "state": "Ready" if holds else "Creating" if reason == "Disabled" else "Failed",
    }
    return Plan(write_status(model, status, change_event(model, said, "Ready")))


def _without_storage(model: Object) -> Object:
    """The model as its name alone says, to undo what was done before its spec became unreadable."""
    return {**model, "spec": {"storage": {"storageUri": "vendor://unknown/unknown/unknown"}}}

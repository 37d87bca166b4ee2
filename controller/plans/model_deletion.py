"""Undoing a model: its runs stopped, its files off live nodes, labels and entries away, and at last the finalizer.

A node that is dead or closed to pods never holds this up: its entry and label go, and an event says that files stayed.
"""

from controller.actions import Action, DeleteObject, EmitEvent, Object, PatchObject, Plan
from controller.observed import Context
from controller.plans.conditions import Said, conditions, write_status
from controller.plans.eviction import evict_runs, is_reserved, plan_eviction, shares_folder
from controller.plans.failures import Failure
from controller.plans.fit_check import TEMPLATE as CHECK_FIT
from controller.plans.import_runs import asked_nodes, cache_tasks
from controller.plans.model_inputs import Wanted
from controller.plans.model_runs import own_runs_of_model
from controller.plans.model_state import ModelState, NodeState, observe_model
from controller.plans.node_records import Entry, entry_text, remove_entry, set_label, write_entry
from controller.plans.records_of_artifact import release_artifact
from controller.plans.revision_check import TEMPLATE as CHECK_REVISION
from crds import labels


def plan_model_deletion(model: Object, wanted: Wanted, context: Context) -> Plan:
    """What to do about a model that is being deleted."""
    finalizers = list(model["metadata"].get("finalizers") or ())
    finalizer = labels.FINALIZERS[model["kind"]]
    if finalizer not in finalizers:
        return Plan()
    state = observe_model(model, wanted, context)
    if stopped := _stop_runs(state, context):
        return Plan(tuple(stopped))
    held = [node for node in state.nodes if node.entry is not None]
    live = [node for node in held if node.place.can_start_pods]
    eviction = plan_eviction(model, wanted, live, context, may_submit=True)
    clean = {*eviction.done, *eviction.given_up, *(node.name for node in held if not node.place.can_start_pods)}
    actions = _forget(state, clean, context)
    left = {
        node.name: node.place.trouble
        for node in held
        if node not in live and not shares_folder(model, _folder(node, wanted), context)
    } | {name: last.message for name, last in eviction.given_up.items()}
    left |= {name: f"not below the models root: {folder}" for name, folder in eviction.left.items()}
    waiting = [node for node in live if node.name not in clean]
    if waiting:  # told when it is forgotten, and not with every plan until the others are clean
        left = {name: why for name, why in left.items() if _is_recorded(state, name)}
    if left:
        told = ", ".join(f"{name} ({why})" for name, why in sorted(left.items()))
        todo = (
            "they could not be marked as reserved, and go when room is needed"
            if is_reserved(model)
            else f"remove {wanted.folder} there"
        )
        actions.append(EmitEvent(model, "Warning", "FilesLeft", f"Files stay on {told}: {todo}."))
    if eviction.submission is not None:
        return Plan((*actions, *_unlabel(state, waiting), *_memorise(state, waiting, context), eviction.submission))
    if waiting:
        actions += [*_unlabel(state, waiting), *_memorise(state, waiting, context)]
        return Plan((*actions, *_status(state, waiting, eviction.trouble, context)), eviction.wait_seconds)
    actions += release_artifact(model, {}, context, state.digest)
    actions += [
        DeleteObject("Workflow", run.namespace, run.name)
        for run in (
            *state.runs.every,
            *evict_runs(model, context),
            *own_runs_of_model(model, context, CHECK_REVISION),
            *own_runs_of_model(model, context, CHECK_FIT),
        )
        if run.is_ours
    ]
    if context.observed.get("Secret", context.settings.namespace, wanted.copied_secret) is not None:
        actions.append(DeleteObject("Secret", context.settings.namespace, wanted.copied_secret))
    kept = [name for name in finalizers if name != finalizer]
    version = str(model["metadata"].get("resourceVersion") or "")
    off = PatchObject(model["kind"], wanted.namespace, wanted.name, {"metadata": {"finalizers": kept}}, version)
    return Plan((*actions, off))


def _stop_runs(state: ModelState, context: Context) -> list[Action]:
    """End imports that go on. First it is noted where they may have begun, so that their files are found."""
    active = [run for run in state.runs.every if run.is_active]
    actions: list[Action] = []
    for node in state.nodes:
        begun = [
            run
            for run in active
            if node.name in asked_nodes(run) or any(node.name in (t.node, t.host) for t in cache_tasks(run))
        ]
        if begun and node.entry is None:
            entry = Entry(labels.UPDATING, path=state.wanted.folder, run=begun[-1].uid, node_uid=node.place.uid)
            actions += write_entry(node.place, state.wanted, entry, node.config_map, context.settings.namespace)
    return actions + [DeleteObject("Workflow", run.namespace, run.name) for run in active]


def _is_recorded(state: ModelState, name: str) -> bool:
    node = next(node for node in state.nodes if node.name == name)
    has_entry = bool(entry_text(node.config_map, state.wanted.key))
    return has_entry or state.wanted.label in node.place.labels


def _memorise(state: ModelState, nodes: list[NodeState], context: Context) -> list[Action]:
    """Entries that are only remembered are written, so that an eviction's result finds what it was for."""
    actions: list[Action] = []
    for node in nodes:
        if node.entry is not None:
            actions += write_entry(node.place, state.wanted, node.entry, node.config_map, context.settings.namespace)
    return actions


def _unlabel(state: ModelState, nodes: list[NodeState]) -> list[Action]:
    return [a for node in nodes for a in set_label(node.name, node.place.labels, state.wanted, None)]


def _folder(node: NodeState, wanted: Wanted) -> str:
    return (node.entry.path if node.entry is not None else "") or wanted.folder


def _forget(state: ModelState, clean: set[str], context: Context) -> list[Action]:
    """Take labels and entries away where the model is gone, and stray labels everywhere."""
    actions: list[Action] = []
    for node in state.nodes:
        if node.name in clean or node.entry is None:
            actions += set_label(node.name, node.place.labels, state.wanted, None)
            actions += remove_entry(node.name, state.wanted, node.config_map, context.settings.namespace)
    return actions


def _status(
    state: ModelState, waiting: list[NodeState], trouble: Failure | None, context: Context
) -> tuple[Action, ...]:
    old = state.model.get("status") or {}
    generation = int(state.model["metadata"].get("generation") or 0)
    names = ", ".join(node.name for node in waiting[:5]) + (f" and {len(waiting) - 5} more" if waiting[5:] else "")
    text = f"Its files are being {'reserved on' if is_reserved(state.model) else 'removed from'} {names}."
    if trouble is not None:
        text += f" The attempt before failed: {trouble.sentence}"
    said = [Said("Ready", False, "Deleting", text)]
    others = [c for c in old.get("conditions") or () if c.get("type") != "Ready"]
    made = {**old, "conditions": [*others, *conditions(old.get("conditions") or (), said, generation, context.now)]}
    return write_status(state.model, made)

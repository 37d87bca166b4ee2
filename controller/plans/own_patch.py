"""What a plan writes into the model itself: its finalizer, which holds its deletion up, and spec fields left empty."""

from typing import Any

from controller.actions import Action, DeleteObject, PatchObject
from controller.plans.model_state import ModelState
from controller.plans.spec_fields import missing_spec_fields
from crds.labels import FINALIZERS


def hold(state: ModelState, *, is_submitting: bool = False) -> list[Action]:
    """The finalizer, once there is something to undo; before anything else is written down for the model.

    Args:
        state: The model's.
        is_submitting: A run that outlives its model is about to be submitted, or a token to be copied.
    """
    finalizer, there = FINALIZERS[state.model["kind"]], list(state.model["metadata"].get("finalizers") or ())
    has_something = is_submitting or bool(state.runs.wanted) or any(node.entry for node in state.nodes)
    if not has_something or finalizer in there:
        return []
    return [_patch(state, {"metadata": {"finalizers": [*there, finalizer]}})]


def writes_before_status(state: ModelState) -> list[Action]:
    """What brings about another plan: outdated runs stopped, empty spec fields filled."""
    actions: list[Action] = [DeleteObject("Workflow", run.namespace, run.name) for run in state.runs.outdated]
    if not state.is_updating and (fields := missing_spec_fields(state)):
        actions.append(_patch(state, {"spec": fields}))
    return actions


def _patch(state: ModelState, patch: dict[str, Any]) -> PatchObject:
    version = str(state.model["metadata"].get("resourceVersion") or "")
    return PatchObject(state.model["kind"], state.wanted.namespace, state.wanted.name, patch, version)

"""What a plan writes into the model itself before all else: its finalizer, and spec fields that are empty."""

from typing import Any

from controller.actions import Action, DeleteObject, PatchObject
from controller.plans.model_state import ModelState
from controller.plans.spec_fields import missing_spec_fields
from crds.labels import FINALIZERS


def writes_before_status(state: ModelState) -> list[Action]:
    """What comes before all else and brings about another plan: outdated runs stopped, the model's own fields."""
    stopped = [DeleteObject("Workflow", run.namespace, run.name) for run in state.runs.outdated]
    return [*stopped, *own_patch(state, is_submitting=False)]


def own_patch(state: ModelState, *, is_submitting: bool) -> list[Action]:
    """Finalizer (once there is something to undo) and empty spec fields."""
    model = state.model
    metadata = model["metadata"]
    patch: dict[str, Any] = {}
    finalizer, there = FINALIZERS[model["kind"]], list(metadata.get("finalizers") or ())
    has_something = is_submitting or bool(state.runs.wanted) or any(node.entry for node in state.nodes)
    if has_something and finalizer not in there:
        patch["metadata"] = {"finalizers": [*there, finalizer]}
    if not is_submitting and (fields := missing_spec_fields(state)):
        patch["spec"] = fields
    if not patch:
        return []
    version = str(metadata.get("resourceVersion") or "")
    return [PatchObject(model["kind"], state.wanted.namespace, state.wanted.name, patch, version)]

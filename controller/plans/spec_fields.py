"""Which fields of a model's spec are to be filled with what the parser found: those that are empty, or were ours."""

from typing import Any

from controller.plans.model_state import ModelState
from controller.plans.node_records import FILLED


def missing_spec_fields(state: ModelState) -> dict[str, Any]:
    """A merge patch of the spec; {} when there is nothing to fill.

    A field that still says what an earlier artifact's facts said is renewed, or (null) taken away. With an annotation
    that asks to skip parsing nothing is filled.
    """
    if state.skips_parsing or state.config is None:
        return {}
    spec, before = state.model.get("spec") or {}, state.old_config
    patch: dict[str, Any] = {}
    for name in FILLED:
        new, found = state.config.get(name), spec.get(name)
        was_ours = name in before and found == before[name]
        if new is not None and found != new and (_is_empty(found) or was_ours):
            patch[name] = _replacing(found, new)
        elif new is None and was_ours:
            patch[name] = None
    return patch


def _replacing(old: Any, new: Any) -> Any:
    """A merge patch that leaves nothing of the old value."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**{key: None for key in old if key not in new}, **new}
    return new


def _is_empty(value: Any) -> bool:
    if isinstance(value, dict):
        return not any(value.values())
    return value is None or value in ("", [], 0)

"""Golden files of plans: what a planner asks for in one situation, as YAML that a person can read."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from controller.actions import EmitEvent, Plan
from crds.yaml_text import yaml_text

FOLDER = Path(__file__).parent.parent / "golden"


def check_plan(name: str, plan: Plan) -> None:
    """Compare a plan with its golden file; with OME_REGENERATE=1 the file is written instead."""
    told = {"actions": [_told(action) for action in plan.actions], "requeueSeconds": plan.requeue_seconds}
    text = yaml_text([told])
    path = FOLDER / f"{name}.yaml"
    if os.environ.get("OME_REGENERATE") == "1":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"{path.name} is missing: run with OME_REGENERATE=1"
    assert text == path.read_text()


def _told(action: Any) -> dict[str, Any]:
    if isinstance(action, EmitEvent):
        return {"EmitEvent": {"type": action.type, "reason": action.reason, "message": action.message}}
    found = asdict(action)
    for field in ("resource_version", "labels"):
        found.pop(field, None)
    return {type(action).__name__: found}

"""What came of a workflow on Argo, in the words of the local runner's record, so that both can be compared.

Pure. Argo names a node by its place: `name.inner[0].first`, `name.each(1:two)`, `name.fails(0)` for an attempt,
`name.good.onExit` for a hook. The record's paths are `inner/first`, `each(1)`, `fails`, `good.onExit`.
"""

import re
from dataclasses import dataclass
from typing import Any

from tests.cluster.kubectl import Object

_LEAVES = ("Pod", "Retry", "Skipped")


@dataclass(frozen=True)
class StepOutcome:
    """What came of one step.

    Attributes:
        phase: Argo's word.
        outputs: Its output parameters.
        exit_code: Of its last attempt, None when no program ran.
        attempts: How many there were.
        message: What Argo said.
    """

    phase: str
    outputs: dict[str, str]
    exit_code: int | None
    attempts: int
    message: str


def step_outcomes(workflow: Object) -> dict[str, StepOutcome]:
    """Every step of a completed workflow, by its path in the local runner's record."""
    nodes: dict[str, Any] = workflow["status"].get("nodes", {})
    attempts = {child for node in nodes.values() if node["type"] == "Retry" for child in node.get("children", [])}
    return {
        _path(node, workflow): _outcome(node, nodes)
        for node_id, node in nodes.items()
        if node["type"] in _LEAVES and node_id not in attempts
    }


def entry_outputs(workflow: Object) -> dict[str, str]:
    """The output parameters of the template that the workflow began with."""
    name, nodes = workflow["metadata"]["name"], workflow["status"].get("nodes", {}).values()
    return next((_output_parameters(node) for node in nodes if node["name"] == name), {})


def _outcome(node: Object, nodes: dict[str, Any]) -> StepOutcome:
    tries = [child for child in node.get("children", []) if nodes.get(child, {}).get("type") == "Pod"]
    code = node.get("outputs", {}).get("exitCode")
    return StepOutcome(
        phase=node["phase"],
        outputs=_output_parameters(node),
        exit_code=int(code) if code is not None else None,
        attempts=len(tries) if node["type"] == "Retry" else int(node["type"] == "Pod"),
        message=node.get("message", ""),
    )


def _output_parameters(node: Object) -> dict[str, str]:
    return {row["name"]: row["value"] for row in node.get("outputs", {}).get("parameters", []) if "value" in row}


def _path(node: Object, workflow: Object) -> str:
    name: str = workflow["metadata"]["name"]
    if node["name"] == name:
        return str(workflow["spec"]["entrypoint"])
    inside = re.sub(r"\((\d+):[^()]*\)", r"(\1)", node["name"].removeprefix(f"{name}."))
    first, *others = re.sub(r"\[\d+\]", "", inside).split(".")
    return first + "".join(f".{part}" if part == "onExit" else f"/{part}" for part in others)

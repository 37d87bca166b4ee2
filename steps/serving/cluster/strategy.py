"""How a component's old pods give way to new ones: the Deployment's strategy, from `spec.rollout` and the component.

Pure. Called by `render`, and by `modes` for the strategies that there are not.
"""

from collections.abc import Mapping
from typing import Any, Final

from steps.errors import UnsupportedError
from steps.serving.cluster.metadata import Object
from steps.serving.component import Component, ComponentName
from steps.serving.fields import mapping_at, text_at

SUPPORTED: Final = ("RollingUpdate", "Recreate")
_OURS: Final[Mapping[str, Any]] = {"maxSurge": 1, "maxUnavailable": 0}
_OF_KUBERNETES: Final[Mapping[str, Any]] = {"maxSurge": "25%", "maxUnavailable": "25%"}
"""What the API server fills in. It would belong to nobody, stay when the type becomes Recreate, and be refused."""


def check_rollout(spec: Mapping[str, Any]) -> None:
    """Refuse a rollout that a service would not get.

    Raises:
        UnsupportedError: for Canary and BlueGreen.
    """
    asked = text_at(mapping_at(spec, "rollout", "spec"), "strategy", "spec.rollout")
    if asked and asked not in SUPPORTED:
        raise UnsupportedError(
            f'spec.rollout.strategy: "{asked}" is not supported yet',
            remedy="Accepted: RollingUpdate (a new pod comes before an old one goes), Recreate (the old end first, for"
            " clusters with no spare accelerators). To try a revision first, deploy it as a service of its own.",
        )


def deployment_strategy(component: Component, spec: Mapping[str, Any], name: ComponentName) -> Object:
    """The strategy of a component's Deployment.

    What the service gives in `deploymentStrategy` of the component wins over its `rollout`, and that over the
    runtime's.

    Args:
        component: Runtime and service merged.
        spec: Of the InferenceService.
        name: Which component.

    Raises:
        InvalidInputError: for a field of a wrong shape.
    """
    where = f"spec.{name}"
    merged = mapping_at(component.pod, "deploymentStrategy", where)
    asked = text_at(mapping_at(spec, "rollout", "spec"), "strategy", "spec.rollout")
    is_own = bool(mapping_at(mapping_at(spec, name, "spec"), "deploymentStrategy", where))
    kind = text_at(merged, "type", f"{where}.deploymentStrategy") or "RollingUpdate"
    if asked and not is_own and asked != kind:
        merged, kind = {}, asked
    if kind != "RollingUpdate":
        return {**merged, "type": kind}
    numbers = mapping_at(merged, "rollingUpdate", f"{where}.deploymentStrategy")
    return {**merged, "type": kind, "rollingUpdate": {**(_OF_KUBERNETES if merged else _OURS), **numbers}}


def rollout_warnings(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """What a rollout says without effect."""
    rollout = mapping_at(spec, "rollout", "spec")
    if rollout.get("autoRollback") is None:
        return ()
    return ("spec.rollout.autoRollback: has no effect without a canary, whose benchmarks would decide it",)

"""How a component's old pods give way to new ones: the Deployment's strategy, from `spec.rollout` and the component.

Pure. Called by `render` and `apply`, and by `modes` for the strategies that there are not.
"""

from collections.abc import Mapping
from typing import Any, Final

from steps.errors import UnsupportedError
from steps.serving.cluster.metadata import Object
from steps.serving.component import Component, ComponentName
from steps.serving.fields import mapping_at, text_at

TEMPLATE_DIGEST: Final = "ome.io/template-digest"
"""On pods: digest of the template they were made from, which tells a rollout's new pods from its old ones."""
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


def with_room(deployment: Object, live: Object | None) -> Object:
    """A Deployment that may do without the pods that are unavailable already, while it rolls out another template.

    An old pod that never comes up holds the devices that the new one waits for: where a node has just enough for one,
    nothing would ever move. Pods that are available stay as long as the strategy says.

    Args:
        deployment: As it is rendered.
        live: As it is on the cluster; None when it is not there.
    """
    if live is None or deployment["spec"]["strategy"]["type"] != "RollingUpdate":
        return deployment
    if _digest(live) == _digest(deployment):
        return deployment
    pods = int((live.get("spec") or {}).get("replicas") or 0)
    missing = pods - int((live.get("status") or {}).get("availableReplicas") or 0)
    numbers = deployment["spec"]["strategy"]["rollingUpdate"]
    if missing <= _pods_of(numbers.get("maxUnavailable", 0), pods):
        return deployment
    strategy = {"type": "RollingUpdate", "rollingUpdate": {**numbers, "maxUnavailable": missing}}
    return {**deployment, "spec": {**deployment["spec"], "strategy": strategy}}


def _digest(deployment: Object) -> str:
    metadata = (deployment["spec"].get("template") or {}).get("metadata") or {}
    return str((metadata.get("annotations") or {}).get(TEMPLATE_DIGEST) or "")


def _pods_of(bound: int | str, pods: int) -> int:
    """A bound as pods: a percentage is rounded down, as Kubernetes does for maxUnavailable."""
    return int(bound.removesuffix("%")) * pods // 100 if isinstance(bound, str) else bound


def rollout_warnings(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """What a rollout says without effect."""
    rollout = mapping_at(spec, "rollout", "spec")
    if rollout.get("autoRollback") is None:
        return ()
    return ("spec.rollout.autoRollback: has no effect without a canary, whose benchmarks would decide it",)

"""Kubernetes' strategic merge over pod specs: a service's part wins over its runtime's.

Pure. Called by `component`. Mappings merge key by key, the lists named here item by item, every other list is
replaced. Null removes a key. Where only one of several fields may be set (an environment variable's value or its
source, a probe's handler, a volume's source, a disruption budget's bound, what belongs to one strategy of a
Deployment), the service's takes the runtime's away, so the result stays valid.
Rules: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

from collections.abc import Mapping
from typing import Any

_MERGE_KEYS: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
_HANDLERS = frozenset({"httpGet", "tcpSocket", "exec", "grpc"})
_COMPONENT = ""
"""Not a field of anything: the mappings that `merge` is given."""
_ONE_OF: Mapping[str, frozenset[str]] = {
    _COMPONENT: frozenset({"minAvailable", "maxUnavailable"}),
    "env": frozenset({"value", "valueFrom"}),
    "readinessProbe": _HANDLERS,
    "startupProbe": _HANDLERS,
    "livenessProbe": _HANDLERS,
}


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `change` over it; neither is altered."""
    return _merge_mapping(base, change, _COMPONENT)


def _merge_mapping(base: Mapping[str, Any], change: Mapping[str, Any], field: str) -> dict[str, Any]:
    merged = {key: value for key, value in base.items() if not _is_displaced(key, change, field)}
    for key, new in change.items():
        old = merged.get(key)
        if new is None:
            merged.pop(key, None)
        elif isinstance(new, Mapping) and isinstance(old, Mapping):
            merged[key] = _merge_mapping(old, new, key)
        elif isinstance(new, list) and isinstance(old, list) and key in _MERGE_KEYS:
            merged[key] = _merge_list(old, new, key)
        else:
            merged[key] = new
    return merged


def _merge_list(base: list[Any], change: list[Any], field: str) -> list[Any]:
    key = _MERGE_KEYS[field]
    merged = list(base)
    for new in change:
        name = new.get(key) if isinstance(new, Mapping) else None
        place = next((p for p, old in enumerate(merged) if isinstance(old, Mapping) and old.get(key) == name), None)
        if name is None or place is None:
            merged.append(new)
        elif new.get("$patch") == "delete":
            del merged[place]
        else:
            merged[place] = _merge_mapping(merged[place], new, field)
    return [item for item in merged if not (isinstance(item, Mapping) and item.get("$patch") == "delete")]


def _is_displaced(key: str, change: Mapping[str, Any], field: str) -> bool:
    """Whether an old key gives way because the change sets another of which only one may be set."""
    if field == "volumes":  # a volume's source is whatever is not its name
        return key != "name" and key not in change and len(change) > 1
    if field == "deploymentStrategy":
        return _is_of_another_strategy(key, change)
    group = _ONE_OF.get(field, frozenset())
    return key in group and key not in change and any(change[other] is not None for other in change if other in group)


def _is_of_another_strategy(key: str, change: Mapping[str, Any]) -> bool:
    """Only a rolling update has numbers: another type takes them away, and they take another type away."""
    if key == "rollingUpdate":
        return key not in change and change.get("type") not in (None, "RollingUpdate")
    return key == "type" and key not in change and change.get("rollingUpdate") is not None

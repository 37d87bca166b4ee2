"""Kubernetes' rules for taints and tolerations: which nodes a runtime's pods may be scheduled to. Pure.

`library` asks for each runtime, because each brings its own tolerations where the service gives none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from crds.serving_runtime import ServingRuntimeSpec
from steps.selection.nodes import Node, Taint

_REPELLING = ("NoSchedule", "NoExecute")


def tolerations_of(
    spec: ServingRuntimeSpec, of_service: Sequence[Mapping[str, Any]] | None = None
) -> tuple[Mapping[str, Any], ...]:
    """The tolerations of an engine's pods: a runtime's, in either of its forms, unless the service gives some.

    Those of the service take their place, as when it is rendered: Kubernetes' strategic merge replaces this list.
    """
    if of_service is not None:
        return tuple(of_service)
    engine = spec.engine_config
    return (*spec.tolerations, *(engine.tolerations if engine is not None else ()))


def nodes_for(tolerations: Sequence[Mapping[str, Any]], nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes as pods with these tolerations find them: one whose taint repels them is not schedulable."""
    return tuple(
        node if all(_is_tolerated(taint, tolerations, node) for taint in node.taints) else _closed(node)
        for node in nodes
    )


def tolerates(toleration: Mapping[str, Any], taint: Taint) -> bool:
    """Whether one toleration matches a taint: an empty key or effect matches every one."""
    operator = toleration.get("operator") or "Equal"
    key, effect = toleration.get("key") or "", toleration.get("effect") or ""
    if effect not in ("", taint.effect) or (key and key != taint.key):
        return False
    if operator == "Exists":
        return True
    return operator == "Equal" and bool(key) and (toleration.get("value") or "") == taint.value


def _is_tolerated(taint: Taint, tolerations: Sequence[Mapping[str, Any]], node: Node) -> bool:
    if taint.effect not in _REPELLING:
        return True
    if taint.key in node.allocatable.devices:
        return True  # pods that ask for such a device are given this toleration (ExtendedResourceToleration)
    return any(tolerates(toleration, taint) for toleration in tolerations)


def _closed(node: Node) -> Node:
    return node.model_copy(update={"is_schedulable": False})

"""Which nodes a model goes to: Kubernetes' own rules for selectors and affinity, and whether a pod can start there.

A cordoned or failing node that the model is meant for stays a target: it blocks Ready until it is back, or
`minReadyNodes` allows to do without it. A node with a taint that cache pods do not tolerate is none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from controller.actions import Object
from crds.storage import StorageSpec
from steps.selection.affinity import matches_affinity, matches_selector

TOLERATED: Final = frozenset({"nvidia.com/gpu", "amd.com/gpu", "habana.ai/gaudi"})
"""Taints of nodes with accelerators: cache pods tolerate them, as their templates say."""
_PASSING: Final = "node.kubernetes.io/"
"""Taints that Kubernetes sets and takes away itself: not ready, unreachable, cordoned, short of disk."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node as a model sees it.

    Attributes:
        uid: Of the node: another one under the same name has another disk.
        labels: Its labels.
        is_ready: Whether its kubelet says so.
        is_cordoned: Whether new pods are kept away.
        is_qualified: Whether selector and affinity pick it.
        is_repelling: Whether it has a taint that cache pods do not tolerate.
    """

    name: str
    uid: str
    labels: Mapping[str, str]
    is_ready: bool
    is_cordoned: bool
    is_qualified: bool
    is_repelling: bool

    @property
    def can_start_pods(self) -> bool:
        """Whether a cache pod can start there now."""
        return self.is_ready and not self.is_cordoned and not self.is_repelling

    @property
    def trouble(self) -> str:
        """Why no pod can start there; "" when one can."""
        if not self.is_ready:
            return "not ready"
        if self.is_cordoned:
            return "cordoned"
        return "tainted" if self.is_repelling else ""


def places(nodes: Iterable[Object], storage: StorageSpec) -> tuple[Place, ...]:
    """Every node, by name, that is not being deleted."""
    affinity = {"nodeAffinity": storage.node_affinity or {}}
    return tuple(
        _place(node, storage.node_selector, affinity) for node in nodes if "deletionTimestamp" not in node["metadata"]
    )


def is_ready(node: Mapping[str, Any]) -> bool:
    """Whether a node's kubelet says that it is ready."""
    found = (node.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in found)


def is_cordoned(node: Mapping[str, Any]) -> bool:
    """Whether new pods are kept away from a node."""
    return bool((node.get("spec") or {}).get("unschedulable"))


def _place(node: Object, selector: Mapping[str, str], affinity: Mapping[str, Any]) -> Place:
    metadata = node["metadata"]
    name, labels = str(metadata["name"]), metadata.get("labels") or {}
    taints = (node.get("spec") or {}).get("taints") or ()
    repelling = any(
        taint.get("effect") in ("NoSchedule", "NoExecute")
        and not (str(taint.get("key")) in TOLERATED and taint.get("effect") == "NoSchedule")
        and not str(taint.get("key", "")).startswith(_PASSING)
        for taint in taints
    )
    return Place(
        name=name,
        uid=str(metadata.get("uid") or ""),
        labels=labels,
        is_ready=is_ready(node),
        is_cordoned=is_cordoned(node),
        is_qualified=matches_selector(selector, labels) and matches_affinity(affinity, name, labels),
        is_repelling=repelling,
    )

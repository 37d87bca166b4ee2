"""A cluster's nodes as the selector sees them, made of its Node objects. `steps.select_runtime` reads them.

What pods have requested is not counted: it would take every pod of the cluster, and the scheduler knows better.
"""

from collections.abc import Iterable
from math import ceil
from typing import Any

from crds.quantity import parse_quantity
from steps.selection.nodes import Node, Resources, Taint

_NO_DEVICES = ("cpu", "memory", "ephemeral-storage", "pods")


def nodes_of(objects: Iterable[dict[str, Any]]) -> tuple[Node, ...]:
    """The nodes of Node objects, in their order."""
    return tuple(_node(document) for document in objects)


def _node(document: dict[str, Any]) -> Node:
    metadata, spec, status = (document.get(part) or {} for part in ("metadata", "spec", "status"))
    allocatable = status.get("allocatable") or {}
    conditions = {c.get("type"): c.get("status") for c in status.get("conditions") or ()}
    return Node(
        name=metadata["name"],
        labels=metadata.get("labels") or {},
        allocatable=Resources(
            cpu=float(parse_quantity(allocatable.get("cpu", 0))),
            memory=ceil(parse_quantity(allocatable.get("memory", 0))),
            devices={
                name: int(parse_quantity(count))
                for name, count in allocatable.items()
                if name not in _NO_DEVICES and not name.startswith("hugepages-")
            },
        ),
        is_ready=conditions.get("Ready") == "True",
        is_schedulable=not spec.get("unschedulable"),
        taints=tuple(
            Taint(key=taint.get("key", ""), value=taint.get("value") or "", effect=taint.get("effect", ""))
            for taint in spec.get("taints") or ()
        ),
    )

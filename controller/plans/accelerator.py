"""What an AcceleratorClass's status says: the nodes that have it, and how many devices these have, in all and free."""

from collections.abc import Iterable
from typing import Any, Final

from pydantic import ValidationError

from controller.actions import Object, Plan
from controller.observed import Context
from controller.plans.conditions import Said, conditions, write_status
from controller.plans.placement import is_cordoned, is_ready
from controller.plans.runs import timestamp
from crds.accelerator_class import AcceleratorClassSpec
from crds.problems import FieldError
from crds.quantity import parse_quantity
from steps.selection.affinity import matches_affinity, matches_selector

RESOURCES: Final = {"nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu", "intel": "gpu.intel.com/i915"}
_SECONDS: Final = 60.0
"""How often devices in use are counted anew: pods come and go without a word to this planner."""


def plan_accelerator(resource: Object, context: Context) -> Plan:
    """What to do about an accelerator class now."""
    if "deletionTimestamp" in resource["metadata"]:
        return Plan()
    old = resource.get("status") or {}
    generation = int(resource["metadata"].get("generation") or 0)
    try:
        spec = AcceleratorClassSpec.from_dict(resource.get("spec") or {})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        said = [Said("Available", False, "InvalidSpec", f"spec.{place}: {first['msg']}")]
        status = {**old, "conditions": conditions(old.get("conditions") or (), said, generation, context.now)}
        return Plan(write_status(resource, status))
    nodes = [node for node in context.observed.list("Node") if _has(spec, node)]
    usable = [node for node in nodes if is_ready(node) and not is_cordoned(node)]
    name = resource_name(spec)
    total = sum(_devices(node, name, spec) for node in nodes)
    names = {node["metadata"]["name"] for node in usable}
    taken = sum(_requested(pod, name) for pod in context.observed.list("Pod") if _runs_on(pod, names))
    free = max(sum(_devices(node, name, spec) for node in usable) - (0 if _is_cpu(spec) else taken), 0)
    made: Object = {
        "nodes": sorted(node["metadata"]["name"] for node in nodes),
        "availableNodes": len(usable),
        "totalAccelerators": total,
        "availableAccelerators": free,
        "observedGeneration": generation,
        "conditions": conditions(
            old.get("conditions") or (), [_said(nodes, usable, total, name)], generation, context.now
        ),
    }
    is_same = made == {key: value for key, value in old.items() if key != "lastUpdated"}
    made["lastUpdated"] = old.get("lastUpdated") if is_same and old.get("lastUpdated") else timestamp(context.now)
    return Plan(write_status(resource, made), None if _is_cpu(spec) else _SECONDS)


def resource_name(spec: AcceleratorClassSpec) -> str:
    """What a pod requests to get a device."""
    return spec.resources[0].name if spec.resources else RESOURCES.get(spec.vendor.casefold(), "nvidia.com/gpu")


def _said(nodes: list[Object], usable: list[Object], total: int, name: str) -> Said:
    if not nodes:
        return Said("Available", False, "NoNode", "No node matches spec.discovery.")
    if not usable:
        return Said("Available", False, "NodesUnavailable", f"{len(nodes)} nodes have it, none of them takes pods.")
    if not total:
        text = f"{len(nodes)} nodes match spec.discovery, and none offers {name}: is its device plugin running?"
        return Said("Available", False, "NoDevice", text)
    return Said("Available", True, "Available", f"{total} on {len(nodes)} nodes.")


def _has(spec: AcceleratorClassSpec, node: Object) -> bool:
    metadata = node["metadata"]
    found = metadata.get("labels") or {}
    discovery = spec.discovery
    return matches_selector(discovery.node_selector, found) and matches_affinity(
        discovery.affinity or {}, metadata["name"], found
    )


def _is_cpu(spec: AcceleratorClassSpec) -> bool:
    return spec.family.casefold() == "cpu"


def _devices(node: Object, name: str, spec: AcceleratorClassSpec) -> int:
    """Devices of a node; for the cpu family the node itself is the device."""
    if _is_cpu(spec):
        return 1
    return _whole(((node.get("status") or {}).get("allocatable") or {}).get(name))


def _runs_on(pod: Object, nodes: Iterable[str]) -> bool:
    is_over = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not is_over and str((pod.get("spec") or {}).get("nodeName") or "") in nodes


def _requested(pod: Object, name: str) -> int:
    containers = (pod.get("spec") or {}).get("containers") or ()
    return sum(_whole(((c.get("resources") or {}).get("limits") or {}).get(name)) for c in containers)


def _whole(quantity: Any) -> int:
    try:
        return int(parse_quantity(quantity)) if quantity is not None else 0
    except FieldError:
        return 0

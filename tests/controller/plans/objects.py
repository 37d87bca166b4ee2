"""Resources that planner tests start from."""

from typing import Any

from controller.actions import Object
from tests.controller.plans.cluster import Cluster, merged

URI = "hf://HuggingFaceTB/SmolLM2-135M-Instruct"
POOL = {"pool": "models"}


def add_node(cluster: Cluster, name: str, **changes: Any) -> Object:
    """A ready node of the pool."""
    body = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **POOL}},
        "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"nvidia.com/gpu": "8"}},
    }
    return cluster.add(merged(body, changes))


def set_ready(cluster: Cluster, name: str, *, is_ready: bool) -> None:
    """What the kubelet, or its silence, says of a node."""
    conditions = [{"type": "Ready", "status": str(is_ready)}]
    cluster.change("Node", "", name, {"status": {"conditions": conditions}})


def model_body(name: str = "smollm2", *, namespace: str = "", **spec: Any) -> Object:
    """A model of the pool's nodes."""
    kind = "BaseModel" if namespace else "ClusterBaseModel"
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    body = {
        "apiVersion": "ome.io/v1beta1",
        "kind": kind,
        "metadata": metadata,
        "spec": {"storage": {"storageUri": URI, "nodeSelector": POOL}},
    }
    found: Object = merged(body, {"spec": spec})
    return found


def add_manifest(cluster: Cluster, digest: str, owner: Object) -> None:
    """The ConfigMaps that resolve and parse leave, owned by their workflow."""
    for content in ("manifest", "facts"):
        metadata = {
            "name": f"{content}-{digest[:12]}",
            "namespace": cluster.settings.namespace,
            "labels": {"ome.io/manifest": digest[:12]},
            "ownerReferences": [
                {"kind": "Workflow", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
            ],
        }
        cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


def condition(item: Object, name: str) -> Object:
    """A condition of an object."""
    found: Object = next(c for c in item["status"]["conditions"] if c["type"] == name)
    return found

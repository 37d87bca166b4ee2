"""Resource definitions that take any field: the engine is tested without the schemas of the kinds it moves."""

from collections.abc import Mapping
from pathlib import Path

import yaml

import crds.kinds
from controller.api import MERGE_PATCH
from controller.resources import ARGO, RESOURCES
from crds.metadata import API_VERSION
from steps.cluster.resource_types import ResourceType
from tests.apiserver.client import Object
from tests.apiserver.fixture import ApiServer

KINDS = tuple(r.kind for r in RESOURCES.values() if r.api_version in {API_VERSION, ARGO})


def definition(resource: ResourceType) -> Object:
    """A CustomResourceDefinition; as in reality, workflows have no status subresource."""
    group, version = resource.api_version.split("/")
    served: Object = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        "subresources": {"status": {}} if group == "ome.io" else {},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": resource.kind, "plural": resource.plural, "singular": resource.kind.lower()},
            "scope": "Namespaced" if resource.is_namespaced else "Cluster",
            "versions": [served],
        },
    }


def install(server: ApiServer, kinds: tuple[str, ...] = KINDS) -> None:
    """Make the kinds known, and the system namespace; returns when they are served."""
    for kind in kinds:
        server.admin.apply(definition(RESOURCES[kind]))
    server.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ome"}})
    for kind in kinds:
        until_served(server, RESOURCES[kind])


def install_released(server: ApiServer) -> None:
    """The same with the definitions of `crds/manifests`, whose schemas prune and refuse."""
    for path in sorted((Path(crds.kinds.__file__).parent / "manifests").glob("ome.io_*.yaml")):
        server.admin.apply(yaml.safe_load(path.read_text()))
    install(server, tuple(kind for kind in KINDS if RESOURCES[kind].api_version == ARGO))
    for kind in crds.kinds.KINDS:
        until_served(server, RESOURCES[kind])


def add_ready_node(server: ApiServer, name: str, devices: Mapping[str, str] | None = None) -> None:
    """A node as its kubelet and the node controller would have made it, with devices by resource."""
    node: Object = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    amounts = {"capacity": dict(devices), "allocatable": dict(devices)} if devices else {}
    status = {"conditions": [{"type": "Ready", "status": "True"}], **amounts}
    server.admin.create(node)
    server.admin.patch(node, {"spec": {"taints": None}})  # the API server holds every new node to be not ready
    server.admin.request("PATCH", f"{server.admin.path_of(node)}/status", {"status": status}, MERGE_PATCH)


def until_served(server: ApiServer, resource: ResourceType) -> None:
    """Wait until the API server lists objects of a new kind."""
    from tests.controller.engine.waiting import until

    def is_served() -> bool:
        found = server.admin.get(definition(resource)).get("status", {}).get("conditions") or []
        return any(c["type"] == "Established" and c["status"] == "True" for c in found)

    until(is_served, f"{resource.kind} is served")

"""An accelerator class says which nodes have it, how many devices there are, and how many are free."""

from typing import Any

from controller.plans import plan_accelerator
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.objects import add_node, condition

CLASS = ("AcceleratorClass", "", "l4")
GPU = {"metadata": {"labels": {"gpu": "l4"}}}


def cluster_with_class(**spec: Any) -> Cluster:
    cluster = Cluster()
    found = {"vendor": "nvidia", "discovery": {"nodeSelector": {"gpu": "l4"}}, "capabilities": {"memoryGB": "24Gi"}}
    cluster.add({"kind": "AcceleratorClass", "metadata": {"name": "l4"}, "spec": {**found, **spec}})
    return cluster


def settle(cluster: Cluster) -> dict[str, Any]:
    cluster.settle(plan_accelerator, *CLASS)
    found: dict[str, Any] = cluster.get(*CLASS)["status"]
    return found


def test_devices_are_counted_on_nodes_and_less_what_services_took() -> None:
    cluster = cluster_with_class()
    add_node(cluster, "node-a", **GPU)
    add_node(cluster, "node-b", **GPU, spec={"unschedulable": True})
    add_node(cluster, "node-c")
    limits = {"resources": {"limits": {"nvidia.com/gpu": "3"}}}
    labels = {"ome.io/inferenceservice": "chat", "component": "engine"}
    metadata = {"name": "p", "namespace": "team", "labels": labels}
    cluster.add({"kind": "Pod", "metadata": metadata, "spec": {"nodeName": "node-a", "containers": [limits]}})
    status = settle(cluster)
    assert status["nodes"] == ["node-a", "node-b"]
    assert (status["availableNodes"], status["totalAccelerators"], status["availableAccelerators"]) == (1, 16, 5)


def test_nothing_is_written_when_nothing_changed() -> None:
    cluster = cluster_with_class()
    add_node(cluster, "node-a", **GPU)
    settle(cluster)
    cluster.pass_time(3600)
    assert cluster.plan(plan_accelerator, *CLASS).actions == ()


def test_a_class_without_nodes_says_so() -> None:
    cluster = cluster_with_class()
    settle(cluster)
    assert condition(cluster.get(*CLASS), "Available")["reason"] == "NoNode"


def test_a_node_without_a_device_plugin_says_so() -> None:
    cluster = cluster_with_class(vendor="amd")
    add_node(cluster, "node-a", **GPU)
    settle(cluster)
    found = condition(cluster.get(*CLASS), "Available")
    assert found["reason"] == "NoDevice" and "amd.com/gpu" in found["message"]

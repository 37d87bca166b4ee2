"""A node that is cordoned or not ready: a model is Ready without it where that is allowed, and comes to it later."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest

from tests.cluster.cluster_hub import NAMESPACE as HUB_NAMESPACE
from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.node import Node
from tests.cluster.objects import POOL, condition, model
from tests.cluster.waiting import wait_gone, wait_until


def ready_on(*nodes: str) -> Callable[[Object], bool]:
    """Whether a model is Ready on exactly these."""

    def holds(found: Object) -> bool:
        have = (found.get("status") or {}).get("nodesReady") or []
        return condition(found).get("status") == "True" and sorted(have) == sorted(nodes)

    return holds


def node_is(status: str) -> Callable[[Object], bool]:
    """Whether a node's Ready condition is this."""
    return lambda node: any(c["type"] == "Ready" and c["status"] == status for c in node["status"]["conditions"])


@contextmanager
def cordoned(kubectl: Kubectl, node: str) -> Iterator[None]:
    """A node that takes no new pods."""
    kubectl("cordon", node)
    try:
        yield
    finally:
        kubectl("uncordon", node)


def node_to_spare(kubectl: Kubectl, cluster: LocalCluster) -> Node:
    """One that has neither the hub nor our controller: no Service leads to a pod whose node is away."""
    hub = kubectl.list("pod", HUB_NAMESPACE, "app=hub")
    controller = kubectl.list("pod", "ome", "app.kubernetes.io/name=ome-controller")
    assert hub and controller, "their labels are others"
    taken = {p["spec"]["nodeName"] for p in (*hub, *controller) if "deletionTimestamp" not in p["metadata"]}
    return next(node for node in reversed(cluster.nodes) if node.name not in taken)


def patient(name: str, enough: int) -> Object:
    """A model that is Ready on so many nodes."""
    made = model(name)
    made["spec"]["minReadyNodes"] = enough
    return made


def test_a_cordoned_node_is_waited_for_only_where_all_are_wanted(
    installed: Kubectl, hub: ClusterHub, pool: list[str]
) -> None:
    kubectl = installed
    kubectl("label", "node", *pool, f"{POOL}=yes")
    with cordoned(kubectl, pool[-1]):
        kubectl.apply(patient("enough", len(pool) - 1), model("wants-all"))
        wait_until(kubectl, "clusterbasemodel", "enough", ready_on(*pool[:-1]), what="ready on the others")
        waiting = wait_until(
            kubectl, "clusterbasemodel", "wants-all",
            lambda m: condition(m).get("reason") == "NodesUnavailable" and m["status"].get("nodesReady") == pool[:-1],
            what="on the others, and told to wait for one",
        )  # fmt: skip
        told = condition(waiting)
        assert told["status"] == "False" and f"{pool[-1]} (cordoned)" in told["message"], told
    for name in ("enough", "wants-all"):
        wait_until(kubectl, "clusterbasemodel", name, ready_on(*pool), what="on every node")
        kubectl("delete", "clusterbasemodel", name, "--wait=false")
    for name in ("enough", "wants-all"):
        wait_gone(kubectl, "clusterbasemodel", name)


def test_a_node_that_is_not_ready_blocks_neither_ready_nor_deletion(
    installed: Kubectl, hub: ClusterHub, local_cluster: LocalCluster, pool: list[str]
) -> None:
    kubectl, name, node = installed, "without-one", node_to_spare(installed, local_cluster)
    others = [each for each in pool if each != node.name]
    kubectl("label", "node", *pool, f"{POOL}=yes")
    node.stop_kubelet()
    try:
        wait_until(kubectl, "node", node.name, node_is("Unknown"), what="not ready")
        kubectl.apply(patient(name, len(others)))
        wait_until(kubectl, "clusterbasemodel", name, ready_on(*others), what="ready on the others")
        kubectl("delete", "clusterbasemodel", name, "--wait=false")
        wait_gone(kubectl, "clusterbasemodel", name)
        kubectl.apply(patient(name, len(others)))
        wait_until(kubectl, "clusterbasemodel", name, ready_on(*others), what="ready on the others again")
    finally:
        node.start_kubelet()
    wait_until(kubectl, "node", node.name, node_is("True"), what="ready again")
    wait_until(kubectl, "clusterbasemodel", name, ready_on(*pool), what="on every node")
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)


def test_two_nodes_have_one_origin(
    installed: Kubectl, hub: ClusterHub, pool: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes and time are told; no more is sent than every node asking for all."""
    kubectl, name = installed, "two-nodes"
    kubectl("label", "node", *pool[:2], f"{POOL}=yes")
    kubectl.apply(model(name))
    ready = wait_until(kubectl, "clusterbasemodel", name, ready_on(*pool[:2]), what="ready on two")
    sent, size = hub.counts().total_bytes, ready["status"]["artifact"]["totalBytes"]
    steps = kubectl.get("workflow", ready["status"]["workflow"]["name"], "ome")["status"]["nodes"].values()
    caching = [n for n in steps if n["type"] == "Pod" and n["displayName"].startswith("cache")]
    begun, ended = (pick(datetime.fromisoformat(n[at]) for n in caching)
                    for pick, at in ((min, "startedAt"), (max, "finishedAt")))  # fmt: skip
    with capsys.disabled():
        print(
            f"\ntwo nodes, one origin: {sent:,} bytes from the hub for {size:,} on each node, {ended - begun} in pods"
        )
    assert size <= sent <= 2.2 * size  # noqa: PLR2004 - headers are read for the facts
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)

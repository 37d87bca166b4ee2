"""A model applied to an installation: it comes to the nodes it is for, says how it is, and goes without a trace."""

import json
from collections.abc import Callable

from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import POOL, URI, importing, model
from tests.cluster.ring import Cluster
from tests.cluster.runs import runs_of
from tests.cluster.waiting import wait_gone, wait_until, wait_workflow


def is_ready_on(*nodes: str) -> Callable[[Object], bool]:
    """Whether a model is ready on exactly these nodes."""

    def holds(found: Object) -> bool:
        status = found.get("status") or {}
        return status.get("state") == "Ready" and sorted(status.get("nodesReady") or []) == sorted(nodes)

    return holds


def marks(kubectl: Kubectl, label: str) -> dict[str, str]:
    """The nodes that have a label, with its value."""
    labels = {node["metadata"]["name"]: node["metadata"]["labels"] for node in kubectl.list("node")}
    return {name: found[label] for name, found in labels.items() if label in found}


def lacks(key: str) -> Callable[[Object], bool]:
    """Whether a node's ConfigMap says nothing of a model."""
    return lambda found: key not in (found.get("data") or {})


def test_a_model_follows_its_nodes_and_goes_without_a_trace(
    installed: Kubectl, cluster: Cluster, hub: ClusterHub, pool: list[str]
) -> None:
    kubectl, name = installed, "follows"
    first, second, third = pool[:3]
    kubectl("label", "node", first, second, f"{POOL}=yes")
    kubectl.apply(model(name))
    label = f"models.ome.io/clusterbasemodel.{name}"

    ready = wait_until(kubectl, "clusterbasemodel", name, is_ready_on(first, second), what="ready on two")
    assert ready["status"]["artifact"]["digest"].startswith("sha256:")
    assert ready["status"]["artifact"]["revision"] and ready["status"]["artifact"]["totalBytes"] > 90_000_000
    assert ready["spec"]["modelFormat"]["name"] == "gguf" and ready["spec"]["modelParameterSize"] == "134.52M"
    assert marks(kubectl, label) == {first: "Ready", second: "Ready"}
    assert marks(kubectl, f"models.ome/{ready['metadata']['uid']}") == {first: "Ready", second: "Ready"}
    holders = kubectl.list("configmap", "ome", "models.ome/basemodel-status=true")
    told = {c["metadata"]["name"]: json.loads(c["data"][f"clusterbasemodel.{name}"])["status"]
            for c in holders if f"clusterbasemodel.{name}" in c.get("data", {})}  # fmt: skip
    assert told == {first: "Ready", second: "Ready"}

    kubectl("label", "node", third, f"{POOL}=yes")
    wait_until(kubectl, "clusterbasemodel", name, is_ready_on(first, second, third), what="on the third")
    kubectl("label", "node", first, f"{POOL}-")
    wait_until(kubectl, "clusterbasemodel", name, is_ready_on(second, third), what="gone from the first")
    wait_until(kubectl, "node", first, lambda node: label not in node["metadata"]["labels"], what="without its label")
    wait_until(
        kubectl, "configmap", first, lacks(f"clusterbasemodel.{name}"), namespace="ome", what="without its entry"
    )
    if isinstance(cluster, LocalCluster):  # whose nodes' folders can be looked into
        have = [node.name for node in cluster.nodes if (node.folder / "mnt" / "models" / name).exists()]
        assert sorted(have) == [second, third], "its files are gone before the model is"

    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)
    assert marks(kubectl, label) == {}
    kept = kubectl.list("configmap", "ome", "models.ome/basemodel-status=true")
    assert not [c for c in kept if f"clusterbasemodel.{name}" in (c.get("data") or {})]


def test_a_missing_repository_is_told_with_its_remedy_and_found_once_it_is_there(
    installed: Kubectl, hub: ClusterHub, pool: list[str]
) -> None:
    kubectl, name = installed, "wanted"
    kubectl("label", "node", pool[0], f"{POOL}=yes")
    kubectl.apply(model(name, "hf://nobody/nothing"))
    failed = wait_until(kubectl, "clusterbasemodel", name, lambda m: (m.get("status") or {}).get("state") == "Failed")
    (condition,) = [c for c in failed["status"]["conditions"] if c["type"] == "Ready"]
    assert condition["reason"] == "NotFound"
    assert "hf://nobody/nothing" in condition["message"] and "Check the name" in condition["message"]
    assert runs_of(kubectl, "import", name) == 1, "what is not there is not asked for again"

    kubectl.apply(model(name))
    wait_until(kubectl, "clusterbasemodel", name, lambda m: (m.get("status") or {}).get("state") == "Ready")
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)


def test_a_run_that_a_person_submits_makes_the_model_and_is_adopted(
    installed: Kubectl, hub: ClusterHub, pool: list[str]
) -> None:
    kubectl, name = installed, "by-hand"
    values = {"uri": URI, "name": name, "nodes": json.dumps(pool)}
    run = kubectl.create(importing(values, generateName="by-hand-"))
    wait_workflow(kubectl, run["metadata"]["name"], namespace="ome")
    ready = wait_until(kubectl, "clusterbasemodel", name, is_ready_on(*pool), what="ready everywhere")
    assert ready["status"]["workflow"]["name"] == run["metadata"]["name"]
    others = kubectl.list("workflow", "ome", f"ome.io/name={name}")
    assert [w["metadata"]["name"] for w in others if w["metadata"]["name"].startswith("import-")] == []
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)

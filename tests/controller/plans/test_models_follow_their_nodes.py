"""Where a model goes: nodes that come, leave, come back, take no pods, and records of them that somebody removes."""

from dataclasses import replace

import pytest

from controller.index import arguments_of
from controller.plans import plan_model
from crds.labels import RESERVED
from tests.controller.plans.argo import (
    REVISION,
    evicting,
    importing,
    only_run,
    runs_of,
)
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.golden import check_plan
from tests.controller.plans.models import LABEL, MODEL, cluster_with, imported, nodes_of, settle
from tests.controller.plans.objects import URI, add_node, condition, set_ready


def test_a_later_node_gets_the_same_revision_alone() -> None:
    cluster = imported("node-a")
    add_node(cluster, "node-b")
    settle(cluster)
    run = only_run(cluster, "import-model")
    assert nodes_of(cluster, run) == ["node-b"]
    assert arguments_of(cluster.get("Workflow", "ome", run))["revision"] == REVISION


def test_a_node_that_comes_back_is_filled_again_and_again() -> None:
    cluster = imported("node-a", "node-b")
    for _ in range(3):
        cluster.pass_time(60)
        cluster.change("Node", "", "node-b", {"metadata": {"labels": {"pool": "x"}}})
        settle(cluster)
        evicting(cluster, only_run(cluster, "evict-model"))
        settle(cluster)
        assert LABEL not in cluster.get("Node", "", "node-b")["metadata"]["labels"]
        assert "clusterbasemodel.smollm2" not in cluster.get("ConfigMap", "ome", "node-b")["data"]
        cluster.pass_time(60)
        cluster.change("Node", "", "node-b", {"metadata": {"labels": {"pool": "models"}}})
        settle(cluster)
        importing(cluster, only_run(cluster, "import-model"))
        assert settle(cluster)["nodesReady"] == ["node-a", "node-b"]


def test_a_node_that_does_not_qualify_any_more_is_cleaned() -> None:
    cluster = imported("node-a", "node-b")
    cluster.change("Node", "", "node-b", {"metadata": {"labels": {"pool": "x"}}})
    check_plan("model-node-left", cluster.plan(plan_model, *MODEL))


def test_a_node_that_is_gone_leaves_the_status() -> None:
    cluster = imported("node-a", "node-b")
    cluster.delete("Node", "", "node-b")
    assert settle(cluster)["nodesReady"] == ["node-a"]
    assert cluster.find("ConfigMap", "ome", "node-b") is None


@pytest.mark.parametrize("is_cordoned", [True, False])
def test_a_node_that_takes_no_pods_blocks_ready_unless_fewer_are_enough(is_cordoned: bool) -> None:
    cluster = cluster_with("node-a", "node-b")
    if is_cordoned:
        cluster.change("Node", "", "node-b", {"spec": {"unschedulable": True}})
    else:
        set_ready(cluster, "node-b", is_ready=False)
    settle(cluster)
    run = only_run(cluster, "import-model")
    assert nodes_of(cluster, run) == ["node-a"]
    importing(cluster, run)
    settle(cluster)
    ready = condition(cluster.get(*MODEL), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "NodesUnavailable")
    assert "node-b (cordoned)" in ready["message"] or "node-b (not ready)" in ready["message"]
    cluster.change(*MODEL, {"spec": {"minReadyNodes": 1}})
    assert settle(cluster)["state"] == "Ready"


def test_more_nodes_than_match_are_waited_for() -> None:
    cluster = cluster_with("node-a", minReadyNodes=3)
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    assert settle(cluster)["state"] != "Ready"
    cached, ready = (condition(cluster.get(*MODEL), name) for name in ("Cached", "Ready"))
    assert (cached["status"], cached["reason"]) == ("False", "TooFewNodes")
    assert cached["message"] == "On 1 of the 3 nodes asked for; 1 matches."
    assert (ready["status"], ready["reason"]) == ("False", "TooFewNodes")
    assert "1 of the 3 nodes asked for" in ready["message"] and "lower spec.minReadyNodes" in ready["message"]
    for name in ("node-b", "node-c"):
        add_node(cluster, name)
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    assert settle(cluster)["state"] == "Ready"
    assert condition(cluster.get(*MODEL), "Ready")["message"] == "Verified files on 3 of 3 nodes."


def test_affinity_has_kubernetes_own_meaning() -> None:
    storage = {
        "storageUri": URI,
        "nodeSelector": None,
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "slow", "operator": "NotIn", "values": ["yes"]}]}]
            }
        },
    }
    cluster = cluster_with("node-a", storage=storage)
    add_node(cluster, "node-b", metadata={"labels": {"slow": "yes"}})
    settle(cluster)
    assert nodes_of(cluster, only_run(cluster, "import-model")) == ["node-a"]


def test_no_node_at_all_is_told() -> None:
    cluster = cluster_with()
    settle(cluster)
    assert condition(cluster.get(*MODEL), "Ready")["reason"] == "NoMatchingNode"
    assert "pool=models" in condition(cluster.get(*MODEL), "Ready")["message"]
    assert not cluster.of_kind("Workflow")


def test_a_deleted_config_map_and_a_removed_label_are_mended() -> None:
    cluster = imported("node-a")
    cluster.delete("ConfigMap", "ome", "node-a")
    settle(cluster)
    assert "clusterbasemodel.smollm2" in cluster.get("ConfigMap", "ome", "node-a")["data"]
    cluster.change("Node", "", "node-a", {"metadata": {"labels": {LABEL: None}}})
    settle(cluster)
    assert cluster.get("Node", "", "node-a")["metadata"]["labels"][LABEL] == "Ready"
    assert len(runs_of(cluster, "import-model")) == 1


def test_a_config_map_that_loses_its_label_gets_it_back_and_keeps_what_it_says() -> None:
    cluster = imported("node-a")
    cluster.delete("Workflow", "ome", *runs_of(cluster, "import-model"))  # cleared away
    before = cluster.get("ConfigMap", "ome", "node-a")
    cluster.change("ConfigMap", "ome", "node-a", {"metadata": {"labels": None}})
    settle(cluster)
    after = cluster.get("ConfigMap", "ome", "node-a")
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert after["data"] == before["data"]
    assert not runs_of(cluster, "import-model")


def test_a_first_model_mends_the_label_of_a_nodes_config_map() -> None:
    cluster = cluster_with("node-a")
    cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "node-a", "namespace": "ome"}})
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    settle(cluster)
    found = cluster.get("ConfigMap", "ome", "node-a")
    assert found["metadata"]["labels"]["models.ome/basemodel-status"] == "true"
    assert list(found["data"]) == ["clusterbasemodel.smollm2"]


def moved(cluster: Cluster, root: str) -> Cluster:
    """The same with another models root, as after a restart of the controller."""
    cluster.settings = replace(cluster.settings, models_root=root)
    return cluster


def test_under_another_models_root_it_is_fetched_again_and_what_is_left_is_told() -> None:
    cluster = moved(imported("node-a"), "/data/models")
    settle(cluster)
    assert not runs_of(cluster, "evict-model"), "no eviction reaches what is not below the models root"
    (left,) = [event for event in cluster.events if event.reason == "FilesLeft"]
    assert "/mnt/models/smollm2 on node-a" in left.message and "/data/models" in left.message
    cluster.pass_time(60)
    importing(cluster, only_run(cluster, "import-model"))
    assert settle(cluster)["state"] == "Ready"


@pytest.mark.parametrize(("marks", "words"), [({}, "removed from node-a"), ({RESERVED: "true"}, "reserved on node-a")])
def test_files_that_cannot_be_removed_are_told_until_a_person_asks_again(marks: dict[str, str], words: str) -> None:
    cluster = imported("node-a")
    cluster.change(*MODEL, {"metadata": {"labels": marks}, "spec": {"storage": {"path": "/mnt/models/elsewhere"}}})
    settle(cluster)
    evicting(cluster, only_run(cluster, "evict-model"), {"node-a": "invalid-input"})
    settle(cluster)
    ready = condition(cluster.get(*MODEL), "Ready")
    assert ready["status"] == "False" and f"could not be {words}" in ready["message"]
    assert "ome.io/retry" in ready["message"]
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/retry": "1"}}})
    settle(cluster)
    evicting(cluster, only_run(cluster, "evict-model"))
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    assert settle(cluster)["state"] == "Ready"


@pytest.mark.parametrize("is_cordoned", [True, False])
def test_a_node_that_goes_away_in_the_midst_of_a_run_holds_up_no_other(is_cordoned: bool) -> None:
    cluster = cluster_with("node-a", "node-b")
    settle(cluster)
    first = only_run(cluster, "import-model")
    importing(cluster, first, cached={"node-a": "Succeeded", "node-b": "Running"}, is_over=False)
    settle(cluster)
    add_node(cluster, "node-c")
    settle(cluster)
    assert runs_of(cluster, "import-model") == [first], "another one waits for the run that is at work"
    if is_cordoned:
        cluster.change("Node", "", "node-b", {"spec": {"unschedulable": True}})
    else:
        set_ready(cluster, "node-b", is_ready=False)
    settle(cluster)
    (second,) = [name for name in runs_of(cluster, "import-model") if name != first]
    assert nodes_of(cluster, second) == ["node-c"]
    cluster.pass_time(60)
    importing(cluster, second)
    status = settle(cluster)
    assert status["nodesReady"] == ["node-a", "node-c"]
    assert len(runs_of(cluster, "import-model")) == 2  # noqa: PLR2004
    cluster.change("Node", "", "node-b", {"spec": {"unschedulable": None}})
    set_ready(cluster, "node-b", is_ready=True)
    settle(cluster)
    assert len(runs_of(cluster, "import-model")) == 2, "the first run goes on there"  # noqa: PLR2004
    cluster.pass_time(60)
    importing(cluster, first)
    settle(cluster)
    for name in runs_of(cluster, "import-model"):
        if "status" not in cluster.get("Workflow", "ome", name):
            importing(cluster, name)
    assert settle(cluster)["nodesReady"] == ["node-a", "node-b", "node-c"]

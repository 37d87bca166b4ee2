"""A node's ConfigMap holds 1 MiB: before that entries get short, then no more models come, and a status says why."""

import json
from typing import Any

from controller.actions import PatchObject
from controller.plans import plan_model
from crds import labels
from tests.controller.plans.argo import importing, only_run, runs_of
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.models import LABEL, MODEL, cluster_with, settle
from tests.controller.plans.objects import condition

MOST = 1024 * 1024
"""The API server's own limit of a ConfigMap's values."""
KEY = "clusterbasemodel.smollm2"


def fill(cluster: Cluster, node: str, size: int) -> None:
    """Let other models take so many bytes of a node's ConfigMap."""
    cluster.change("ConfigMap", "ome", node, {"data": {"clusterbasemodel.others": "x" * size}})


def size_of(cluster: Cluster, node: str) -> int:
    return sum(len(text.encode()) for text in cluster.get("ConfigMap", "ome", node)["data"].values())


def entry(cluster: Cluster, node: str) -> Any:
    return json.loads(cluster.get("ConfigMap", "ome", node)["data"][KEY])


def begun() -> tuple[Cluster, str]:
    """An import that is on its way to a node, which says so."""
    cluster = cluster_with("node-a")
    settle(cluster)
    run = only_run(cluster, "import-model")
    importing(cluster, run, cached={"node-a": "Running"}, is_over=False)
    settle(cluster)
    return cluster, run


def test_an_entry_is_short_where_room_is_scarce_and_the_model_stays_parsed() -> None:
    cluster, run = begun()
    fill(cluster, "node-a", MOST - 64 * 1024)
    importing(cluster, run)
    assert settle(cluster)["state"] == "Ready"
    assert set(entry(cluster, "node-a")["config"]) == {
        "modelType", "modelArchitecture", "modelFormat", "modelParameterSize", "artifact"
    }  # fmt: skip
    assert "decodedModelConfiguration" not in json.dumps(entry(cluster, "node-a"))
    parsed = condition(cluster.get(*MODEL), "Parsed")
    cluster.delete("Workflow", "ome", run)  # cleared away
    settle(cluster)
    assert condition(cluster.get(*MODEL), "Parsed") == parsed
    assert not runs_of(cluster, "import-model")


def test_an_entry_that_is_there_is_not_written_anew_when_others_fill_the_rest() -> None:
    cluster, run = begun()
    importing(cluster, run)
    settle(cluster)
    fill(cluster, "node-a", MOST - 4096)
    assert cluster.plan(plan_model, *MODEL).actions == ()
    assert "decodedModelConfiguration" in json.dumps(entry(cluster, "node-a"))


def test_no_model_comes_to_a_node_whose_record_is_full_until_there_is_room() -> None:
    cluster = cluster_with("node-a")
    metadata = {"name": "node-a", "namespace": "ome", "labels": {labels.NODE_STATUS: "true"}}
    cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}})
    fill(cluster, "node-a", MOST - 60 * 1024)
    settle(cluster)
    assert not runs_of(cluster, "import-model")
    ready = condition(cluster.get(*MODEL), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "NodeRecordFull")
    assert "node-a" in ready["message"] and "Delete models" in ready["message"]
    assert "node-a (its ConfigMap is full)" in condition(cluster.get(*MODEL), "Cached")["message"]
    assert cluster.plan(plan_model, *MODEL).requeue_seconds, "nobody tells this model of the room that others leave"
    fill(cluster, "node-a", 1000)
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    assert settle(cluster)["state"] == "Ready"


def test_what_cannot_be_recorded_is_told_and_neither_written_nor_fetched_for_ever() -> None:
    cluster, run = begun()
    fill(cluster, "node-a", MOST - 200)
    importing(cluster, run)
    settle(cluster)
    assert size_of(cluster, "node-a") <= MOST
    assert entry(cluster, "node-a")["status"] == "Updating"
    assert cluster.get("Node", "", "node-a")["metadata"]["labels"][LABEL] == "Updating"
    assert condition(cluster.get(*MODEL), "Ready")["reason"] == "NodeRecordFull"
    assert runs_of(cluster, "import-model") == [run]
    writes = [action for action in cluster.written if isinstance(action, PatchObject) and action.kind == "ConfigMap"]
    cluster.pass_time(3600)
    settle(cluster)
    assert [a for a in cluster.written if isinstance(a, PatchObject) and a.kind == "ConfigMap"] == writes
    fill(cluster, "node-a", 1000)
    settle(cluster)
    importing(cluster, next(name for name in runs_of(cluster, "import-model") if name != run))
    assert settle(cluster)["state"] == "Ready"

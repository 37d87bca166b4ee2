"""A model that is deleted: its runs stop, its files go, and nothing that others need goes with them."""

from controller.index import arguments_of
from controller.plans import plan_model
from crds.labels import RESERVED
from tests.controller.plans.argo import (
    DIGEST,
    evicting,
    importing,
    only_run,
    runs_of,
)
from tests.controller.plans.golden import check_plan
from tests.controller.plans.models import LABEL, MODEL, cluster_with, imported, nodes_of, settle
from tests.controller.plans.objects import URI, add_manifest, model_body, set_ready


def test_deletion_removes_all_traces() -> None:
    cluster = imported("node-a", "node-b")
    add_manifest(cluster, DIGEST, cluster.of_kind("Workflow")[0])
    settle(cluster)
    cluster.delete(*MODEL)
    check_plan("model-deleted", cluster.plan(plan_model, *MODEL))
    settle(cluster)
    evicting(cluster, only_run(cluster, "evict-model"))
    settle(cluster)
    assert cluster.find(*MODEL) is None
    assert not cluster.of_kind("Workflow")
    assert all(LABEL not in node["metadata"]["labels"] for node in cluster.of_kind("Node"))
    assert [item["metadata"]["name"] for item in cluster.of_kind("ConfigMap")] == ["node-a", "node-b"]
    assert not any(item.get("data") for item in cluster.of_kind("ConfigMap"))


def test_a_manifest_that_a_run_brings_to_another_model_stays() -> None:
    cluster = imported("node-a")
    add_manifest(cluster, DIGEST, cluster.of_kind("Workflow")[0])
    settle(cluster)
    other = ("ClusterBaseModel", "", "other")
    cluster.add({**model_body(), "metadata": {"name": "other"}})
    cluster.settle(plan_model, *other)
    (run,) = [name for name in runs_of(cluster, "import-model") if "-other-" in name]
    importing(cluster, run, is_over=False)
    cluster.delete(*MODEL)
    settle(cluster)
    evicting(cluster, only_run(cluster, "evict-model"))
    settle(cluster)
    assert cluster.find(*MODEL) is None
    assert cluster.find("ConfigMap", "ome", f"manifest-{DIGEST[:12]}") is not None


def test_deletion_stops_a_run_and_cleans_where_it_may_have_begun() -> None:
    cluster = cluster_with("node-a")
    settle(cluster)
    cluster.delete(*MODEL)
    settle(cluster)
    assert not runs_of(cluster, "import-model")
    evicting(cluster, only_run(cluster, "evict-model"))
    settle(cluster)
    assert cluster.find(*MODEL) is None


def test_a_dead_node_never_blocks_deletion() -> None:
    cluster = imported("node-a", "node-b")
    set_ready(cluster, "node-b", is_ready=False)
    settle(cluster)
    cluster.delete(*MODEL)
    settle(cluster)
    run = only_run(cluster, "evict-model")
    assert nodes_of(cluster, run) == ["node-a"]
    evicting(cluster, run)
    settle(cluster)
    assert cluster.find(*MODEL) is None
    assert "FilesLeft" in [event.reason for event in cluster.events]


def test_an_eviction_that_fails_for_ever_lets_the_model_go() -> None:
    cluster = imported("node-a")
    cluster.delete(*MODEL)
    for _ in range(cluster.settings.max_attempts):
        settle(cluster)
        evicting(cluster, only_run(cluster, "evict-model"), {"node-a": "cluster"})
        plan = cluster.settle(plan_model, *MODEL)
        cluster.pass_time(plan.requeue_seconds or 0)
    settle(cluster)
    assert cluster.find(*MODEL) is None


def test_the_files_of_a_reserved_model_stay_and_every_node_is_told_so() -> None:
    cluster = imported("node-a", "node-b")
    cluster.change(*MODEL, {"metadata": {"labels": {RESERVED: "true"}}})
    cluster.delete(*MODEL)
    settle(cluster)
    run = only_run(cluster, "evict-model")
    asked = arguments_of(cluster.get("Workflow", "ome", run))
    assert (asked["reserve"], nodes_of(cluster, run)) == ("true", ["node-a", "node-b"])
    evicting(cluster, run)
    settle(cluster)
    assert cluster.find(*MODEL) is None and not cluster.of_kind("Workflow")
    assert "FilesLeft" not in [event.reason for event in cluster.events]


def test_a_reserved_model_on_a_dead_node_is_told_of() -> None:
    cluster = imported("node-a", "node-b")
    cluster.change(*MODEL, {"metadata": {"labels": {RESERVED: "true"}}})
    set_ready(cluster, "node-b", is_ready=False)
    cluster.delete(*MODEL)
    settle(cluster)
    evicting(cluster, only_run(cluster, "evict-model"))
    settle(cluster)
    (told,) = [event.message for event in cluster.events if event.reason == "FilesLeft"]
    assert "node-b" in told and "could not be marked as reserved" in told


def test_a_label_that_comes_late_is_followed() -> None:
    cluster = imported("node-a")
    cluster.delete(*MODEL)
    settle(cluster)
    evicting(cluster, only_run(cluster, "evict-model"), {"node-a": "invalid-input"})
    cluster.change(*MODEL, {"metadata": {"labels": {RESERVED: "true"}}})
    settle(cluster)
    asked = [arguments_of(cluster.get("Workflow", "ome", name)) for name in runs_of(cluster, "evict-model")]
    assert [arguments.get("reserve", "") for arguments in asked].count("true") == 1


def test_files_that_another_model_has_in_the_same_folder_stay() -> None:
    cluster = imported("node-a")
    cluster.add(model_body("twin", storage={"storageUri": URI, "path": "/mnt/models/smollm2"}))
    cluster.delete(*MODEL)
    settle(cluster)
    assert not runs_of(cluster, "evict-model") and cluster.find(*MODEL) is None

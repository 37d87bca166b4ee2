"""A model from its first plan to its last: where it goes, what a run's results become, and how failures are told."""

import json
from typing import Any

import pytest

from controller.actions import CopySecret
from controller.index import arguments_of
from controller.observed import Settings
from controller.plans import plan_model
from tests.controller.plans.argo import (
    DIGEST,
    REVISION,
    evicting,
    importing,
    only_run,
    runs_of,
    submitted_by_a_person,
    told,
    write,
)
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.golden import check_plan
from tests.controller.plans.objects import URI, add_manifest, add_node, condition, model_body, set_ready

TENANTS = ("BaseModel", "team", "smollm2")
MODEL = ("ClusterBaseModel", "", "smollm2")
LABEL = "models.ome.io/clusterbasemodel.smollm2"


def cluster_with(*nodes: str, **spec: Any) -> Cluster:
    cluster = Cluster()
    for name in nodes:
        add_node(cluster, name)
    cluster.add(model_body(**spec))
    return cluster


def settle(cluster: Cluster) -> dict[str, Any]:
    cluster.settle(plan_model, *MODEL)
    found = cluster.find(*MODEL)
    return (found or {}).get("status") or {}


def nodes_of(cluster: Cluster, run: str) -> list[str]:
    found: list[str] = json.loads(arguments_of(cluster.get("Workflow", "ome", run))["nodes"])
    return found


def imported(*nodes: str, **spec: Any) -> Cluster:
    cluster = cluster_with(*nodes, **spec)
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    settle(cluster)
    return cluster


def test_a_new_model_gets_a_finalizer_and_a_run() -> None:
    cluster = cluster_with("node-a", "node-b")
    check_plan("model-new", cluster.plan(plan_model, *MODEL))


def test_a_running_import_is_told() -> None:
    cluster = cluster_with("node-a", "node-b")
    settle(cluster)
    importing(
        cluster, only_run(cluster, "import-model"), cached={"node-a": "Running"}, parsed="Running", is_over=False
    )
    check_plan("model-downloading", cluster.plan(plan_model, *MODEL))


def test_a_finished_import_is_recorded() -> None:
    cluster = cluster_with("node-a")
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    check_plan("model-imported", cluster.plan(plan_model, *MODEL))


def test_a_node_that_has_it_is_labelled_while_the_others_still_load() -> None:
    cluster = cluster_with("node-a", "node-b")
    settle(cluster)
    run = only_run(cluster, "import-model")
    importing(cluster, run, cached={"node-a": "Succeeded", "node-b": "Running"}, is_over=False)
    status = settle(cluster)
    assert cluster.get("Node", "", "node-a")["metadata"]["labels"][LABEL] == "Ready"
    assert cluster.get("Node", "", "node-b")["metadata"]["labels"][LABEL] == "Updating"
    assert status["state"] == "In_Transit"
    assert status["progress"]["nodesReady"] == "1/2"


def test_nothing_is_written_when_nothing_changed() -> None:
    cluster = imported("node-a", "node-b")
    cluster.written.clear()
    cluster.pass_time(3600)
    assert cluster.plan(plan_model, *MODEL).actions == ()
    assert condition(cluster.get(*MODEL), "Ready")["lastTransitionTime"] == "2026-11-21T12:00:00Z"


def test_an_imported_model_has_all_that_users_look_up() -> None:
    cluster = imported("node-a")
    model, node = cluster.get(*MODEL), cluster.get("Node", "", "node-a")["metadata"]["labels"]
    assert model["status"]["state"] == "Ready"
    assert model["status"]["artifact"]["digest"] == f"sha256:{DIGEST}"
    assert model["status"]["nodesReady"] == ["node-a"]
    assert node[LABEL] == "Ready" and node[f"models.ome/{model['metadata']['uid']}"] == "Ready"
    entry = json.loads(cluster.get("ConfigMap", "ome", "node-a")["data"]["clusterbasemodel.smollm2"])
    assert entry["status"] == "Ready" and entry["config"]["modelParameterSize"] == "134.52M"
    assert model["spec"]["modelArchitecture"] == "LlamaForCausalLM"


def test_the_spec_is_left_alone_where_parsing_is_not_wanted() -> None:
    cluster = cluster_with("node-a")
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/skip-config-parsing": "true"}}})
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    settle(cluster)
    assert "modelType" not in cluster.get(*MODEL)["spec"]
    assert condition(cluster.get(*MODEL), "Parsed")["reason"] == "ParsingSkipped"


def test_what_a_person_wrote_into_the_spec_stays() -> None:
    cluster = imported("node-a", modelType="mine")
    assert cluster.get(*MODEL)["spec"]["modelType"] == "mine"


def test_other_models_entries_stay_in_the_shared_config_map() -> None:
    cluster = imported("node-a")
    cluster.add(model_body("other", storage={"storageUri": URI}))
    other = ("ClusterBaseModel", "", "other")
    cluster.settle(plan_model, *other)
    importing(cluster, only_run(cluster, "import-model"))
    cluster.settle(plan_model, *other)
    cluster.delete(*other)
    cluster.settle(plan_model, *other)
    evicting(cluster, only_run(cluster, "evict-model"))
    cluster.settle(plan_model, *other)
    assert list(cluster.get("ConfigMap", "ome", "node-a")["data"]) == ["clusterbasemodel.smollm2"]


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


def test_a_changed_uri_is_a_new_artifact_and_the_old_manifest_goes() -> None:
    cluster = imported("node-a")
    add_manifest(cluster, DIGEST, cluster.of_kind("Workflow")[0])
    settle(cluster)
    assert not cluster.get("ConfigMap", "ome", f"manifest-{DIGEST[:12]}")["metadata"].get("ownerReferences")
    cluster.pass_time(60)
    cluster.change(*MODEL, {"spec": {"storage": {"storageUri": "hf://org/other"}}})
    settle(cluster)
    assert cluster.get("Node", "", "node-a")["metadata"]["labels"][LABEL] == "Ready"
    importing(cluster, only_run(cluster, "import-model"), digest="cd" * 32, revision="feed" * 10)
    status = settle(cluster)
    assert status["artifact"]["digest"] == f"sha256:{'cd' * 32}"
    assert cluster.find("ConfigMap", "ome", f"manifest-{DIGEST[:12]}") is None


def test_a_spec_that_changes_under_a_run_stops_it() -> None:
    cluster = cluster_with("node-a")
    settle(cluster)
    first = only_run(cluster, "import-model")
    cluster.change(*MODEL, {"spec": {"storage": {"storageUri": "hf://org/other"}}})
    settle(cluster)
    assert only_run(cluster, "import-model") != first


@pytest.mark.parametrize(
    ("code", "reason"),
    [("auth", "AuthFailed"), ("not-found", "NotFound"), ("unsupported", "Unsupported"), ("internal", "InternalError")],
)
def test_a_hopeless_failure_is_told_once_and_waits_for_a_change(code: str, reason: str) -> None:
    cluster = cluster_with("node-a")
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), resolved=code)
    status = settle(cluster)
    ready = condition(cluster.get(*MODEL), "Ready")
    assert (ready["reason"], status["state"]) == (reason, "Failed")
    assert "Mend it." in ready["message"]
    cluster.pass_time(86400)
    settle(cluster)
    assert len(runs_of(cluster, "import-model")) == 1
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/retry": "1"}}})
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    assert settle(cluster)["state"] == "Ready"


def test_a_model_that_was_corrected_at_its_source_is_resolved_anew_for_every_node() -> None:
    cluster = cluster_with("node-a", "node-b")
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), parsed="invalid-input")
    assert condition(settle(cluster) and cluster.get(*MODEL), "Parsed")["reason"] == "InvalidInput"
    before = set(runs_of(cluster, "import-model"))
    cluster.pass_time(5)
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/retry": "1"}}})
    settle(cluster)
    (again,) = set(runs_of(cluster, "import-model")) - before
    arguments = arguments_of(cluster.get("Workflow", "ome", again))
    assert (arguments.get("revision", ""), json.loads(arguments["nodes"])) == ("", ["node-a", "node-b"])
    importing(cluster, again, revision="d" * 40, digest="cd" * 32)
    status = settle(cluster)
    assert (status["state"], status["artifact"]["revision"]) == ("Ready", "d" * 40)


def test_a_hopeless_failure_golden() -> None:
    cluster = cluster_with("node-a")
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), resolved="auth")
    check_plan("model-auth-failed", cluster.plan(plan_model, *MODEL))


def test_a_passing_failure_is_tried_again_with_doubling_waits_and_then_given_up() -> None:
    cluster = cluster_with("node-a")
    waits = []
    for _ in range(cluster.settings.max_attempts):
        settle(cluster)
        importing(cluster, only_run(cluster, "import-model"), resolved="network")
        plan = cluster.settle(plan_model, *MODEL)
        waits.append(plan.requeue_seconds)
        cluster.pass_time(plan.requeue_seconds or 0)
    assert waits == [10, 20, 40, 80, None]
    cluster.pass_time(86400)
    settle(cluster)
    assert len(runs_of(cluster, "import-model")) == cluster.settings.max_attempts
    assert "Gave up after 5 attempts" in condition(cluster.get(*MODEL), "Ready")["message"]


def test_a_full_disk_is_tried_slowly_for_ever_and_leaves_few_runs() -> None:
    cluster = cluster_with("node-a", "node-b")
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), cached={"node-a": "Succeeded", "node-b": "disk-full"})
    for _ in range(12):
        plan = cluster.settle(plan_model, *MODEL)
        assert plan.requeue_seconds == cluster.settings.slow_retry_seconds
        cluster.pass_time(plan.requeue_seconds)
        settle(cluster)
        run = only_run(cluster, "import-model")
        assert nodes_of(cluster, run) == ["node-b"]
        importing(cluster, run, cached={"node-b": "disk-full"})
    assert settle(cluster)["nodesFailed"] == ["node-b"]
    assert len(runs_of(cluster, "import-model")) <= cluster.settings.max_attempts + 1


def test_a_mended_secret_is_tried_at_once() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body(storage={"storageUri": URI, "key": "hub-token"}))
    settle(cluster)
    assert condition(cluster.get(*MODEL), "Ready")["reason"] == "SecretNotFound"
    cluster.add({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hub-token", "namespace": "ome"}})
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), resolved="auth")
    settle(cluster)
    cluster.pass_time(5)
    cluster.change("Secret", "ome", "hub-token", {"metadata": {"labels": {"renewed": "yes"}}})
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    assert settle(cluster)["state"] == "Ready"
    cluster.change("Secret", "ome", "hub-token", {"metadata": {"labels": {"renewed": "again"}}})
    assert cluster.plan(plan_model, *MODEL).actions == ()


def test_a_tenants_token_is_copied_and_never_written_into_a_run() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body(namespace="team", storage={"storageUri": URI, "key": "hub-token"}))
    cluster.settle(plan_model, "BaseModel", "team", "smollm2")
    arguments = arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "import-model")))
    assert {(c.from_namespace, c.from_name, c.name) for c in cluster.copied} == {
        ("team", "hub-token", arguments["secret"])
    }


def test_a_tenants_token_that_cannot_be_read_is_told_with_the_commands_and_asked_for_again() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.may_copy = False
    cluster.add(model_body(namespace="team", storage={"storageUri": URI, "key": "hub-token"}))
    for _ in range(3):
        cluster.step(plan_model, *TENANTS)
    ready = condition(cluster.get(*TENANTS), "Ready")
    assert ready["reason"] == "SecretNotReadable"
    assert "kubectl create rolebinding hub-token -n team" in ready["message"]
    assert not runs_of(cluster, "import-model")
    assert cluster.step(plan_model, *TENANTS).requeue_seconds
    cluster.may_copy = True
    cluster.settle(plan_model, *TENANTS)
    assert len(runs_of(cluster, "import-model")) == 1


def test_a_tenants_refused_token_is_asked_for_again_and_tried_when_it_is_another() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body(namespace="team", storage={"storageUri": URI, "key": "hub-token"}))
    cluster.settle(plan_model, *TENANTS)
    importing(cluster, only_run(cluster, "import-model"), resolved="auth")
    for _ in range(3):
        plan = cluster.step(plan_model, *TENANTS)
    assert plan.requeue_seconds and [type(action) for action in plan.actions] == [CopySecret]
    assert len(runs_of(cluster, "import-model")) == 1
    cluster.change("Secret", "ome", cluster.copied[0].name, {"metadata": {"labels": {"renewed": "yes"}}})
    cluster.settle(plan_model, *TENANTS)
    assert len(runs_of(cluster, "import-model")) == 2  # noqa: PLR2004


def test_a_token_in_clear_works_with_a_warning_and_stays_out_of_runs_and_status() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body(storage={"storageUri": URI, "parameters": {"token": "hf_clear"}}))
    settle(cluster)
    assert condition(cluster.get(*MODEL), "SecretInClear")["status"] == "True"
    assert "hf_clear" not in json.dumps(cluster.of_kind("Workflow"))
    assert "hf_clear" not in json.dumps(cluster.get(*MODEL)["status"])
    assert len(cluster.of_kind("Secret")) == 1


def test_a_run_that_was_deleted_is_told_and_submitted_again() -> None:
    cluster = cluster_with("node-a")
    settle(cluster)
    cluster.delete("Workflow", "ome", only_run(cluster, "import-model"))
    settle(cluster)
    assert only_run(cluster, "import-model")
    assert "WorkflowVanished" in [event.reason for event in cluster.events]


def test_a_run_past_its_deadline_counts_as_failed() -> None:
    cluster = cluster_with("node-a")
    settle(cluster)
    run = only_run(cluster, "import-model")
    write(cluster, run, "Running")
    plan = cluster.settle(plan_model, *MODEL)
    assert plan.requeue_seconds is not None
    cluster.pass_time(plan.requeue_seconds)
    settle(cluster)
    assert condition(cluster.get(*MODEL), "Ready")["reason"] == "DeadlineExceeded"
    cluster.pass_time(10)
    settle(cluster)
    assert len(runs_of(cluster, "import-model")) == 2


def test_a_run_of_a_person_is_adopted_not_doubled() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    arguments = {"uri": URI, "name": "smollm2", "nodes": '["node-a"]'}
    defaults = {"scope": "ClusterBaseModel", "namespace": "default", "secret_key": "token", "path": "", "secret": ""}
    submitted_by_a_person(cluster, "import-model", "import-abc", arguments, defaults)
    cluster.pass_time(5)
    cluster.add(model_body())
    check_plan("model-adopts", cluster.plan(plan_model, *MODEL))
    settle(cluster)
    assert runs_of(cluster, "import-model") == ["import-abc"]
    importing(cluster, "import-abc")
    assert settle(cluster)["state"] == "Ready"
    assert runs_of(cluster, "import-model") == ["import-abc"]


def test_a_run_of_an_earlier_model_of_that_name_is_not_adopted() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    arguments = {"uri": URI, "name": "smollm2", "scope": "ClusterBaseModel", "nodes": '["node-a"]'}
    submitted_by_a_person(cluster, "import-model", "import-abc", arguments)
    importing(cluster, "import-abc")
    cluster.pass_time(5)
    cluster.add(model_body())
    settle(cluster)
    assert only_run(cluster, "import-model") != "import-abc"


def test_a_run_with_other_arguments_is_waited_for() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    arguments = {"uri": "hf://org/other", "name": "smollm2", "scope": "ClusterBaseModel", "nodes": '["node-a"]'}
    submitted_by_a_person(cluster, "import-model", "import-abc", arguments)
    cluster.add(model_body())
    settle(cluster)
    assert runs_of(cluster, "import-model") == ["import-abc"]
    cluster.pass_time(5)
    write(cluster, "import-abc", "Failed", message=told("network"))
    settle(cluster)
    assert len(runs_of(cluster, "import-model")) == 2


def test_large_runs_keep_their_nodes_packed() -> None:
    cluster = cluster_with("node-a", "node-b")
    settle(cluster)
    run = only_run(cluster, "import-model")
    importing(cluster, run, cached={"node-a": "Succeeded", "node-b": "auth"}, is_compressed=True)
    status = settle(cluster)
    assert (status["nodesReady"], status["nodesFailed"]) == (["node-a"], ["node-b"])


def test_a_disabled_model_is_left_alone() -> None:
    cluster = cluster_with("node-a", disabled=True)
    settle(cluster)
    assert condition(cluster.get(*MODEL), "Ready")["reason"] == "Disabled"
    assert not cluster.of_kind("Workflow") and not cluster.get(*MODEL)["metadata"].get("finalizers")


def test_a_vendors_model_is_ready_at_once() -> None:
    cluster = cluster_with("node-a", storage={"storageUri": "vendor://acme/llm/one"})
    assert settle(cluster)["state"] == "Ready"
    assert not cluster.of_kind("Workflow")


def test_a_spec_that_cannot_be_read_names_the_field() -> None:
    cluster = cluster_with("node-a", storage={"storageUri": "hf://"})
    settle(cluster)
    ready = condition(cluster.get(*MODEL), "Ready")
    assert ready["reason"] == "InvalidSpec" and "spec.storage" in ready["message"]


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


def test_files_that_another_model_has_in_the_same_folder_stay() -> None:
    cluster = imported("node-a")
    cluster.add(model_body("twin", storage={"storageUri": URI, "path": "/mnt/models/smollm2"}))
    cluster.delete(*MODEL)
    settle(cluster)
    assert not runs_of(cluster, "evict-model") and cluster.find(*MODEL) is None


def test_a_deleted_config_map_and_a_removed_label_are_mended() -> None:
    cluster = imported("node-a")
    cluster.delete("ConfigMap", "ome", "node-a")
    settle(cluster)
    assert "clusterbasemodel.smollm2" in cluster.get("ConfigMap", "ome", "node-a")["data"]
    cluster.change("Node", "", "node-a", {"metadata": {"labels": {LABEL: None}}})
    settle(cluster)
    assert cluster.get("Node", "", "node-a")["metadata"]["labels"][LABEL] == "Ready"
    assert len(runs_of(cluster, "import-model")) == 1


def test_runs_that_are_cleared_away_change_nothing() -> None:
    cluster = imported("node-a", "node-b")
    before = cluster.get(*MODEL)["status"]
    for name in runs_of(cluster, "import-model"):
        cluster.delete("Workflow", "ome", name)
    assert cluster.plan(plan_model, *MODEL).actions == ()
    add_node(cluster, "node-c")
    settle(cluster)
    assert arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "import-model")))["revision"] == REVISION
    assert cluster.get(*MODEL)["status"]["artifact"] == before["artifact"]


def test_names_of_runs_stay_within_kubernetes_limits() -> None:
    cluster = Cluster(Settings())
    add_node(cluster, "node-a")
    name = "a" * 60 + ".b" * 40
    cluster.add(model_body(name))
    cluster.settle(plan_model, "ClusterBaseModel", "", name)
    assert len(only_run(cluster, "import-model")) <= 63

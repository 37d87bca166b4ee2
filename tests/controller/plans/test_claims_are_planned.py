"""A model in a claim: read where it is by one run, ready without any node, and gone without a trace."""

from typing import Any

import pytest

from controller.actions import Object
from controller.index import arguments_of
from controller.plans import plan_benchmark, plan_model, plan_service
from tests.controller.plans.argo import (
    DIGEST,
    evicting,
    importing,
    only_run,
    reading,
    runs_of,
    submitted_by_a_person,
    write,
)
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.golden import check_plan
from tests.controller.plans.objects import add_manifest, add_node, condition, model_body
from tests.controller.plans.services import SERVICE, add_runtime, service_body

URI = "pvc://weights/models/smollm2"
MODEL = ("BaseModel", "team", "smollm2")
LABEL = "models.ome.io/clusterbasemodel.smollm2"


def cluster_with(uri: str = URI, *, namespace: str = "team", **spec: Any) -> Cluster:
    cluster = Cluster()
    add_node(cluster, "node-a")
    body = model_body(namespace=namespace, **spec)
    body["spec"]["storage"] = {"storageUri": uri}
    cluster.add(body)
    return cluster


def settle(cluster: Cluster, *key: str) -> Object:
    kind, namespace, name = key or MODEL
    cluster.settle(plan_model, kind, namespace, name)
    found = cluster.find(kind, namespace, name)
    return (found or {}).get("status") or {}


def was_read(**spec: Any) -> Cluster:
    cluster = cluster_with(**spec)
    settle(cluster)
    reading(cluster, only_run(cluster, "read-claim"))
    settle(cluster)
    return cluster


def test_a_new_model_gets_a_finalizer_and_a_run_that_reads_its_claim() -> None:
    cluster = cluster_with()
    check_plan("claim-new", cluster.plan(plan_model, *MODEL))


def test_a_claim_that_was_read_is_recorded() -> None:
    cluster = cluster_with()
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/skip-config-parsing": "true"}}})
    settle(cluster)
    reading(cluster, only_run(cluster, "read-claim"))
    check_plan("claim-read", cluster.plan(plan_model, *MODEL))


def test_a_model_in_a_claim_is_ready_with_facts_and_is_on_no_node() -> None:
    cluster = was_read()
    model, node = cluster.get(*MODEL), cluster.get("Node", "", "node-a")
    assert model["status"]["state"] == "Ready"
    assert model["spec"]["modelArchitecture"] == "LlamaForCausalLM"
    artifact = model["status"]["artifact"]
    assert (artifact["uri"], artifact["digest"], artifact["files"]) == (URI, f"sha256:{DIGEST}", 3)
    cached = condition(model, "Cached")
    assert (cached["status"], cached["reason"]) == ("True", "ReadInPlace") and "weights" in cached["message"]
    assert not any("smollm2" in key for key in node["metadata"]["labels"])
    assert not cluster.of_kind("ConfigMap") and "nodesReady" not in model["status"]


def test_a_person_may_keep_the_spec() -> None:
    cluster = cluster_with(modelType="mine")
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/skip-config-parsing": "true"}}})
    settle(cluster)
    reading(cluster, only_run(cluster, "read-claim"))
    settle(cluster)
    assert "modelArchitecture" not in cluster.get(*MODEL)["spec"]
    assert condition(cluster.get(*MODEL), "Ready")["status"] == "True"


@pytest.mark.parametrize(
    ("uri", "namespace", "words"),
    [
        ("pvc://other:weights/m", "team", "claims of its own namespace only"),
        ("pvc://weights/m", "", "names no namespace"),
    ],
)
def test_a_claim_that_a_model_may_not_have_is_refused(uri: str, namespace: str, words: str) -> None:
    cluster = cluster_with(uri, namespace=namespace)
    key = MODEL if namespace else ("ClusterBaseModel", "", "smollm2")
    settle(cluster, *key)
    ready = condition(cluster.get(*key), "Ready")
    assert ready["reason"] == "InvalidSpec" and words in ready["message"] and "accepted: pvc://" in ready["message"]
    assert not cluster.of_kind("Workflow")


def test_a_claim_with_a_folder_of_nodes_is_refused_until_it_is_left_out() -> None:
    cluster = cluster_with()
    cluster.change(*MODEL, {"spec": {"storage": {"path": "/mnt/models/mine"}}})
    settle(cluster)
    ready = condition(cluster.get(*MODEL), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Unsupported")
    assert "Leave path out: the model is read in place." in ready["message"]
    assert not cluster.of_kind("Workflow")
    cluster.change(*MODEL, {"spec": {"storage": {"path": None}}})
    settle(cluster)
    reading(cluster, only_run(cluster, "read-claim"))
    assert settle(cluster)["state"] == "Ready"


@pytest.mark.parametrize("uri", [URI, "pvc://team:weights/models/smollm2"])
def test_a_claim_of_its_own_namespace_may_be_named_with_it(uri: str) -> None:
    cluster = cluster_with(uri)
    settle(cluster)
    arguments = arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "read-claim")))
    assert arguments == {"uri": uri, "name": "smollm2", "scope": "BaseModel", "namespace": "team"}


def test_a_missing_claim_is_told_and_read_when_a_person_asks() -> None:
    cluster = cluster_with()
    settle(cluster)
    reading(cluster, only_run(cluster, "read-claim"), "not-found")
    assert settle(cluster)["state"] == "Failed"
    ready = condition(cluster.get(*MODEL), "Ready")
    assert ready["reason"] == "NotFound" and "ome.io/retry" in ready["message"]
    assert condition(cluster.get(*MODEL), "Cached")["status"] == "False"
    cluster.pass_time(3600)
    assert cluster.plan(plan_model, *MODEL).actions == ()
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/retry": "1"}}})
    settle(cluster)
    reading(cluster, only_run(cluster, "read-claim"))
    assert settle(cluster)["state"] == "Ready"


def test_what_may_pass_is_tried_again_and_given_up_at_last() -> None:
    cluster = cluster_with()
    for _ in range(cluster.settings.max_attempts):
        settle(cluster)
        reading(cluster, only_run(cluster, "read-claim"), "cluster")
        plan = cluster.settle(plan_model, *MODEL)
        cluster.pass_time(plan.requeue_seconds or 0)
    settle(cluster)
    ready = condition(cluster.get(*MODEL), "Ready")
    assert ready["reason"] == "ClusterFailed" and "Gave up after 5 attempts" in ready["message"]
    assert len(runs_of(cluster, "read-claim")) == 5


def test_a_model_is_ready_while_it_is_read_again_and_has_the_new_facts_then() -> None:
    cluster = was_read()
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/retry": "1"}}})
    settle(cluster)
    run = only_run(cluster, "read-claim")
    write(cluster, run, "Running")
    assert settle(cluster)["state"] == "Ready"
    cluster.pass_time(60)
    reading(cluster, run, digest="cd" * 32)
    assert settle(cluster)["artifact"]["digest"] == f"sha256:{'cd' * 32}"


def test_runs_that_are_cleared_away_change_nothing_until_a_person_asks() -> None:
    cluster = was_read()
    for name in runs_of(cluster, "read-claim"):
        cluster.delete("Workflow", "ome", name)
    assert cluster.plan(plan_model, *MODEL).actions == ()
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/retry": "1"}}})
    settle(cluster)
    reading(cluster, only_run(cluster, "read-claim"))
    assert settle(cluster)["state"] == "Ready"


def test_a_persons_run_with_the_same_arguments_is_adopted() -> None:
    cluster = cluster_with()
    arguments = {"uri": URI, "name": "smollm2", "scope": "BaseModel", "namespace": "team"}
    defaults = {"allow_patterns": "[]", "ignore_patterns": "[]"}
    submitted_by_a_person(cluster, "read-claim", "by-hand", arguments, defaults)
    settle(cluster)
    assert runs_of(cluster, "read-claim") == ["by-hand"]
    reading(cluster, "by-hand")
    assert settle(cluster)["workflow"]["name"] == "by-hand"
    cluster.delete("Workflow", "ome", "by-hand")
    assert cluster.plan(plan_model, *MODEL).actions == ()


def test_another_uri_ends_the_run_for_the_one_before() -> None:
    cluster = cluster_with()
    settle(cluster)
    first = only_run(cluster, "read-claim")
    cluster.change(*MODEL, {"spec": {"storage": {"storageUri": "pvc://weights/other"}}})
    settle(cluster)
    second = only_run(cluster, "read-claim")
    assert second != first
    cluster.change(*MODEL, {"spec": {"storage": {"storageUri": "hf://acme/tiny"}}})
    settle(cluster)
    assert not runs_of(cluster, "read-claim") and len(runs_of(cluster, "import-model")) == 1


def test_what_an_earlier_uri_put_on_nodes_is_taken_off() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body())
    key = ("ClusterBaseModel", "", "smollm2")
    settle(cluster, *key)
    importing(cluster, only_run(cluster, "import-model"))
    settle(cluster, *key)
    assert cluster.get("Node", "", "node-a")["metadata"]["labels"][LABEL] == "Ready"
    cluster.change(*key, {"spec": {"storage": {"storageUri": "pvc://team:weights/m", "nodeSelector": None}}})
    settle(cluster, *key)
    assert LABEL not in cluster.get("Node", "", "node-a")["metadata"]["labels"]
    evicting(cluster, only_run(cluster, "evict-model"))
    settle(cluster, *key)
    assert not cluster.get("ConfigMap", "ome", "node-a")["data"]
    reading(cluster, only_run(cluster, "read-claim"))
    assert settle(cluster, *key)["state"] == "Ready"


def test_deletion_leaves_nothing() -> None:
    cluster = was_read()
    add_manifest(cluster, DIGEST, cluster.of_kind("Workflow")[0])
    settle(cluster)
    assert not any(c["metadata"].get("ownerReferences") for c in cluster.of_kind("ConfigMap"))
    cluster.delete(*MODEL)
    settle(cluster)
    assert cluster.find(*MODEL) is None
    assert not cluster.of_kind("Workflow") and not cluster.of_kind("ConfigMap")


def test_deletion_ends_a_run_that_goes_on() -> None:
    cluster = cluster_with()
    settle(cluster)
    cluster.delete(*MODEL)
    settle(cluster)
    assert cluster.find(*MODEL) is None and not cluster.of_kind("Workflow")


def test_nothing_is_written_when_nothing_changed() -> None:
    cluster = was_read()
    cluster.pass_time(3600)
    assert cluster.plan(plan_model, *MODEL).actions == ()


def test_a_service_of_it_is_deployed_once_it_is_read() -> None:
    cluster = cluster_with()
    add_runtime(cluster)
    cluster.add(service_body())
    cluster.settle(plan_service, *SERVICE)
    assert not runs_of(cluster, "deploy-model")
    settle(cluster)
    reading(cluster, only_run(cluster, "read-claim"))
    settle(cluster)
    cluster.settle(plan_service, *SERVICE)
    arguments = arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "deploy-model")))
    assert (arguments["model"], arguments["namespace"]) == ("smollm2", "team")


def test_files_of_another_model_go_although_a_model_in_a_claim_has_its_name() -> None:
    cluster = was_read()
    key = ("ClusterBaseModel", "", "other")
    cluster.add(model_body("other", storage={"path": "/mnt/models/team/smollm2"}))
    settle(cluster, *key)
    importing(cluster, only_run(cluster, "import-model"))
    settle(cluster, *key)
    cluster.delete(*key)
    settle(cluster, *key)
    assert runs_of(cluster, "evict-model")


def test_a_benchmark_says_that_it_cannot_have_the_tokenizer() -> None:
    cluster = was_read()
    endpoint = {"endpoint": {"url": "http://chat.team", "apiFormat": "openai", "modelName": "smollm2"}}
    job = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "BenchmarkJob",
        "metadata": {"name": "speed", "namespace": "team"},
        "spec": {"endpoint": endpoint, "task": "text-to-text"},
    }
    cluster.add(job)
    cluster.settle(plan_benchmark, "BenchmarkJob", "team", "speed")
    told = condition(cluster.get("BenchmarkJob", "team", "speed"), "EndpointReady")
    assert told["reason"] == "Unsupported" and "tokenizer" in told["message"]
    assert condition(cluster.get("BenchmarkJob", "team", "speed"), "Completed")["message"] == told["message"]
    assert not runs_of(cluster, "benchmark-endpoint")

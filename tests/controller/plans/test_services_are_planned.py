"""A service from waiting for its model to answering: runs, pins, drift, pods' own words, and what people undo."""

import json
from typing import Any

import pytest

from controller.index import arguments_of
from controller.plans import plan_model, plan_service
from steps.serving.cluster.spec_digest import service_spec_digest
from tests.controller.plans.argo import importing, only_run, runs_of, step, submitted_by_a_person, told, write
from tests.controller.plans.cluster import Cluster, merged
from tests.controller.plans.golden import check_plan
from tests.controller.plans.objects import add_node, condition, model_body

SERVICE = ("InferenceService", "team", "chat")
MODEL = ("ClusterBaseModel", "", "smollm2")
ENDPOINT = {"url": "http://chat.team.svc:8080", "modelName": "smollm2", "service": "chat", "namespace": "team"}
CHOICE = {"runtime": "llama-server", "accelerator": "cpu", "reasons": ["the only one that fits"]}
TEMPLATE = {"ome.io/template-digest": "0a1b2c3d4e"}
AVAILABLE = {
    "observedGeneration": 1,
    "availableReplicas": 1,
    "updatedReplicas": 1,
    "conditions": [{"type": "Available", "status": "True"}],
}


def service_body(**spec: Any) -> dict[str, Any]:
    body = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "chat", "namespace": "team"},
        "spec": {"model": {"name": "smollm2"}, "engine": {"minReplicas": 1}},
    }
    found: dict[str, Any] = merged(body, {"spec": spec})
    return found


def add_ready_model(cluster: Cluster) -> None:
    add_node(cluster, "node-a")
    cluster.add(model_body())
    cluster.settle(plan_model, *MODEL)
    importing(cluster, only_run(cluster, "import-model"))
    cluster.settle(plan_model, *MODEL)


def add_runtime(cluster: Cluster, name: str = "llama-server") -> None:
    cluster.add({"kind": "ClusterServingRuntime", "metadata": {"name": name}, "spec": {"engineConfig": {"a": 1}}})


def add_deployment(cluster: Cluster, status: dict[str, Any] | None = None, component: str = "engine") -> None:
    labels = {"ome.io/inferenceservice": "chat", "component": component}
    cluster.add(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"chat-{component}", "namespace": "team", "labels": labels},
            "spec": {
                "replicas": 1,
                "template": {"metadata": {"annotations": {"ome.io/template-digest": "0a1b2c3d4e"}}},
            },
            "status": status or {},
        }
    )


def add_pod(cluster: Cluster, status: dict[str, Any]) -> None:
    metadata = {
        "name": "chat-engine-x",
        "namespace": "team",
        "labels": {"ome.io/inferenceservice": "chat", "component": "engine"},
        "annotations": TEMPLATE,
    }
    cluster.add({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": status})


def settle(cluster: Cluster) -> dict[str, Any]:
    cluster.settle(plan_service, *SERVICE)
    found: dict[str, Any] = cluster.get(*SERVICE)["status"]
    return found


def deploy(
    cluster: Cluster, run: str, phase: str = "Succeeded", *, code: str = "cluster", task: str = "deploy"
) -> None:
    """The run goes on, has succeeded, or has failed in a task."""
    choice = {"choice": json.dumps(CHOICE)}
    if task == "select" and phase == "Failed":
        write(cluster, run, phase, step("select", "Failed", message=told(code)))
        return
    nodes = step("select", outputs=choice)
    if phase == "Failed":
        write(cluster, run, phase, nodes | step(task, "Failed", message=told(code), order=1))
        return
    outputs: dict[str, str] = {}
    if phase == "Succeeded":
        found = cluster.get(*SERVICE)
        digest = service_spec_digest(found, cluster.get(*MODEL))
        outputs = {**choice, "endpoint": json.dumps(ENDPOINT), "spec_digest": digest}
    write(cluster, run, phase, nodes | step("deploy", phase, order=1), outputs=outputs)


def serving() -> Cluster:
    """A service that answers."""
    cluster = Cluster()
    add_ready_model(cluster)
    add_runtime(cluster)
    cluster.add(service_body())
    settle_plan(cluster)
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, only_run(cluster, "deploy-model"))
    settle(cluster)
    cluster.pass_time(60)
    return cluster


def settle_plan(cluster: Cluster) -> None:
    cluster.settle(plan_service, *SERVICE)


def test_a_service_before_its_model_waits_and_goes_on_when_it_comes() -> None:
    cluster = Cluster()
    add_runtime(cluster)
    cluster.add(service_body())
    settle(cluster)
    assert condition(cluster.get(*SERVICE), "Ready")["reason"] == "ModelNotFound"
    assert not cluster.of_kind("Workflow")
    add_ready_model(cluster)
    check_plan("service-submits", cluster.plan(plan_service, *SERVICE))


@pytest.mark.parametrize(("change", "reason"), [({"disabled": True}, "ModelDisabled"), ({}, "ModelNotReady")])
def test_a_model_that_cannot_be_served_is_named(change: dict[str, Any], reason: str) -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body(**change))
    cluster.settle(plan_model, *MODEL)
    cluster.add(service_body())
    settle(cluster)
    assert condition(cluster.get(*SERVICE), "ModelReady")["reason"] == reason
    assert not runs_of(cluster, "deploy-model")


def test_a_model_of_the_namespace_comes_before_one_of_the_cluster() -> None:
    cluster = Cluster()
    add_ready_model(cluster)
    cluster.add(model_body(namespace="team"))
    cluster.add(service_body())
    settle(cluster)
    assert "BaseModel smollm2 is not ready" in condition(cluster.get(*SERVICE), "ModelReady")["message"]


def test_a_service_that_answers_says_where_and_by_what() -> None:
    cluster = serving()
    status = cluster.get(*SERVICE)["status"]
    assert condition(cluster.get(*SERVICE), "Ready")["status"] == "True"
    assert status["url"] == ENDPOINT["url"]
    assert status["selection"]["runtime"] == "llama-server"
    assert status["modelStatus"]["transitionStatus"] == "UpToDate"
    assert status["components"]["engine"]["latestReadyRevision"] == "chat-engine-0a1b2c3d"
    assert cluster.plan(plan_service, *SERVICE).actions == ()


def test_the_first_status_while_it_is_deployed() -> None:
    cluster = Cluster()
    add_ready_model(cluster)
    add_runtime(cluster)
    cluster.add(service_body())
    settle_plan(cluster)
    deploy(cluster, only_run(cluster, "deploy-model"), "Running")
    check_plan("service-deploying", cluster.plan(plan_service, *SERVICE))


def test_the_selection_is_pinned_until_the_spec_changes() -> None:
    cluster = serving()
    cluster.change(*MODEL, {"status": {"artifact": {"digest": "sha256:" + "cd" * 32}}})
    settle_plan(cluster)
    pinned = arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "deploy-model")))
    assert (pinned["runtime"], pinned["accelerator"]) == ("llama-server", "cpu")
    deploy(cluster, only_run(cluster, "deploy-model"))
    settle(cluster)
    cluster.pass_time(60)
    cluster.change(*SERVICE, {"metadata": {"annotations": {"ome.io/reselect": "now"}}})
    settle_plan(cluster)
    assert "runtime" not in arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "deploy-model")))


def test_an_edited_runtime_is_told_as_drift_and_held() -> None:
    cluster = serving()
    cluster.change("ClusterServingRuntime", "", "llama-server", {"spec": {"engineConfig": {"a": 2}}})
    settle(cluster)
    drifted = condition(cluster.get(*SERVICE), "Drifted")
    assert (drifted["status"], drifted["reason"]) == ("True", "RuntimeChanged")
    assert condition(cluster.get(*SERVICE), "Ready")["status"] == "True"
    assert len(runs_of(cluster, "deploy-model")) == 1


def test_drift_is_followed_once_where_it_is_asked_for() -> None:
    cluster = serving()
    cluster.change(*SERVICE, {"metadata": {"annotations": {"ome.io/on-drift": "redeploy"}}})
    settle(cluster)
    cluster.change("ClusterServingRuntime", "", "llama-server", {"spec": {"engineConfig": {"a": 2}}})
    settle(cluster)
    deploy(cluster, only_run(cluster, "deploy-model"))
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 2
    assert all(c["type"] != "Drifted" for c in cluster.get(*SERVICE)["status"]["conditions"])
    assert condition(cluster.get(*SERVICE), "Ready")["status"] == "True"


def test_a_deployment_that_somebody_deletes_is_deployed_again_every_time() -> None:
    cluster = serving()
    for count in range(2, 9):
        cluster.pass_time(60)
        cluster.delete("Deployment", "team", "chat-engine")
        settle(cluster)
        assert condition(cluster.get(*SERVICE), "Ready")["status"] != "True"
        assert len(runs_of(cluster, "deploy-model")) == count
        add_deployment(cluster, AVAILABLE)
        deploy(cluster, only_run(cluster, "deploy-model"))
        settle(cluster)
        assert condition(cluster.get(*SERVICE), "Ready")["status"] == "True"


def test_a_redeployment_that_fails_is_tried_again() -> None:
    cluster = serving()
    cluster.delete("Deployment", "team", "chat-engine")
    settle(cluster)
    cluster.pass_time(30)
    deploy(cluster, only_run(cluster, "deploy-model"), "Failed", code="cluster")
    plan = cluster.settle(plan_service, *SERVICE)
    assert condition(cluster.get(*SERVICE), "Deployed")["reason"] == "ClusterFailed"
    cluster.pass_time(plan.requeue_seconds or 0)
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 3


@pytest.mark.parametrize(
    ("task", "code", "where", "reason"),
    [("select", "does-not-fit", "RuntimeSelected", "DoesNotFit"), ("deploy", "engine", "Deployed", "EngineFailed")],
)
def test_a_hopeless_failure_waits_until_what_it_depends_on_changes(
    task: str, code: str, where: str, reason: str
) -> None:
    cluster = Cluster()
    add_ready_model(cluster)
    add_runtime(cluster)
    cluster.add(service_body())
    settle_plan(cluster)
    deploy(cluster, only_run(cluster, "deploy-model"), "Failed", code=code, task=task)
    settle(cluster)
    assert condition(cluster.get(*SERVICE), where)["reason"] == reason
    assert condition(cluster.get(*SERVICE), "Ready")["reason"] == reason
    cluster.pass_time(86400)
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 1
    add_runtime(cluster, "another")
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 2


POD_WORDS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]},
        "Unschedulable",
        "0/3 nodes are available",
    ),
    (
        {"containerStatuses": [{"name": "ome-container", "image": "nowhere/none:1", "restartCount": 0,
          "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}]},
        "ImagePullBackOff",
        "nowhere/none:1",
    ),
    (
        {"containerStatuses": [{"name": "ome-container", "restartCount": 4,
          "state": {"waiting": {"reason": "CrashLoopBackOff"}},
          "lastState": {"terminated": {"exitCode": 7, "message": "no such model"}}}]},
        "CrashLoopBackOff",
        "exit code 7",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("status", "reason", "words"), POD_WORDS)
def test_a_pod_that_does_not_come_up_is_told_in_its_own_words(status: dict[str, Any], reason: str, words: str) -> None:
    cluster = Cluster()
    add_ready_model(cluster)
    add_runtime(cluster)
    cluster.add(service_body())
    settle_plan(cluster)
    deploy(cluster, only_run(cluster, "deploy-model"), "Running")
    add_deployment(cluster)
    add_pod(cluster, status)
    settle(cluster)
    for name in ("EngineReady", "Ready"):
        found = condition(cluster.get(*SERVICE), name)
        assert (found["status"], found["reason"]) == ("False", reason)
        assert words in found["message"]


def test_a_crash_has_its_exit_code_in_the_model_status() -> None:
    cluster = serving()
    cluster.change("Deployment", "team", "chat-engine", {"status": {"conditions": None, "availableReplicas": 0}})
    add_pod(cluster, POD_WORDS[2][0])
    status = settle(cluster)["modelStatus"]
    assert status["transitionStatus"] == "BlockedByFailedLoad"
    assert status["lastFailureInfo"]["exitCode"] == 7
    assert cluster.plan(plan_service, *SERVICE).actions == ()


def test_a_router_is_told_of_only_where_there_is_one() -> None:
    cluster = serving()
    assert all(c["type"] != "RouterReady" for c in cluster.get(*SERVICE)["status"]["conditions"])
    add_deployment(cluster, {}, "router")
    settle(cluster)
    assert condition(cluster.get(*SERVICE), "RouterReady")["status"] == "False"
    assert condition(cluster.get(*SERVICE), "Ready")["status"] == "False"


def test_a_run_of_a_person_is_adopted_while_it_goes_on() -> None:
    cluster = Cluster()
    add_ready_model(cluster)
    add_runtime(cluster)
    arguments = {"model": "smollm2", "service": "chat", "namespace": "team"}
    submitted_by_a_person(cluster, "deploy-model", "deploy-abc", arguments, {"runtime": "", "spec_digest": ""})
    cluster.add(service_body())
    settle(cluster)
    assert runs_of(cluster, "deploy-model") == ["deploy-abc"]
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, "deploy-abc")
    settle(cluster)
    assert condition(cluster.get(*SERVICE), "Ready")["status"] == "True"
    assert runs_of(cluster, "deploy-model") == ["deploy-abc"]


def test_a_run_that_deployed_another_spec_does_not_count() -> None:
    cluster = Cluster()
    add_ready_model(cluster)
    add_runtime(cluster)
    cluster.add(service_body())
    arguments = {"model": "smollm2", "service": "chat", "namespace": "team"}
    submitted_by_a_person(cluster, "deploy-model", "deploy-abc", arguments)
    write(cluster, "deploy-abc", "Succeeded", outputs={"spec_digest": "0123456789abcdef"})
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 2


def test_deletion_ends_the_run_that_would_make_it_anew() -> None:
    cluster = Cluster()
    add_ready_model(cluster)
    add_runtime(cluster)
    cluster.add(service_body())
    settle_plan(cluster)
    cluster.delete(*SERVICE)
    check_plan("service-deleted", cluster.plan(plan_service, *SERVICE))
    settle_plan(cluster)
    assert cluster.find(*SERVICE) is None and not runs_of(cluster, "deploy-model")


def test_a_virtual_deployment_has_a_status_and_nothing_else() -> None:
    cluster = Cluster()
    body = service_body()
    body["metadata"]["annotations"] = {"ome.io/deploymentMode": "VirtualDeployment"}
    cluster.add(body)
    assert settle(cluster)["url"] == "http://chat.team.svc.cluster.local"
    assert not cluster.of_kind("Workflow")


def test_a_service_that_answers_stays_ready_when_its_runs_are_cleared_away() -> None:
    cluster = serving()
    for name in runs_of(cluster, "deploy-model"):
        cluster.delete("Workflow", "ome", name)
    assert cluster.plan(plan_service, *SERVICE).actions == ()

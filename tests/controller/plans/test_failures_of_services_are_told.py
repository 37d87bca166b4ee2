"""How a service's failures are told: in the words of the run, the scheduler, the kubelet and the container."""

from typing import Any

import pytest

from controller.plans import plan_service
from steps.serving.cluster.rollout import refusal
from tests.controller.plans.argo import only_run, runs_of
from tests.controller.plans.cluster import Cluster, merged
from tests.controller.plans.objects import condition
from tests.controller.plans.services import (
    SERVICE,
    add_deployment,
    add_pod,
    add_ready_model,
    add_runtime,
    deploy,
    deploying,
    service_body,
    serving,
    settle,
)

POD_WORDS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]},
        "Unschedulable",
        "0/3 nodes are available",
    ),
    (
        {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]},
        "Queued",
        "waits to be admitted by its queue",
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
    cluster = deploying()
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


@pytest.mark.parametrize(("status", "reason", "words"), POD_WORDS)
def test_a_pod_that_does_not_come_up_is_told_in_its_own_words(status: dict[str, Any], reason: str, words: str) -> None:
    cluster = deploying()
    deploy(cluster, only_run(cluster, "deploy-model"), "Running")
    add_deployment(cluster)
    add_pod(cluster, status)
    settle(cluster)
    for name in ("EngineReady", "Ready"):
        found = condition(cluster.get(*SERVICE), name)
        assert (found["status"], found["reason"]) == ("False", reason)
        assert words in found["message"]


def test_pods_that_are_refused_are_told_as_the_run_tells_them() -> None:
    words = 'pods "chat-engine-1" is forbidden: violates PodSecurity "baseline:latest": hostPath volumes'
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": words}
    cluster = deploying()
    deploy(cluster, only_run(cluster, "deploy-model"), "Running")
    add_deployment(cluster, {"conditions": [refused]})
    settle(cluster)
    found = condition(cluster.get(*SERVICE), "EngineReady")
    told = refusal(cluster.get("Deployment", "team", "chat-engine"))
    assert found["reason"] == "PodsRefused"
    assert told is not None and words in told.message and "hostPath" in told.remedy
    assert found["message"].endswith(f"{told.message}. {told.remedy}")


def test_a_crash_has_its_exit_code_in_the_model_status() -> None:
    cluster = serving()
    cluster.change("Deployment", "team", "chat-engine", {"status": {"conditions": None, "availableReplicas": 0}})
    add_pod(cluster, POD_WORDS[-1][0])
    status = settle(cluster)["modelStatus"]
    assert status["transitionStatus"] == "BlockedByFailedLoad"
    assert status["lastFailureInfo"]["exitCode"] == 7
    assert cluster.plan(plan_service, *SERVICE).actions == ()


def test_a_wrong_annotation_of_a_new_service_is_told_and_deployed_when_it_is_mended() -> None:
    cluster = Cluster()
    add_ready_model(cluster)
    add_runtime(cluster)
    cluster.add(merged(service_body(), {"metadata": {"annotations": {"ome.io/fit": "enforced"}}}))
    settle(cluster)
    for name in ("SpecValid", "Deployed", "Ready"):
        found = condition(cluster.get(*SERVICE), name)
        assert (found["status"], found["reason"]) == ("False", "InvalidSpec")
        words = 'metadata.annotations["ome.io/fit"]: "enforced" is not known; accepted: enforce, warn, off. Correct it'
        assert words in found["message"]
    assert not runs_of(cluster, "deploy-model")
    cluster.change(*SERVICE, {"metadata": {"annotations": {"ome.io/fit": "enforce"}}})
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 1
    assert all(one["type"] != "SpecValid" for one in cluster.get(*SERVICE)["status"]["conditions"])


def test_a_wrong_annotation_of_a_service_that_answers_is_told_and_leaves_it_ready() -> None:
    cluster = serving()
    cluster.change(*SERVICE, {"metadata": {"annotations": {"ome.io/on-drift": "redploy"}}})
    settle(cluster)
    told = condition(cluster.get(*SERVICE), "SpecValid")
    assert (told["status"], told["severity"]) == ("False", "Info") and '"redploy"' in told["message"]
    assert condition(cluster.get(*SERVICE), "Ready")["status"] == "True"
    cluster.delete("Deployment", "team", "chat-engine")
    settle(cluster)
    assert condition(cluster.get(*SERVICE), "Ready")["reason"] == "InvalidSpec"
    assert len(runs_of(cluster, "deploy-model")) == 1

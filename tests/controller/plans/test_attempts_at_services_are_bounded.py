"""How often a service is deployed again after failures: bounded, whatever its pods and nodes do, yet not given up."""

from typing import Any

import pytest

from controller.plans import plan_service
from tests.controller.plans.argo import only_run, runs_of
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.objects import condition
from tests.controller.plans.services import (
    AVAILABLE,
    MODEL,
    SERVICE,
    add_deployment,
    deploy,
    deploying,
    serving,
    settle,
)

DOWN: dict[str, Any] = {**AVAILABLE, "availableReplicas": 0, "conditions": [{"type": "Available", "status": "False"}]}
GPU: dict[str, Any] = {"kind": "AcceleratorClass", "metadata": {"name": "gpu"}, "spec": {"family": "hopper"}}
DAY = 86400
MANY = 12


def wait_out(cluster: Cluster) -> float:
    """Let pass what the plan waits for, if no run goes on; gives the seconds."""
    seconds = cluster.settle(plan_service, *SERVICE).requeue_seconds or 0.0
    if any(is_open(cluster, name) for name in runs_of(cluster, "deploy-model")):
        return 0.0
    cluster.pass_time(seconds)
    settle(cluster)
    return seconds


def created(cluster: Cluster) -> int:
    """How many runs were ever submitted: those that failed long ago are cleared away."""
    return sum(event.message.startswith("Run deploy-") for event in cluster.events if event.reason == "Submitted")


def put_pods(cluster: Cluster, status: dict[str, Any], template: str = "0a1b2c3d4e") -> None:
    annotations = {"ome.io/template-digest": template}
    patch = {
        "spec": {"template": {"metadata": {"annotations": annotations}}},
        "status": {**status, "observedGeneration": 9},
    }
    cluster.change("Deployment", "team", "chat-engine", patch)


def test_a_runtime_that_comes_up_and_falls_at_its_first_request_is_given_up() -> None:
    cluster = deploying()
    add_deployment(cluster, DOWN)
    waits = []
    for _ in range(MANY):
        put_pods(cluster, AVAILABLE)
        settle(cluster)
        if not (runs := [name for name in runs_of(cluster, "deploy-model") if is_open(cluster, name)]):
            break
        deploy(cluster, runs[0], "Failed", code="network", task="ask")
        put_pods(cluster, DOWN)
        waits.append(wait_out(cluster))
    assert created(cluster) == cluster.settings.max_attempts
    assert waits == [10.0, 20.0, 40.0, 80.0, 0.0]
    told = condition(cluster.get(*SERVICE), "Deployed")
    assert told["reason"] == "NetworkFailed" and "Gave up after 5 attempts" in told["message"]


def is_open(cluster: Cluster, name: str) -> bool:
    return "finishedAt" not in (cluster.get("Workflow", "ome", name).get("status") or {})


@pytest.mark.parametrize("code", ["engine", "network"])
def test_pods_that_come_up_after_all_let_one_more_attempt_be_made_at_once(code: str) -> None:
    cluster = deploying()
    add_deployment(cluster, DOWN)
    deploy(cluster, only_run(cluster, "deploy-model"), "Failed", code=code)
    settle(cluster)
    assert created(cluster) == 1
    put_pods(cluster, AVAILABLE)
    settle(cluster)
    assert created(cluster) == 2
    deploy(cluster, only_run(cluster, "deploy-model"), "Failed", code="engine")
    for status in (DOWN, AVAILABLE, DOWN, AVAILABLE):
        put_pods(cluster, status)
        cluster.pass_time(DAY)
        settle(cluster)
    assert created(cluster) == 2
    put_pods(cluster, AVAILABLE, template="another")
    settle(cluster)
    assert created(cluster) == 3


def test_old_pods_that_still_answer_are_none_that_came_up() -> None:
    cluster = serving()
    cluster.change(*SERVICE, {"spec": {"engine": {"minReplicas": 2}}})
    settle(cluster)
    put_pods(cluster, {**AVAILABLE, "updatedReplicas": 0}, template="another")
    deploy(cluster, only_run(cluster, "deploy-model"), "Failed", code="engine")
    settle(cluster)
    assert created(cluster) == 2


def refused(code: str = "does-not-fit") -> Cluster:
    """A service for which nothing could be selected; one node has the model, none the accelerator."""
    cluster = deploying()
    cluster.add({**GPU, "status": {"nodes": [], "availableNodes": 0, "totalAccelerators": 0}})
    refuse(cluster, code)
    return cluster


def refuse(cluster: Cluster, code: str = "does-not-fit") -> None:
    """Nothing can be selected, however often it is tried."""
    wait_out(cluster)
    for _ in range(MANY):
        if not (runs := [name for name in runs_of(cluster, "deploy-model") if is_open(cluster, name)]):
            return
        deploy(cluster, runs[0], "Failed", code=code, task="select")
        wait_out(cluster)
    raise AssertionError("it is tried for ever")


def offer(cluster: Cluster, nodes: list[str], **more: Any) -> None:
    """What the class's status says."""
    status = {"nodes": nodes, "availableNodes": len(nodes), "totalAccelerators": 8 * len(nodes), **more}
    cluster.change("AcceleratorClass", "", "gpu", {"status": status})


@pytest.mark.parametrize("code", ["does-not-fit", "not-found"])
def test_a_refused_service_is_looked_at_again_when_a_node_joins_and_when_it_has_the_model(code: str) -> None:
    cluster = refused(code)
    before = created(cluster)
    offer(cluster, ["gpu-a"])
    assert wait_out(cluster) == 10.0
    deploy(cluster, only_run(cluster, "deploy-model"), "Failed", code=code, task="select")
    settle(cluster)
    cluster.change(*MODEL, {"status": {"nodesReady": ["node-a", "gpu-a"]}})
    assert wait_out(cluster) == 20.0
    assert created(cluster) == before + 2
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, only_run(cluster, "deploy-model"))
    settle(cluster)
    assert condition(cluster.get(*SERVICE), "Ready")["status"] == "True"


def test_what_changes_nothing_for_the_selection_lets_a_refused_service_rest() -> None:
    cluster = refused()
    offer(cluster, ["gpu-a", "gpu-b"])
    refuse(cluster)
    before = created(cluster)
    offer(cluster, ["gpu-b", "gpu-a"], lastUpdated="2026-11-22T00:00:00Z", availableAccelerators=3)
    cluster.change("Node", "", "node-a", {"metadata": {"annotations": {"heartbeat": "2"}}})
    cluster.pass_time(DAY)
    assert cluster.plan(plan_service, *SERVICE).actions == ()
    assert created(cluster) == before
    assert "the nodes" in condition(cluster.get(*SERVICE), "RuntimeSelected")["message"]


def test_a_node_that_comes_and_goes_gets_a_refused_service_one_attempt_for_each() -> None:
    cluster = refused()
    before = created(cluster)
    for _ in range(6):
        for nodes in (["gpu-a"], []):
            offer(cluster, nodes)
            refuse(cluster)
    assert created(cluster) == before + 1


def test_nodes_that_come_and_go_leave_a_service_that_answers_alone() -> None:
    cluster = serving()
    cluster.add({**GPU, "status": {"nodes": [], "totalAccelerators": 0}})
    settle(cluster)
    offer(cluster, ["gpu-a"])
    cluster.change(*MODEL, {"status": {"nodesReady": ["node-a", "gpu-a"]}})
    cluster.pass_time(DAY)
    settle(cluster)
    assert created(cluster) == 1
    assert condition(cluster.get(*SERVICE), "Ready")["status"] == "True"


def test_refusals_do_not_count_against_what_is_tried_a_few_times() -> None:
    cluster = refused()
    for count in range(1, 6):
        offer(cluster, [f"gpu-{number}" for number in range(count)])
        wait_out(cluster)
        code, task = ("does-not-fit", "select") if count < 5 else ("network", "ask")
        deploy(cluster, only_run(cluster, "deploy-model"), "Failed", code=code, task=task)
        settle(cluster)
    assert "It is tried again." in condition(cluster.get(*SERVICE), "Deployed")["message"]
    before = created(cluster)
    assert wait_out(cluster) == 10.0
    assert created(cluster) == before + 1

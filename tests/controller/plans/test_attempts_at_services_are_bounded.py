"""How often a service is deployed again after failures: bounded, whatever its pods do."""

from typing import Any

import pytest

from controller.plans import plan_service
from tests.controller.plans.argo import only_run, runs_of
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.objects import condition
from tests.controller.plans.services import (
    AVAILABLE,
    SERVICE,
    add_deployment,
    deploy,
    deploying,
    serving,
    settle,
)

DOWN: dict[str, Any] = {**AVAILABLE, "availableReplicas": 0, "conditions": [{"type": "Available", "status": "False"}]}
DAY = 86400


def wait_out(cluster: Cluster) -> float:
    """Let pass what the plan waits for; gives the seconds."""
    seconds = cluster.settle(plan_service, *SERVICE).requeue_seconds or 0.0
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
    for _ in range(12):
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

"""What was deployed beside a Deployment and is gone since: it comes back by one run, and never by two."""

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

COMPANIONS = ("Service/chat-engine", "HorizontalPodAutoscaler/chat-engine", "PodDisruptionBudget/chat-engine")
EXTERNAL = "Service/chat"
ALL = (*COMPANIONS, EXTERNAL)


def add(cluster: Cluster, companion: str) -> None:
    kind, _, name = companion.partition("/")
    marks = {"ome.io/inferenceservice": "chat"}
    cluster.add({"kind": kind, "metadata": {"name": name, "namespace": "team", "labels": marks}, "spec": {"a": 1}})


def delete(cluster: Cluster, companion: str) -> None:
    kind, _, name = companion.partition("/")
    cluster.delete(kind, "team", name)


def accompanied(there: tuple[str, ...] = ALL) -> Cluster:
    """A service that answers, whose Deployment says what it was made with; `there` is what is seen of it."""
    cluster = deploying()
    add_deployment(cluster, AVAILABLE)
    note = {"metadata": {"annotations": {"ome.io/companions": " ".join(ALL)}}}
    cluster.change("Deployment", "team", "chat-engine", note)
    for companion in there:
        add(cluster, companion)
    deploy(cluster, only_run(cluster, "deploy-model"))
    settle(cluster)
    return cluster


def ready(cluster: Cluster) -> str:
    return str(condition(cluster.get(*SERVICE), "Ready")["status"])


@pytest.mark.parametrize("companion", ALL)
def test_what_is_deleted_comes_back_by_one_run(companion: str) -> None:
    cluster = accompanied()
    cluster.pass_time(3600)
    assert ready(cluster) == "True" and cluster.plan(plan_service, *SERVICE).actions == ()
    delete(cluster, companion)
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 2
    run = only_run(cluster, "deploy-model")
    deploy(cluster, run, "Running")
    settle(cluster)
    cluster.pass_time(600)
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 2, "none beside the one at work"
    add(cluster, companion)
    deploy(cluster, run)
    settle(cluster)
    cluster.pass_time(3600)
    assert cluster.plan(plan_service, *SERVICE).actions == ()
    assert ready(cluster) == "True" and len(runs_of(cluster, "deploy-model")) == 2


def test_a_service_without_its_address_is_not_ready() -> None:
    cluster = accompanied()
    delete(cluster, EXTERNAL)
    settle(cluster)
    found = condition(cluster.get(*SERVICE), "Ready")
    assert (found["status"], found["reason"]) == ("False", "ObjectsMissing") and EXTERNAL in found["message"]
    assert len(runs_of(cluster, "deploy-model")) == 1, "what was made a moment ago may only be seen late"
    cluster.pass_time(60)
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 2 and ready(cluster) == "False"


def test_a_service_without_its_disruption_budget_answers_still() -> None:
    cluster = accompanied(there=ALL[:2] + ALL[3:])
    assert ready(cluster) == "True"
    deployed = condition(cluster.get(*SERVICE), "Deployed")
    assert deployed["reason"] == "ObjectsMissing" and "PodDisruptionBudget/chat-engine" in deployed["message"]


def test_what_keeps_it_from_being_deployed_again_is_told() -> None:
    cluster = accompanied()
    cluster.pass_time(3600)
    cluster.change(*MODEL, {"spec": {"disabled": True}})
    delete(cluster, COMPANIONS[2])
    settle(cluster)
    told = condition(cluster.get(*SERVICE), "Deployed")["message"]
    assert "deployed again when its model can be served: ClusterBaseModel smollm2 is disabled" in told
    assert len(runs_of(cluster, "deploy-model")) == 1
    cluster.change(*MODEL, {"spec": {"disabled": None}})
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 2


def test_what_is_taken_away_every_time_is_made_again_ever_more_seldom() -> None:
    cluster = accompanied(there=())
    waits = []
    for _ in range(9):
        plan = cluster.settle(plan_service, *SERVICE)
        waits.append(plan.requeue_seconds)
        cluster.pass_time(plan.requeue_seconds or 0)
        settle(cluster)
        deploy(cluster, only_run(cluster, "deploy-model"))
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_a_deployment_of_an_earlier_version_asks_for_nothing() -> None:
    cluster = serving()
    cluster.pass_time(3600)
    assert cluster.plan(plan_service, *SERVICE).actions == () and ready(cluster) == "True"


def test_nothing_comes_back_of_a_service_that_goes() -> None:
    cluster = accompanied()
    cluster.delete(*SERVICE)
    delete(cluster, EXTERNAL)
    cluster.settle(plan_service, *SERVICE)
    assert cluster.find(*SERVICE) is None and not runs_of(cluster, "deploy-model")

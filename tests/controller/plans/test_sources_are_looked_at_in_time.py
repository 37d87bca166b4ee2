"""When a model's source is asked what it names now: at times of each model's own, and when a person asks."""

from itertools import pairwise

import pytest

from controller.observed import Settings
from controller.plans import plan_model
from tests.controller.plans.argo import (
    REVISION,
    checking,
    evicting,
    importing,
    only_run,
    runs_of,
)
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.following import DAY, arguments, asked, is_over
from tests.controller.plans.models import MODEL, TENANTS, imported, settle
from tests.controller.plans.objects import URI, add_node, condition, model_body


@pytest.mark.parametrize(
    "uri",
    [f"hf://org/name@{REVISION}", f"oci://registry.test:5000/org/model:v1@sha256:{'0' * 64}"],
    ids=["commit", "digest"],
)
def test_what_names_one_revision_is_never_looked_at(uri: str) -> None:
    cluster = imported("node-a", storage={"storageUri": uri})
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/refresh": "now"}}})
    for _ in range(50):
        plan = cluster.settle(plan_model, *MODEL)
        cluster.pass_time(3600)
    assert not runs_of(cluster, "check-revision") and plan.requeue_seconds is None


def test_a_model_is_looked_at_once_in_the_interval() -> None:
    cluster = imported("node-a")
    began, looks = cluster.now, []
    while (cluster.now - began).total_seconds() < 4 * DAY:
        plan = cluster.settle(plan_model, *MODEL)
        if any(not is_over(cluster, run) for run in runs_of(cluster, "check-revision")):
            looks.append(cluster.now)
            cluster.pass_time(5)
            checking(cluster, only_run(cluster, "check-revision"), revision=REVISION)
        else:
            cluster.pass_time(plan.requeue_seconds or DAY)
    assert 3 <= len(looks) <= 4  # noqa: PLR2004 - so many days
    assert {round((later - earlier).total_seconds()) for earlier, later in pairwise(looks)} <= {DAY, DAY + 1}
    assert len(runs_of(cluster, "check-revision")) <= 2, "old answers are cleared away"  # noqa: PLR2004


def test_models_are_looked_at_at_times_of_their_own() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    waits = set()
    for number in range(20):
        name = f"model-{number}"
        cluster.add(model_body(name))
        cluster.settle(plan_model, MODEL[0], "", name)
        importing(cluster, only_run(cluster, "import-model"))
        waits.add(round(cluster.settle(plan_model, MODEL[0], "", name).requeue_seconds or 0.0))
    assert len(waits) == 20 and max(waits) - min(waits) > DAY / 3  # noqa: PLR2004


def test_looks_that_were_missed_while_nobody_was_there_are_not_all_made_up_for_at_once() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    names = [f"model-{number}" for number in range(40)]
    for name in names:
        cluster.add(model_body(name))
        cluster.settle(plan_model, MODEL[0], "", name)
        importing(cluster, only_run(cluster, "import-model"))
        cluster.settle(plan_model, MODEL[0], "", name)
    cluster.pass_time(30 * DAY)
    for name in names:
        cluster.settle(plan_model, MODEL[0], "", name)
    assert len(runs_of(cluster, "check-revision")) < len(names) / 4


def test_with_an_interval_of_none_only_persons_ask() -> None:
    cluster = Cluster(Settings(revision_check_seconds=0))
    add_node(cluster, "node-a")
    cluster.add(model_body())
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    for _ in range(50):
        assert cluster.settle(plan_model, *MODEL).requeue_seconds is None
        cluster.pass_time(3600)
    assert not runs_of(cluster, "check-revision")
    asked(cluster, revision=REVISION)
    assert condition(cluster.get(*MODEL), "UpToDate")["status"] == "True"


def test_a_tenants_look_has_the_token_for_as_long_as_it_goes_on() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body(namespace="team", storage={"storageUri": URI, "key": "hub-token"}))
    cluster.settle(plan_model, *TENANTS)
    importing(cluster, only_run(cluster, "import-model"))
    cluster.settle(plan_model, *TENANTS)
    assert not cluster.of_kind("Secret")
    cluster.change(*TENANTS, {"metadata": {"annotations": {"ome.io/refresh": "now"}}})
    cluster.settle(plan_model, *TENANTS)
    (copy,) = cluster.of_kind("Secret")
    assert arguments(cluster, "check-revision")["secret"] == copy["metadata"]["name"]
    cluster.pass_time(5)
    checking(cluster, only_run(cluster, "check-revision"), revision=REVISION)
    cluster.settle(plan_model, *TENANTS)
    assert not cluster.of_kind("Secret")
    cluster.delete(*TENANTS)
    cluster.settle(plan_model, *TENANTS)
    evicting(cluster, only_run(cluster, "evict-model"))
    cluster.settle(plan_model, *TENANTS)
    assert runs_of(cluster, "check-revision") == [], "a tenant's model cannot own its runs: they go with it"

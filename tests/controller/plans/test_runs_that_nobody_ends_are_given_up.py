"""A run that Argo should have ended long ago counts as failed, whoever submitted it."""

import pytest

from controller.plans import plan_model
from controller.plans.deadlines import DEADLINES
from pipelines.export import templates
from tests.controller.plans.argo import only_run, runs_of, submitted_by_a_person, write
from tests.controller.plans.models import MODEL, cluster_with, settle
from tests.controller.plans.objects import URI, condition


def test_deadlines_are_those_of_the_templates() -> None:
    found = {name: each["spec"]["activeDeadlineSeconds"] for name, each in templates().items()}
    assert {name: found[name] for name in DEADLINES} == dict(DEADLINES)


@pytest.mark.parametrize("is_of_a_person", [False, True], ids=["ours", "a person's"])
def test_a_run_past_its_deadline_counts_as_failed(*, is_of_a_person: bool) -> None:
    cluster = cluster_with("node-a")
    if is_of_a_person:
        arguments = {"uri": URI, "name": "smollm2", "nodes": '["node-a"]'}
        defaults = {"scope": "ClusterBaseModel", "namespace": "default", "secret_key": "token"}
        submitted_by_a_person(cluster, "import-model", "import-abc", arguments, defaults)
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

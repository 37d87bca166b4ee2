"""How a model's failures are told, which of them are tried again, and when."""

import json

import pytest

from controller.index import arguments_of
from controller.plans import plan_model
from tests.controller.plans.argo import (
    evicting,
    importing,
    only_run,
    runs_of,
)
from tests.controller.plans.golden import check_plan
from tests.controller.plans.models import MODEL, cluster_with, imported, nodes_of, settle
from tests.controller.plans.objects import condition


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


def test_a_full_disk_is_tried_ever_more_slowly_and_leaves_few_runs() -> None:
    cluster = cluster_with("node-a", "node-b")
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), cached={"node-a": "Succeeded", "node-b": "disk-full"})
    for wait in (300, 600, 1200, 2400, *[3600] * 8):
        plan = cluster.settle(plan_model, *MODEL)
        assert plan.requeue_seconds == wait
        cluster.pass_time(plan.requeue_seconds)
        settle(cluster)
        run = only_run(cluster, "import-model")
        assert nodes_of(cluster, run) == ["node-b"]
        importing(cluster, run, cached={"node-b": "disk-full"})
    assert settle(cluster)["nodesFailed"] == ["node-b"]
    assert len(runs_of(cluster, "import-model")) <= cluster.settings.max_attempts + 1


def test_a_run_that_was_deleted_is_told_and_submitted_again() -> None:
    cluster = cluster_with("node-a")
    settle(cluster)
    cluster.delete("Workflow", "ome", only_run(cluster, "import-model"))
    settle(cluster)
    assert only_run(cluster, "import-model")
    assert "WorkflowVanished" in [event.reason for event in cluster.events]


def test_a_spec_that_cannot_be_read_names_the_field() -> None:
    cluster = cluster_with("node-a", storage={"storageUri": "hf://"})
    settle(cluster)
    ready = condition(cluster.get(*MODEL), "Ready")
    assert ready["reason"] == "InvalidSpec" and "spec.storage" in ready["message"]


def test_a_folder_of_one_machine_is_refused_before_anything_runs() -> None:
    cluster = cluster_with("node-a", storage={"storageUri": "local:///models/mine"})
    check_plan("model-local-refused", cluster.plan(plan_model, *MODEL))


def test_a_refused_source_is_imported_once_it_is_corrected() -> None:
    cluster = cluster_with("node-a", storage={"storageUri": "local:///models/mine"})
    assert settle(cluster)["state"] == "Failed"
    cluster.change(*MODEL, {"spec": {"storage": {"storageUri": "hf://HuggingFaceTB/SmolLM2-135M-Instruct"}}})
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    assert settle(cluster)["state"] == "Ready"


def test_text_that_is_no_json_is_told_and_mended() -> None:
    cluster = cluster_with("node-a", modelConfiguration="{not json")
    settle(cluster)
    ready = condition(cluster.get(*MODEL), "Ready")
    assert ready["reason"] == "InvalidSpec" and 'spec.modelConfiguration: "{not json" is not JSON' in ready["message"]
    assert not runs_of(cluster, "import-model")
    cluster.change(*MODEL, {"spec": {"modelConfiguration": '{"hidden_size": 1024}'}})
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    assert settle(cluster)["state"] == "Ready"
    assert cluster.get(*MODEL)["spec"]["modelConfiguration"] == '{"hidden_size": 1024}'


def test_a_model_with_text_that_is_no_json_can_be_deleted() -> None:
    cluster = imported("node-a")
    cluster.change(*MODEL, {"spec": {"modelConfiguration": "{not json"}})
    settle(cluster)
    cluster.delete(*MODEL)
    settle(cluster)
    evicting(cluster, only_run(cluster, "evict-model"))
    settle(cluster)
    assert cluster.find(*MODEL) is None


def test_a_hopeless_node_is_not_tried_again_however_often_another_one_is() -> None:
    cluster = cluster_with("node-a", "node-b")
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"), cached={"node-a": "disk-full", "node-b": "unsupported"})
    for _ in range(2 * cluster.settings.max_attempts):
        plan = cluster.settle(plan_model, *MODEL)
        cluster.pass_time(plan.requeue_seconds or 0)
        settle(cluster)
        run = only_run(cluster, "import-model")
        assert nodes_of(cluster, run) == ["node-a"]
        importing(cluster, run, cached={"node-a": "disk-full"})
    assert len(runs_of(cluster, "import-model")) <= cluster.settings.max_attempts + 2

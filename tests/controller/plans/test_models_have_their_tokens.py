"""The token of a model's source: found, copied for a tenant, renewed, and written nowhere."""

import json

from controller.actions import CopySecret
from controller.index import arguments_of
from controller.observed import Settings
from controller.plans import plan_model
from tests.controller.plans.argo import (
    importing,
    only_run,
    runs_of,
)
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.models import MODEL, TENANTS, settle
from tests.controller.plans.objects import URI, add_node, condition, model_body


def with_a_tenants_token() -> Cluster:
    """A tenant's model whose token was copied for its first run, and whose source nobody looks at again."""
    cluster = Cluster(Settings(revision_check_seconds=0))
    add_node(cluster, "node-a")
    cluster.add(model_body(namespace="team", storage={"storageUri": URI, "key": "hub-token"}))
    cluster.settle(plan_model, *TENANTS)
    return cluster


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
    cluster = with_a_tenants_token()
    importing(cluster, only_run(cluster, "import-model"), resolved="auth")
    for _ in range(3):
        plan = cluster.step(plan_model, *TENANTS)
    assert plan.requeue_seconds and [type(action) for action in plan.actions] == [CopySecret]
    assert len(runs_of(cluster, "import-model")) == 1
    cluster.change("Secret", "ome", cluster.copied[0].name, {"metadata": {"labels": {"renewed": "yes"}}})
    cluster.settle(plan_model, *TENANTS)
    assert len(runs_of(cluster, "import-model")) == 2  # noqa: PLR2004


def test_a_tenants_token_that_is_withdrawn_is_used_no_more() -> None:
    cluster = with_a_tenants_token()
    importing(cluster, only_run(cluster, "import-model"))
    cluster.settle(plan_model, *TENANTS)
    cluster.may_copy = False
    add_node(cluster, "node-b")
    for _ in range(4):
        cluster.step(plan_model, *TENANTS)
    assert len(runs_of(cluster, "import-model")) == 1
    assert not cluster.of_kind("Secret")
    assert condition(cluster.get(*TENANTS), "Ready")["reason"] == "SecretNotReadable"


def test_the_copy_of_a_tenants_token_goes_with_the_run_and_comes_with_the_next_one() -> None:
    cluster = with_a_tenants_token()
    assert cluster.of_kind("Secret"), "the run reads it"
    importing(cluster, only_run(cluster, "import-model"))
    plan = cluster.settle(plan_model, *TENANTS)
    assert cluster.get(*TENANTS)["status"]["state"] == "Ready"
    assert not cluster.of_kind("Secret") and plan.requeue_seconds is None
    add_node(cluster, "node-b")
    cluster.settle(plan_model, *TENANTS)
    assert cluster.of_kind("Secret")
    assert "SecretNotReadable" not in [event.reason for event in cluster.events]
    importing(cluster, only_run(cluster, "import-model"))
    cluster.settle(plan_model, *TENANTS)
    assert cluster.get(*TENANTS)["status"]["nodesReady"] == ["node-a", "node-b"]
    assert not cluster.of_kind("Secret")


def test_a_tenants_token_stays_while_another_attempt_is_to_come_and_its_attempts_are_counted() -> None:
    cluster = with_a_tenants_token()
    for _ in range(2 * cluster.settings.max_attempts):
        for name in runs_of(cluster, "import-model"):
            if "status" not in cluster.get("Workflow", "ome", name):
                importing(cluster, name, resolved="network")
        plan = cluster.settle(plan_model, *TENANTS)
        assert bool(cluster.of_kind("Secret")) == (plan.requeue_seconds is not None)
        cluster.pass_time(plan.requeue_seconds or 3600)
        cluster.settle(plan_model, *TENANTS)
    assert len(runs_of(cluster, "import-model")) == cluster.settings.max_attempts
    assert not cluster.of_kind("Secret")


def test_a_hopeless_failure_of_a_tenants_model_is_no_other_one_without_the_copy() -> None:
    cluster = with_a_tenants_token()
    importing(cluster, only_run(cluster, "import-model"), resolved="not-found")
    cluster.settle(plan_model, *TENANTS)
    assert not cluster.of_kind("Secret")
    copies = len(cluster.copied)
    cluster.pass_time(86400)
    assert cluster.plan(plan_model, *TENANTS).actions == ()
    assert condition(cluster.get(*TENANTS), "Ready")["reason"] == "NotFound"
    cluster.change(*TENANTS, {"metadata": {"annotations": {"ome.io/retry": "1"}}})
    cluster.settle(plan_model, *TENANTS)
    assert len(runs_of(cluster, "import-model")) == 2  # noqa: PLR2004
    assert len(cluster.copied) > copies


def test_a_token_that_is_named_no_more_is_not_kept() -> None:
    cluster = with_a_tenants_token()
    importing(cluster, only_run(cluster, "import-model"), resolved="auth")
    cluster.step(plan_model, *TENANTS)
    cluster.step(plan_model, *TENANTS)
    assert cluster.of_kind("Secret"), "it is asked for again"
    cluster.change(*TENANTS, {"spec": {"storage": {"key": None}}})
    cluster.step(plan_model, *TENANTS)
    importing(cluster, only_run(cluster, "import-model"), resolved="not-found")
    cluster.settle(plan_model, *TENANTS)
    assert not cluster.of_kind("Secret")


def test_a_token_that_is_named_no_more_stays_for_the_run_that_reads_it() -> None:
    cluster = with_a_tenants_token()
    cluster.change(*TENANTS, {"spec": {"storage": {"key": None}}})
    cluster.settle(plan_model, *TENANTS)
    assert cluster.of_kind("Secret")
    importing(cluster, only_run(cluster, "import-model"))
    cluster.settle(plan_model, *TENANTS)
    assert not cluster.of_kind("Secret")


def test_a_token_in_clear_works_with_a_warning_and_stays_out_of_runs_and_status() -> None:
    cluster = Cluster()
    add_node(cluster, "node-a")
    cluster.add(model_body(storage={"storageUri": URI, "parameters": {"token": "hf_clear"}}))
    settle(cluster)
    assert condition(cluster.get(*MODEL), "SecretInClear")["status"] == "True"
    assert "hf_clear" not in json.dumps(cluster.of_kind("Workflow"))
    assert "hf_clear" not in json.dumps(cluster.get(*MODEL)["status"])
    assert len(cluster.of_kind("Secret")) == 1

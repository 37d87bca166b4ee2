"""A service from its first plan on: what is selected and deployed, when that is done again, and whose runs count."""

import json
from typing import Any

import pytest

from controller.index import arguments_of
from controller.plans import plan_model, plan_service
from tests.controller.plans.argo import only_run, runs_of, submitted_by_a_person, write
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.golden import check_plan
from tests.controller.plans.objects import add_node, condition, model_body
from tests.controller.plans.services import (
    AVAILABLE,
    ENDPOINT,
    MODEL,
    SERVICE,
    add_deployment,
    add_ready_model,
    add_runtime,
    deploy,
    deploying,
    see_it_adopted,
    service_body,
    serving,
    settle,
    settle_plan,
)


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
    cluster = deploying()
    deploy(cluster, only_run(cluster, "deploy-model"), "Running")
    check_plan("service-deploying", cluster.plan(plan_service, *SERVICE))


def test_pods_before_are_told_of_only_where_there_were_some() -> None:
    cluster = deploying()
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, only_run(cluster, "deploy-model"), "Running")
    settle(cluster)
    assert condition(cluster.get(*SERVICE), "Ready")["message"].startswith("Every component is available while run")
    cluster = serving()
    cluster.change(*SERVICE, {"metadata": {"annotations": {"ome.io/reselect": "now"}}})
    settle_plan(cluster)
    assert condition(cluster.get(*SERVICE), "Ready")["message"].startswith("The pods before answer while run")


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


def test_a_service_answers_with_its_pods_while_a_new_revision_of_its_model_is_fetched() -> None:
    cluster = serving()
    words = {"type": "Ready", "status": "False", "reason": "Importing", "message": "0 of 1 nodes."}
    artifact = {"digest": "sha256:" + "cd" * 32, "revision": "feedbeef" + "0" * 32}
    cluster.change(*MODEL, {"status": {"artifact": artifact, "conditions": [words]}})
    settle(cluster)
    ready = condition(cluster.get(*SERVICE), "Ready")
    assert (ready["status"], ready["reason"]) == ("Unknown", "ModelNotReady")
    assert "smollm2 at revision feedbeef0000 is being fetched" in ready["message"]
    assert "0 of 1 nodes." in condition(cluster.get(*SERVICE), "ModelReady")["message"]
    cluster.change("Deployment", "team", "chat-engine", {"status": {"conditions": None}})
    settle(cluster)
    assert condition(cluster.get(*SERVICE), "Ready")["status"] == "False"
    assert len(runs_of(cluster, "deploy-model")) == 1
    cluster.change(*MODEL, {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 2


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
    see_it_adopted(cluster, "deploy-abc")


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
    cluster = deploying()
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


def test_a_service_that_becomes_virtual_ends_its_run_and_names_what_is_left_of_it() -> None:
    cluster = deploying()
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, only_run(cluster, "deploy-model"), "Running")
    settle(cluster)
    cluster.change(*SERVICE, {"metadata": {"annotations": {"ome.io/deploymentMode": "VirtualDeployment"}}})
    settle(cluster)
    assert not runs_of(cluster, "deploy-model")
    ready = condition(cluster.get(*SERVICE), "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "VirtualDeployment")
    assert "chat-engine. To remove them: kubectl delete deployments," in ready["message"]
    assert ready["message"].endswith("-n team -l ome.io/inferenceservice=chat")
    cluster.delete("Deployment", "team", "chat-engine")
    settle(cluster)
    assert "kubectl" not in condition(cluster.get(*SERVICE), "Ready")["message"]


def test_a_service_that_answers_stays_ready_when_its_runs_are_cleared_away() -> None:
    cluster = serving()
    for name in runs_of(cluster, "deploy-model"):
        cluster.delete("Workflow", "ome", name)
    assert cluster.plan(plan_service, *SERVICE).actions == ()


def test_what_has_no_effect_is_told_and_outlives_its_run() -> None:
    cluster = deploying()
    add_deployment(cluster, AVAILABLE)
    warnings = ("spec.engine.foo: has no effect on a Deployment", "spec.engine: will not scale")
    deploy(cluster, only_run(cluster, "deploy-model"), warnings=json.dumps(warnings))
    settle(cluster)
    told = condition(cluster.get(*SERVICE), "Deployed")
    assert told["status"] == "True"
    assert all(f"{warning}." in told["message"] for warning in warnings)
    assert condition(cluster.get(*SERVICE), "Ready")["status"] == "True"
    cluster.pass_time(60)
    for name in runs_of(cluster, "deploy-model"):
        cluster.delete("Workflow", "ome", name)
    assert cluster.plan(plan_service, *SERVICE).actions == ()


def test_a_warning_goes_with_what_it_warned_of() -> None:
    cluster = deploying()
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, only_run(cluster, "deploy-model"), warnings='["spec.engine.foo: has no effect"]')
    settle(cluster)
    cluster.pass_time(60)
    cluster.change(*SERVICE, {"spec": {"engine": {"minReplicas": 2}}})
    settle(cluster)
    deploy(cluster, only_run(cluster, "deploy-model"))
    settle(cluster)
    assert "no effect" not in condition(cluster.get(*SERVICE), "Deployed")["message"]
    assert "ome.io/warnings" not in cluster.get(*SERVICE)["status"]["annotations"]


@pytest.mark.parametrize("text", ["", "{", "7", '"no"'])
def test_a_run_of_an_older_template_warns_of_nothing(text: str) -> None:
    cluster = deploying()
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, only_run(cluster, "deploy-model"), warnings=text)
    settle(cluster)
    assert condition(cluster.get(*SERVICE), "Deployed")["message"] == "Just this is deployed, and has answered."

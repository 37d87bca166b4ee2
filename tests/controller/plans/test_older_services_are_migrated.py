"""A service of OME's older form is brought into the newer one first, and from there goes the way of every service."""

from typing import Any

from controller.actions import EmitEvent, PatchObject
from controller.plans import plan_service
from tests.controller.plans.argo import only_run
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.objects import condition
from tests.controller.plans.services import SERVICE, add_ready_model, add_runtime, service_body, settle


def older(**predictor: Any) -> dict[str, Any]:
    """A service in the form of old."""
    body = service_body()
    body["spec"] = {"predictor": predictor}
    return body


def test_it_is_patched_and_then_deployed_like_any_other() -> None:
    cluster = Cluster()
    add_runtime(cluster)
    add_ready_model(cluster)
    cluster.add(older(minReplicas=1, model={"baseModel": "smollm2", "protocolVersion": "openAI"}))
    patch, event = cluster.plan(plan_service, *SERVICE).actions
    assert isinstance(patch, PatchObject) and isinstance(event, EmitEvent)
    assert patch.patch["spec"]["predictor"] is None and patch.resource_version
    assert event.reason == "Migrated" and "model.protocolVersion" in event.message
    settle(cluster)
    assert cluster.get(*SERVICE)["spec"] == {"model": {"name": "smollm2"}, "engine": {"minReplicas": 1}}
    assert only_run(cluster, "deploy-model")


def test_what_the_newer_fields_say_is_not_written_again() -> None:
    cluster = Cluster()
    body = older(minReplicas=3, model={"baseModel": "other"})
    body["spec"] |= {"model": {"name": "smollm2"}, "engine": {"maxReplicas": 4}}
    cluster.add(body)
    settle(cluster)
    assert cluster.get(*SERVICE)["spec"] == {
        "model": {"name": "smollm2"}, "engine": {"minReplicas": 3, "maxReplicas": 4},
    }  # fmt: skip


def test_one_that_says_too_little_is_left_and_waits() -> None:
    cluster = Cluster()
    cluster.add(older(minReplicas=1))
    settle(cluster)
    assert cluster.get(*SERVICE)["spec"] == {"predictor": {"minReplicas": 1}}
    assert condition(cluster.get(*SERVICE), "Ready")["reason"] == "NoModel"


def test_one_that_is_being_deleted_is_not_changed() -> None:
    cluster = Cluster()
    body = older(model={"baseModel": "smollm2"})
    body["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x/y"]}
    cluster.add(body)
    actions = cluster.plan(plan_service, *SERVICE).actions
    assert not any(isinstance(each, PatchObject) and "spec" in each.patch for each in actions)

"""A model that is only wanted where it fits: looked at before it is fetched, refused, and fetched once it fits."""

from typing import Any

import pytest

from controller.index import arguments_of
from controller.plans import plan_model, plan_service
from tests.controller.plans.argo import importing, only_run, runs_of, step, told, write
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.golden import check_plan
from tests.controller.plans.models import MODEL, TENANTS
from tests.controller.plans.objects import add_node, condition, model_body
from tests.controller.plans.services import SERVICE, add_runtime, service_body

ENFORCE = {"ome.io/fit": "enforce"}
CPU = ("AcceleratorClass", "", "cpu")


def add_service(
    cluster: Cluster, name: str = "chat", *, annotations: dict[str, str] | None = None, **spec: Any
) -> None:
    body = service_body(**spec)
    body["metadata"] |= {"name": name, "annotations": ENFORCE if annotations is None else annotations}
    cluster.add(body)


def cluster_with_classes() -> Cluster:
    cluster = Cluster()
    add_node(cluster, "node-a")
    add_runtime(cluster)
    cluster.add({"kind": "AcceleratorClass", "metadata": {"name": "cpu"}, "spec": {}, "status": {"nodes": ["node-a"]}})
    return cluster


def with_service(**spec: Any) -> Cluster:
    """A model, and before it a service that enforces that it fits."""
    cluster = cluster_with_classes()
    add_service(cluster, **spec)
    cluster.add(model_body())
    return cluster


def settle(cluster: Cluster) -> None:
    cluster.settle(plan_model, *MODEL)
    for service in cluster.of_kind("InferenceService"):
        cluster.settle(plan_service, "InferenceService", "team", service["metadata"]["name"])


def look(cluster: Cluster, code: str = "") -> None:
    """The run that looks whether it fits ends: well, or with a failure of its selection."""
    run = only_run(cluster, "check-fit")
    message = told(code, "needs 900 of 8 GiB")
    chosen = step("select", "Failed" if code else "Succeeded", message=message if code else "", order=3)
    write(cluster, run, "Failed" if code else "Succeeded", step("resolve", order=1) | step("parse", order=2) | chosen)
    settle(cluster)


def refused(**spec: Any) -> Cluster:
    cluster = with_service(**spec)
    settle(cluster)
    look(cluster, "does-not-fit")
    return cluster


def asked(cluster: Cluster) -> dict[str, str]:
    found = arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "check-fit")))
    return {key: value for key, value in found.items() if key not in ("uri", "name")}


def test_it_is_looked_at_before_it_is_fetched() -> None:
    cluster = with_service()
    check_plan("model-checks-fit", cluster.plan(plan_model, *MODEL))
    settle(cluster)
    assert not runs_of(cluster, "import-model")
    ready = condition(cluster.get(*MODEL), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "CheckingFit")
    look(cluster)
    assert len(runs_of(cluster, "import-model")) == 1


def test_what_does_not_fit_is_refused_and_nothing_of_it_is_fetched() -> None:
    cluster = refused()
    assert not runs_of(cluster, "import-model")
    ready, status = condition(cluster.get(*MODEL), "Ready"), cluster.get(*MODEL)["status"]
    assert (ready["reason"], status["state"]) == ("DoesNotFit", "Failed")
    assert ready["message"].startswith("Nothing is fetched. needs 900 of 8 GiB.")
    assert "looked at again when the runtimes" in ready["message"]
    for name in ("ModelReady", "RuntimeSelected", "Ready"):
        found = condition(cluster.get(*SERVICE), name)
        assert (found["status"], found["reason"]) == ("False", "DoesNotFit"), name
        assert "needs 900 of 8 GiB" in found["message"]
    told_of = {(event.regarding["kind"], event.type) for event in cluster.events if event.reason == "DoesNotFit"}
    assert told_of == {("ClusterBaseModel", "Warning"), ("InferenceService", "Warning")}
    cluster.pass_time(10_000)
    assert cluster.plan(plan_model, *MODEL).actions == ()


def test_it_is_looked_at_again_when_what_it_was_chosen_from_changes() -> None:
    cluster = refused()
    cluster.pass_time(600)
    add_runtime(cluster, "vllm")
    settle(cluster)
    look(cluster, "does-not-fit")
    assert len(runs_of(cluster, "check-fit")) == 2
    cluster.pass_time(600)
    cluster.change(*CPU, {"status": {"nodes": ["node-a", "node-b"]}})
    settle(cluster)
    look(cluster)
    assert len(runs_of(cluster, "import-model")) == 1


def test_nodes_that_come_and_go_make_no_stream_of_runs() -> None:
    cluster = refused()
    cluster.change(*CPU, {"status": {"nodes": []}})
    plan = cluster.settle(plan_model, *MODEL)
    assert len(runs_of(cluster, "check-fit")) == 1
    wait = plan.requeue_seconds or 0.0
    assert wait > 0
    cluster.pass_time(wait)
    settle(cluster)
    look(cluster, "does-not-fit")
    cluster.change(*CPU, {"status": {"nodes": ["node-a"]}})
    assert cluster.settle(plan_model, *MODEL).requeue_seconds is None, "that was refused already"
    cluster.change(*CPU, {"status": {"nodes": ["node-b"]}})
    assert (cluster.settle(plan_model, *MODEL).requeue_seconds or 0.0) > wait


def test_an_import_that_began_before_somebody_asked_is_stopped_until_it_comes_to_the_weights() -> None:
    for cached, are_left in ((None, 0), ({"node-a": "Running"}, 1)):
        cluster = cluster_with_classes()
        cluster.add(model_body())
        settle(cluster)
        run = only_run(cluster, "import-model")
        if cached is None:
            write(cluster, run, "Running", step("resolve", "Running", order=1))
        else:
            importing(cluster, run, cached=cached, is_over=False)
        settle(cluster)
        add_service(cluster)
        settle(cluster)
        assert len(runs_of(cluster, "import-model")) == are_left
        assert len(runs_of(cluster, "check-fit")) == 1 - are_left
        if not are_left:
            assert "workflow" not in cluster.get(*MODEL)["status"]
            look(cluster)
            assert len(runs_of(cluster, "import-model")) == 1
            assert "WorkflowVanished" not in {event.reason for event in cluster.events}


def test_what_nodes_have_is_not_asked_about() -> None:
    cluster = cluster_with_classes()
    cluster.add(model_body())
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    settle(cluster)
    add_service(cluster)
    settle(cluster)
    assert not runs_of(cluster, "check-fit")
    assert only_run(cluster, "deploy-model")


@pytest.mark.parametrize("other", [{}, {"ome.io/fit": "warn"}, {"ome.io/fit": "off"}])
def test_a_service_that_takes_it_as_it_is_has_it_fetched(other: dict[str, str]) -> None:
    cluster = refused()
    add_service(cluster, "second", annotations=other)
    settle(cluster)
    assert len(runs_of(cluster, "import-model")) == 1


def test_it_has_to_meet_what_the_services_ask_and_of_several_what_all_ask() -> None:
    override = {"acceleratorOverride": {"constraints": {"minMemory": 40}}}
    cluster = with_service(runtime={"name": "vllm"}, engine=override)
    settle(cluster)
    assert asked(cluster) == {"namespace": "team", "runtime": "vllm", "constraints": '[{"minMemory":40}]'}
    add_service(cluster, "second", runtime={"name": "sglang"}, engine=override)
    settle(cluster)
    assert asked(cluster) == {"namespace": "team", "constraints": '[{"minMemory":40}]'}


def test_a_model_may_ask_itself_and_says_for_itself_that_nobody_is_to_ask() -> None:
    for policy, is_looked_at in (("enforce", True), ("warn", False), ("off", False)):
        cluster = with_service()
        cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/fit": policy}}})
        settle(cluster)
        assert len(runs_of(cluster, "check-fit")) == is_looked_at
        assert len(runs_of(cluster, "import-model")) == (not is_looked_at)
        assert not is_looked_at or asked(cluster) == {}


def test_a_word_that_is_not_known_is_refused_with_those_that_are() -> None:
    cluster = cluster_with_classes()
    body = model_body()
    body["metadata"]["annotations"] = {"ome.io/fit": "enforced"}
    cluster.add(body)
    settle(cluster)
    ready = condition(cluster.get(*MODEL), "Ready")
    assert ready["reason"] == "InvalidSpec"
    words = 'metadata.annotations["ome.io/fit"]: "enforced" is not known; accepted: enforce, warn, off'
    assert ready["message"].startswith(words)
    assert not runs_of(cluster, "import-model")


def test_a_failure_that_another_attempt_may_mend_is_tried_again() -> None:
    cluster = with_service()
    settle(cluster)
    write(cluster, only_run(cluster, "check-fit"), "Failed", step("resolve", "Failed", message=told("network")))
    settle(cluster)
    assert condition(cluster.get(*MODEL), "Ready")["reason"] == "NetworkFailed"
    cluster.pass_time(30)
    settle(cluster)
    look(cluster)
    assert len(runs_of(cluster, "import-model")) == 1


def test_a_tenants_model_of_that_name_is_the_one_that_is_looked_at_and_takes_its_runs_along() -> None:
    cluster = with_service()
    cluster.add(model_body(namespace="team"))
    settle(cluster)
    cluster.settle(plan_model, *TENANTS)
    assert asked(cluster) == {"namespace": "team"}
    assert len(runs_of(cluster, "import-model")) == 1, "nobody asks about the cluster's model"
    cluster.delete(*TENANTS)
    cluster.settle(plan_model, *TENANTS)
    assert cluster.find(*TENANTS) is None and not runs_of(cluster, "check-fit")

"""What a service asks of the hardware reaches the run that selects, and only runs that looked for it are adopted."""

import json
from typing import Any

import pytest

from controller.index import arguments_of
from controller.plans import plan_service
from tests.controller.plans.argo import only_run, runs_of, submitted_by_a_person
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.golden import check_plan
from tests.controller.plans.objects import condition
from tests.controller.plans.services import (
    AVAILABLE,
    MODEL,
    SERVICE,
    add_deployment,
    add_ready_model,
    add_runtime,
    deploy,
    see_it_adopted,
    service_body,
    serving,
    settle,
    settle_plan,
)

TOLERATION = {"key": "dedicated", "value": "llm", "effect": "NoSchedule"}
ASKING: dict[str, Any] = {
    "engine": {"tolerations": [TOLERATION], "acceleratorOverride": {"constraints": {"minMemory": 40}}},
    "acceleratorSelector": {"policy": "Cheapest", "constraints": {"requiredFeatures": ["nvlink"]}},
}
LOOKED_FOR = {
    "constraints": '[{"requiredFeatures": ["nvlink"]}, {"minMemory": 40}]',
    "policy": "Cheapest",
    "tolerations": json.dumps([TOLERATION]),
}


def with_service(annotations: dict[str, str] | None = None, **spec: Any) -> Cluster:
    cluster = Cluster()
    add_ready_model(cluster)
    add_runtime(cluster)
    body = service_body(**spec)
    body["metadata"]["annotations"] = annotations or {}
    cluster.add(body)
    return cluster


def submitted(cluster: Cluster) -> dict[str, str]:
    return dict(arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "deploy-model"))))


def test_all_that_a_service_asks_of_the_hardware_is_submitted() -> None:
    cluster = with_service(**ASKING)
    check_plan("service-asks-for-hardware", cluster.plan(plan_service, *SERVICE))


def test_the_class_of_the_engine_is_submitted_whatever_else_names_one() -> None:
    engine = {"acceleratorOverride": {"acceleratorClass": "h100"}}
    selector = {"acceleratorClass": "a100"}
    cluster = with_service({"ome.io/accelerator-class": "t4"}, engine=engine, acceleratorSelector=selector)
    settle_plan(cluster)
    assert submitted(cluster)["accelerator"] == "h100"
    cluster = with_service({"ome.io/accelerator-class": "t4"}, acceleratorSelector=selector)
    settle_plan(cluster)
    assert submitted(cluster)["accelerator"] == "a100"


def test_a_pinned_selection_still_says_what_its_nodes_must_tolerate() -> None:
    cluster = with_service(**ASKING)
    settle_plan(cluster)
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, only_run(cluster, "deploy-model"))
    settle(cluster)
    cluster.pass_time(60)
    cluster.change(*MODEL, {"status": {"artifact": {"digest": "sha256:" + "cd" * 32}}})
    settle_plan(cluster)
    found = submitted(cluster)
    assert (found["runtime"], found["accelerator"]) == ("llama-server", "cpu")
    assert json.loads(found["tolerations"]) == [TOLERATION]
    assert json.loads(found["constraints"]) == json.loads(LOOKED_FOR["constraints"])


def test_changed_constraints_are_another_attempt() -> None:
    cluster = serving()
    cluster.change(*SERVICE, {"spec": {"acceleratorSelector": {"constraints": {"minMemory": 40}}}})
    settle_plan(cluster)
    assert "runtime" not in submitted(cluster)
    assert json.loads(submitted(cluster)["constraints"]) == [{"minMemory": 40}]


def by_a_person(cluster: Cluster, arguments: dict[str, str]) -> None:
    given = {"model": "smollm2", "service": "chat", "namespace": "team", **arguments}
    defaults = {"runtime": "", "accelerator": "", "constraints": "[]", "policy": "", "tolerations": ""}
    submitted_by_a_person(cluster, "deploy-model", "deploy-abc", given, {**defaults, "spec_digest": ""})


@pytest.mark.parametrize(
    ("spec", "arguments"),
    [
        ({}, {}),
        ({}, {"policy": "Cheapest", "constraints": '{"minMemory": 8}', "accelerator": "cpu"}),
        (ASKING, LOOKED_FOR),
        ({"acceleratorSelector": {"constraints": {"minMemory": 8}}}, {"constraints": '{"minMemory": 8}'}),
    ],
)
def test_a_run_of_a_person_that_looked_for_what_the_service_asks_is_adopted(
    spec: dict[str, Any], arguments: dict[str, str]
) -> None:
    cluster = with_service(**spec)
    by_a_person(cluster, arguments)
    see_it_adopted(cluster, "deploy-abc")


@pytest.mark.parametrize("missing", LOOKED_FOR)
def test_a_run_of_a_person_that_looked_for_less_is_not_the_services(missing: str) -> None:
    cluster = with_service(**ASKING)
    by_a_person(cluster, {key: value for key, value in LOOKED_FOR.items() if key != missing})
    settle(cluster)
    assert runs_of(cluster, "deploy-model") == ["deploy-abc"]
    deploy(cluster, "deploy-abc", "Failed", code="does-not-fit", task="select")
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 2
    assert condition(cluster.get(*SERVICE), "Ready")["reason"] != "DoesNotFit"


def test_a_run_that_has_deployed_the_class_asked_for_is_adopted_though_nobody_named_it() -> None:
    cluster = with_service(engine={"tolerations": [TOLERATION], "acceleratorOverride": {"acceleratorClass": "cpu"}})
    by_a_person(cluster, {})
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, "deploy-abc")
    settle(cluster)
    assert runs_of(cluster, "deploy-model") == ["deploy-abc"]

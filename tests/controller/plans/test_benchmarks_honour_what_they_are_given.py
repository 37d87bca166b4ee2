"""Request parameters, labels of the server and changes of the pod reach the run; what does not is said."""

import json
from typing import Any

import pytest

from controller.index import arguments_of
from controller.plans import plan_benchmark
from tests.controller.plans.argo import only_run, runs_of, submitted_by_a_person
from tests.controller.plans.benchmarks import JOB, cluster_with, finish, settle
from tests.controller.plans.objects import condition
from tests.controller.plans.reports import report

LABEL = "models.ome.io/clusterbasemodel.smollm2"
FORM = {"task": "text-to-text", "max_error_rate": "0.01", "request_parameters": "{}", "server": "", "pod": ""}


def arguments(**spec: Any) -> dict[str, str]:
    cluster = cluster_with(**spec)
    settle(cluster)
    return dict(arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "benchmark-endpoint"))))


def test_a_run_gets_request_parameters_and_labels_of_the_server() -> None:
    server = {"engine": "vLLM", "version": "0.11", "gpuType": "H100", "gpuCount": 8}
    found = arguments(additionalRequestParams={"temperature": "0.7"}, serviceMetadata=server)
    assert json.loads(found["request_parameters"]) == {"temperature": "0.7"}
    assert json.loads(found["server"]) == server


def test_other_request_parameters_are_another_measurement() -> None:
    cluster = cluster_with()
    settle(cluster)
    finish(cluster, only_run(cluster, "benchmark-endpoint"), report())
    settle(cluster)
    cluster.change(*JOB, {"spec": {"additionalRequestParams": {"temperature": "0.7"}}})
    settle(cluster)
    assert len(runs_of(cluster, "benchmark-endpoint")) == 2


def test_another_engine_is_another_measurement_and_another_version_of_it_is_none() -> None:
    server = {"engine": "TGI", "version": "3", "gpuType": "H100", "gpuCount": 8}
    cluster = cluster_with(serviceMetadata=server)
    for change, is_other in (
        ({}, True),
        ({"version": "4"}, False),
        ({"engine": "vLLM"}, True),
        ({"engine": "LlamaCPP"}, True),
    ):
        before = len(runs_of(cluster, "benchmark-endpoint"))
        cluster.change(*JOB, {"spec": {"serviceMetadata": change}})
        settle(cluster)
        assert len(runs_of(cluster, "benchmark-endpoint")) == before + is_other, change
        if is_other:
            finish(cluster, only_run(cluster, "benchmark-endpoint"), report())
            settle(cluster)


def test_a_parameter_that_the_load_generator_counts_by_is_refused_before_a_run() -> None:
    cluster = cluster_with(additionalRequestParams={"max_tokens": "5"})
    assert settle(cluster)["state"] == "Failed" and not cluster.of_kind("Workflow")
    told = condition(cluster.get(*JOB), "Completed")
    assert told["reason"] == "InvalidSpec" and 'spec.additionalRequestParams: "max_tokens"' in told["message"]
    assert "Leave it out" in told["message"]


def test_the_pod_runs_where_and_with_what_it_is_told_and_still_where_the_model_is() -> None:
    tolerations = [{"key": "team", "operator": "Exists"}]
    resources = {"requests": {"cpu": "4"}}
    override = {"nodeSelector": {"zone": "a"}, "tolerations": tolerations, "resources": resources}
    pod = json.loads(arguments(podOverride=override)["pod"])
    assert pod["nodeSelector"] == {"zone": "a", LABEL: "Ready"}
    assert (pod["resources"], pod["affinity"]) == (resources, {})
    assert {one["key"] for one in pod["tolerations"]} == {"nvidia.com/gpu", "amd.com/gpu", "habana.ai/gaudi", "team"}
    assert json.loads(arguments(podOverride={"resources": resources})["pod"])["nodeSelector"] == {LABEL: "Ready"}
    assert "pod" not in arguments()


def test_no_image_variable_or_volume_of_a_person_gets_into_the_system_namespace() -> None:
    override = {
        "image": "mine", "env": [{"name": "A", "value": "b"}], "envFrom": [{"secretRef": {"name": "s"}}],
        "volumes": [{"name": "v", "secret": {"secretName": "s"}}], "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    }  # fmt: skip
    cluster = cluster_with(podOverride=override)
    settle(cluster)
    assert "pod" not in arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "benchmark-endpoint")))
    told = condition(cluster.get(*JOB), "FieldsHonoured")["message"]
    assert all(f"spec.podOverride.{name}" in told for name in override)


def test_what_is_honoured_is_not_told_as_ignored() -> None:
    server = {"engine": "vLLM", "version": "0.11", "gpuType": "H100", "gpuCount": 8}
    pod = {"nodeSelector": {"zone": "a"}}
    cluster = cluster_with(additionalRequestParams={"top_p": "1"}, serviceMetadata=server, podOverride=pod)
    settle(cluster)
    told = condition(cluster.get(*JOB), "FieldsHonoured")["message"]
    assert "outputLocation" in told
    assert not any(name in told for name in ("additionalRequestParams", "serviceMetadata", "podOverride"))


@pytest.mark.parametrize(
    ("endpoint", "more", "is_same"),
    [
        ({"url": "http://chat.team", "modelName": "smollm2"}, {}, True),
        ({"url": "HTTP://Chat.team:80/v1/", "model_name": "smollm2", "apiFormat": "openai", "engine": "x"}, {}, True),
        ({"url": "http://chat.team:81", "modelName": "smollm2"}, {}, False),
        ({"url": "https://chat.team", "modelName": "smollm2"}, {}, False),
        ({"url": "http://chat.team/Path", "modelName": "smollm2"}, {}, False),
        ({"url": "http://chat.team", "modelName": "other"}, {}, False),
        ({"url": "http://[::1", "modelName": "smollm2"}, {}, False),
        ({"url": "http://chat.team", "modelName": "smollm2"}, {"scenarios": "[" * 100_000}, False),
        ({"url": "http://chat.team", "modelName": "smollm2"}, {"request_parameters": '{"top_p": 1}'}, False),
        ({"url": "http://chat.team", "modelName": "smollm2"}, {"pod": '{"affinity": {}}'}, True),
    ],
)
def test_a_run_of_a_person_is_adopted_when_it_measures_the_same_endpoint(
    endpoint: dict[str, str], more: dict[str, str], is_same: bool
) -> None:
    cluster = cluster_with()
    given = {
        "name": "speed", "namespace": "team", "model": "smollm2", "max_requests": "400", "max_minutes": "5",
        "endpoint": json.dumps(endpoint), "scenarios": '["D(64,16)"]', "concurrency": "[1]", **more,
    }  # fmt: skip
    submitted_by_a_person(cluster, "benchmark-endpoint", "speed-abc", given, FORM)
    settle(cluster)
    assert (runs_of(cluster, "benchmark-endpoint") == ["speed-abc"]) == is_same
    assert cluster.plan(plan_benchmark, *JOB).actions == ()

"""Resources of one name in two namespaces: each has its own runs, and neither touches the other's."""

from typing import Any

from controller.plans import plan_benchmark, plan_service
from tests.controller.plans import benchmarks
from tests.controller.plans.argo import only_run, runs_of
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.services import add_ready_model, add_runtime, service_body

OTHER = "staging"


def in_other_namespace(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "namespace": OTHER}}


def test_two_services_that_are_alike_are_both_deployed() -> None:
    cluster = Cluster()
    add_ready_model(cluster)
    add_runtime(cluster)
    for body in (service_body(), in_other_namespace(service_body())):
        cluster.add(body)
        cluster.settle(plan_service, "InferenceService", body["metadata"]["namespace"], "chat")
    namespaces = [
        parameter["value"]
        for name in runs_of(cluster, "deploy-model")
        for parameter in cluster.get("Workflow", "ome", name)["spec"]["arguments"]["parameters"]
        if parameter["name"] == "namespace"
    ]
    assert sorted(namespaces) == [OTHER, "team"]


def test_a_benchmark_of_a_service_in_another_namespace_is_not_its_namesakes_there() -> None:
    cluster = benchmarks.cluster_with(
        endpoint={"endpoint": None, "inferenceService": {"name": "chat", "namespace": OTHER}}
    )
    cluster.add(
        {
            "kind": "InferenceService",
            "metadata": {"name": "chat", "namespace": OTHER},
            "spec": {"model": {"name": "smollm2"}},
            "status": {"url": "http://chat.staging", "conditions": [{"type": "Ready", "status": "True"}]},
        }
    )
    benchmarks.settle(cluster)
    run = only_run(cluster, "benchmark-endpoint")
    job = cluster.get(*benchmarks.JOB)
    cluster.add({"kind": "BenchmarkJob", "metadata": {"name": "speed", "namespace": OTHER}, "spec": job["spec"]})
    cluster.settle(plan_benchmark, "BenchmarkJob", OTHER, "speed")
    assert run in runs_of(cluster, "benchmark-endpoint") and len(runs_of(cluster, "benchmark-endpoint")) == 2
    assert cluster.plan(plan_benchmark, *benchmarks.JOB).actions == ()

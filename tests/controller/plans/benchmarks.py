"""A benchmark in memory, as the tests of its plans start from it: fired by hand, and finished with numbers."""

from typing import Any

from controller.plans import plan_benchmark
from steps.benchmark.results import BenchmarkReport
from tests.controller.plans.argo import step, told, write
from tests.controller.plans.cluster import Cluster, merged

JOB = ("BenchmarkJob", "team", "speed")
CRON = "benchmark-speed-a8fd0a80"
MODEL = ("ClusterBaseModel", "", "smollm2")


def model_that_is_ready() -> dict[str, Any]:
    """The model behind the endpoint, on a node, from where its tokenizer is read."""
    status = {"conditions": [{"type": "Ready", "status": "True"}], "nodesReady": ["node-a"]}
    return {"kind": "ClusterBaseModel", "metadata": {"name": "smollm2"}, "spec": {}, "status": status}


def benchmark_spec(model: str) -> dict[str, Any]:
    """A short measurement of an endpoint."""
    return {
        "endpoint": {"endpoint": {"url": "http://chat.team", "apiFormat": "openai", "modelName": model}},
        "task": "text-to-text",
        "trafficScenarios": ["D(64,16)"],
        "numConcurrency": [1],
        "maxTimePerIteration": 5,
        "maxRequestsPerIteration": 400,
        "outputLocation": {"storageUri": "pvc://claim/results"},
    }


def cluster_with(**spec: Any) -> Cluster:
    cluster = Cluster()
    cluster.add(model_that_is_ready())
    body = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "BenchmarkJob",
        "metadata": {"name": "speed", "namespace": "team"},
        "spec": benchmark_spec("smollm2"),
    }
    cluster.add(merged(body, {"spec": spec}))
    return cluster


def settle(cluster: Cluster) -> dict[str, Any]:
    cluster.settle(plan_benchmark, *JOB)
    found: dict[str, Any] = cluster.get(*JOB)["status"]
    return found


def finish(cluster: Cluster, run: str, found: BenchmarkReport) -> None:
    outputs = {"report": found.model_dump_json(by_alias=True), "report_folder": f"configmap/{run}"}
    write(cluster, run, "Succeeded", step("benchmark", outputs=outputs), outputs=outputs)


def fail(cluster: Cluster, run: str) -> None:
    write(cluster, run, "Failed", step("benchmark", "Failed", message=told("network")))


def fire(cluster: Cluster, name: str) -> None:
    """What Argo's cron controller does: a run from the CronWorkflow as it stands."""
    cron = cluster.get("CronWorkflow", "ome", CRON)
    metadata = {"name": name, "namespace": "ome", **cron["spec"]["workflowMetadata"]}
    cluster.add({"kind": "Workflow", "metadata": metadata, "spec": cron["spec"]["workflowSpec"]})
    write(cluster, name, "Running", step("benchmark", "Running", progress="10/400"))

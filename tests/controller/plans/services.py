"""A service in memory, as the tests of its plans start from it: a model, a runtime, pods, and runs that deploy it."""

import json
from typing import Any

from controller.plans import plan_model, plan_service
from steps.serving.cluster.spec_digest import service_spec_digest
from tests.controller.plans.argo import importing, only_run, runs_of, step, told, write
from tests.controller.plans.cluster import Cluster, merged
from tests.controller.plans.objects import add_node, condition, model_body

SERVICE = ("InferenceService", "team", "chat")
MODEL = ("ClusterBaseModel", "", "smollm2")
ENDPOINT = {"url": "http://chat.team.svc:8080", "modelName": "smollm2", "service": "chat", "namespace": "team"}
CHOICE = {"runtime": "llama-server", "accelerator": "cpu", "reasons": ["the only one that fits"]}
TEMPLATE = {"ome.io/template-digest": "0a1b2c3d4e"}
AVAILABLE = {
    "observedGeneration": 1,
    "availableReplicas": 1,
    "updatedReplicas": 1,
    "conditions": [{"type": "Available", "status": "True"}],
}


def service_body(**spec: Any) -> dict[str, Any]:
    body = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "chat", "namespace": "team"},
        "spec": {"model": {"name": "smollm2"}, "engine": {"minReplicas": 1}},
    }
    found: dict[str, Any] = merged(body, {"spec": spec})
    return found


def add_ready_model(cluster: Cluster) -> None:
    add_node(cluster, "node-a")
    cluster.add(model_body())
    cluster.settle(plan_model, *MODEL)
    importing(cluster, only_run(cluster, "import-model"))
    cluster.settle(plan_model, *MODEL)


def add_runtime(cluster: Cluster, name: str = "llama-server") -> None:
    cluster.add({"kind": "ClusterServingRuntime", "metadata": {"name": name}, "spec": {"engineConfig": {"a": 1}}})


def add_deployment(cluster: Cluster, status: dict[str, Any] | None = None, component: str = "engine") -> None:
    labels = {"ome.io/inferenceservice": "chat", "component": component}
    cluster.add(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"chat-{component}", "namespace": "team", "labels": labels},
            "spec": {
                "replicas": 1,
                "template": {"metadata": {"annotations": {"ome.io/template-digest": "0a1b2c3d4e"}}},
            },
            "status": status or {},
        }
    )


def add_pod(cluster: Cluster, status: dict[str, Any]) -> None:
    metadata = {
        "name": "chat-engine-x",
        "namespace": "team",
        "labels": {"ome.io/inferenceservice": "chat", "component": "engine"},
        "annotations": TEMPLATE,
    }
    cluster.add({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": status})


def settle(cluster: Cluster) -> dict[str, Any]:
    cluster.settle(plan_service, *SERVICE)
    found: dict[str, Any] = cluster.get(*SERVICE)["status"]
    return found


def deploy(
    cluster: Cluster,
    run: str,
    phase: str = "Succeeded",
    *,
    code: str = "cluster",
    task: str = "deploy",
    warnings: str = "[]",
) -> None:
    """The run goes on, has succeeded, or has failed in a task."""
    choice = {"choice": json.dumps(CHOICE)}
    if task == "select" and phase == "Failed":
        write(cluster, run, phase, step("select", "Failed", message=told(code)))
        return
    nodes = step("select", outputs=choice)
    if phase == "Failed":
        write(cluster, run, phase, nodes | step(task, "Failed", message=told(code), order=1))
        return
    outputs: dict[str, str] = {}
    if phase == "Succeeded":
        found = cluster.get(*SERVICE)
        digest = service_spec_digest(found, cluster.get(*MODEL))
        outputs = {**choice, "endpoint": json.dumps(ENDPOINT), "spec_digest": digest, "warnings": warnings}
    write(cluster, run, phase, nodes | step("deploy", phase, order=1), outputs=outputs)


def see_it_adopted(cluster: Cluster, run: str) -> None:
    """A person's run is the service's only one, and the service is ready by it."""
    settle(cluster)
    assert runs_of(cluster, "deploy-model") == [run]
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, run)
    settle(cluster)
    assert condition(cluster.get(*SERVICE), "Ready")["status"] == "True"
    assert runs_of(cluster, "deploy-model") == [run]


def deploying() -> Cluster:
    """A service whose run has been submitted."""
    cluster = Cluster()
    add_ready_model(cluster)
    add_runtime(cluster)
    cluster.add(service_body())
    settle_plan(cluster)
    return cluster


def serving() -> Cluster:
    """A service that answers."""
    cluster = deploying()
    add_deployment(cluster, AVAILABLE)
    deploy(cluster, only_run(cluster, "deploy-model"))
    settle(cluster)
    cluster.pass_time(60)
    return cluster


def settle_plan(cluster: Cluster) -> None:
    cluster.settle(plan_service, *SERVICE)

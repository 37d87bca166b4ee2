"""A service with a router, an autoscaler and a disruption budget: all come, answer, and go when no longer wanted."""

from collections.abc import Callable
from pathlib import Path

from tests.cluster.asking import ask
from tests.cluster.kubectl import Kubectl
from tests.cluster.objects import POOL, condition, model, runtime, service
from tests.cluster.waiting import wait_gone, wait_ready, wait_until

FORWARDER = (Path(__file__).parent / "forwarder.py").read_text()


def test_router_autoscaler_and_budget_come_and_go(
    serving: Kubectl, namespace: str, pool: list[str], image: Callable[[str], str]
) -> None:
    kubectl, name = serving, "routed"
    kubectl("label", "node", pool[0], f"{POOL}=yes")
    routed = runtime("routed", image("ome-llama-cpp"))
    engine = "http://{{.Name}}-engine.{{.Namespace}}:8080"
    routed["spec"]["routerConfig"] = {"runner": {
        "name": "ome-container", "image": image("ome-steps"),
        "command": ["python", "-c", FORWARDER], "args": [engine],
        "ports": [{"containerPort": 8080}], "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }}  # fmt: skip
    made = service(name, name, namespace, maxReplicas=2, minAvailable=1)
    made["spec"] |= {"router": {}, "runtime": {"name": "routed", "kind": "ClusterServingRuntime"}}
    kubectl.apply(routed, model(name), made)
    served = wait_ready(kubectl, "inferenceservice", name, namespace=namespace)
    assert condition(served, "RouterReady")["status"] == "True"
    assert ask(kubectl, served, image("ome-steps")).strip()
    kinds = ("deployment", "service", "horizontalpodautoscaler", "poddisruptionbudget", "role", "rolebinding")
    have = {kind: {o["metadata"]["name"] for o in kubectl.list(kind, namespace)} for kind in kinds}
    assert have["deployment"] == {f"{name}-engine", f"{name}-router"}
    assert have["horizontalpodautoscaler"] == {f"{name}-engine"} and have["poddisruptionbudget"]
    assert f"{name}-router" in have["role"] & have["rolebinding"]

    plain = service(name, name, namespace)
    plain["spec"]["runtime"] = made["spec"]["runtime"]
    kubectl.apply(plain)
    for kind, gone in (("deployment", f"{name}-router"), ("horizontalpodautoscaler", f"{name}-engine")):
        wait_gone(kubectl, kind, gone, namespace=namespace)
    after = wait_until(
        kubectl, "inferenceservice", name,
        lambda s: condition(s).get("status") == "True"
        and s["status"]["observedGeneration"] == s["metadata"]["generation"],
        namespace=namespace, what="ready without a router",
    )  # fmt: skip
    assert ask(kubectl, after, image("ome-steps")).strip()
    kubectl("delete", "inferenceservice", name, f"--namespace={namespace}")
    for kind in kinds:
        wait_until_none(kubectl, kind, name, namespace)
    kubectl("delete", "clusterservingruntime", "routed")
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)


def wait_until_none(kubectl: Kubectl, kind: str, name: str, namespace: str) -> None:
    """Wait until none of a service's objects of a kind is left."""
    for found in kubectl.list(kind, namespace):
        if found["metadata"]["name"].startswith(name):
            wait_gone(kubectl, kind, found["metadata"]["name"], namespace=namespace)

"""The controller's pods: ended at once, or away for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.kubectl import Kubectl
from tests.cluster.waiting import wait_gone

DEPLOYMENT, SCOPE = "deployment/ome-controller", "--namespace=ome"
LABEL = "app.kubernetes.io/name=ome-controller"


def kill_controller(kubectl: Kubectl) -> None:
    """End its process at once; its Deployment starts another."""
    kubectl("delete", "pod", SCOPE, f"--selector={LABEL}", "--force", "--grace-period=0")


@contextmanager
def without_controller(kubectl: Kubectl) -> Iterator[None]:
    """No controller meanwhile."""
    pods = [pod["metadata"]["name"] for pod in kubectl.list("pod", "ome", LABEL)]
    replicas = kubectl.get("deployment", "ome-controller", "ome")["spec"]["replicas"]
    try:
        kubectl("scale", DEPLOYMENT, SCOPE, "--replicas=0")
        for pod in pods:
            wait_gone(kubectl, "pod", pod, namespace="ome")
        yield
    finally:
        kubectl("scale", DEPLOYMENT, SCOPE, f"--replicas={replicas}")
        kubectl("rollout", "status", DEPLOYMENT, SCOPE, "--timeout=600s")

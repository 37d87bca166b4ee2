"""The steps' retry strategy as Argo reads it: a pod that is evicted is made again, one past its deadline is not.

What the kubelet says where memory is short cannot be had at will: the test writes its words into the pod's status
while the kubelet is away, which would write over them.
"""

import json
from collections.abc import Callable

from pipelines.templates import ome_steps
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.waiting import wait_until, wait_workflow
from tests.cluster.workflow_outcome import step_outcomes

_WORK = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
while {{retries}} < 1:
    signal.pause()
"""
LOW = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 12Mi. "


def test_an_evicted_pod_is_made_again(kubectl: Kubectl, namespace: str, image: Callable[[str], str]) -> None:
    workflow, pod = _started(kubectl, namespace, image("ome-steps"))
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    kubectl("create", f"--raw={path}", "--filename=-", stdin=json.dumps(eviction))
    _ends(kubectl, workflow, namespace, phase="Succeeded", attempts=2)


def test_a_pod_that_the_kubelet_evicted_is_made_again(
    kubectl: Kubectl, local_cluster: LocalCluster, namespace: str, image: Callable[[str], str]
) -> None:
    workflow, pod = _started(kubectl, namespace, image("ome-steps"))
    place = kubectl.get("pod", pod, namespace)["spec"]["nodeName"]
    (node,) = (node for node in local_cluster.nodes if node.name == place)
    status = json.dumps({"status": {"phase": "Failed", "reason": "Evicted", "message": LOW}})
    node.stop_kubelet()
    try:
        kubectl("patch", "pod", pod, f"--namespace={namespace}", "--subresource=status", "--type=merge", "-p", status)
        wait_until(kubectl, "workflow", workflow, _has_failed_once, namespace=namespace, what="told of the eviction")
    finally:
        node.start_kubelet()
    _ends(kubectl, workflow, namespace, phase="Succeeded", attempts=2)


def test_a_step_past_its_deadline_is_not(kubectl: Kubectl, namespace: str, image: Callable[[str], str]) -> None:
    created = kubectl.create(_workflow(image("ome-steps"), activeDeadlineSeconds=15), namespace)
    _ends(kubectl, created["metadata"]["name"], namespace, phase="Failed", attempts=1)


def _started(kubectl: Kubectl, namespace: str, image: str) -> tuple[str, str]:
    """A workflow whose first attempt works for ever, and that attempt's running pod."""
    created = kubectl.create(_workflow(image), namespace)
    workflow = created["metadata"]["name"]
    found = wait_until(kubectl, "workflow", workflow, _running, namespace=namespace, what="at work")
    node = _running(found)
    assert node is not None
    (pod,) = kubectl.list("pod", namespace, f"workflows.argoproj.io/workflow={workflow}")
    return workflow, pod["metadata"]["name"]


def _running(workflow: Object) -> Object | None:
    nodes: dict[str, Object] = (workflow.get("status") or {}).get("nodes") or {}
    return next((node for node in nodes.values() if node["type"] == "Pod" and node["phase"] == "Running"), None)


def _has_failed_once(workflow: Object) -> bool:
    nodes = workflow["status"]["nodes"].values()
    return any(node["type"] == "Pod" and node["phase"] in ("Failed", "Error") for node in nodes)


def _workflow(image: str, **changes: int) -> Object:
    retry = ome_steps.build().to_dict()["spec"]["templates"][0]["retryStrategy"]
    script = {"image": image, "imagePullPolicy": "IfNotPresent", "command": ["python"], "source": _WORK}
    step = {"name": "step", "retryStrategy": retry, "script": script, **changes}
    spec = {"entrypoint": "step", "templates": [step]}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "taken-"},
        "spec": spec,
    }


def _ends(kubectl: Kubectl, workflow: str, namespace: str, *, phase: str, attempts: int) -> None:
    found = wait_workflow(kubectl, workflow, namespace=namespace)
    (outcome,) = step_outcomes(found).values()
    assert (outcome.phase, outcome.attempts) == (phase, attempts), found["status"]["nodes"]

"""What was waited for in vain is told with what a person would look at first; what comes about ends the wait."""

import pytest

from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.waiting import WaitedInVainError, wait_gone, wait_until


def pod(name: str, **spec: object) -> Object:
    container = {"name": "main", "image": "localhost/busybox:1", "command": ["sleep", "600"]}
    described = {"terminationGracePeriodSeconds": 0, "containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": described}


def test_a_wait_in_vain_shows_why(kubectl: Kubectl, namespace: str) -> None:
    kubectl.create(pod("lost", nodeSelector={"there-is": "none"}), namespace)

    with pytest.raises(WaitedInVainError, match="pod lost was not running within 3 s") as caught:
        wait_until(
            kubectl, "pod", "lost", lambda found: found["status"]["phase"] == "Running",
            namespace=namespace, seconds=3, what="running",
        )  # fmt: skip

    assert "didn't match Pod's node affinity/selector" in str(caught.value)


def test_an_object_that_comes_later_is_seen(kubectl: Kubectl, namespace: str) -> None:
    with pytest.raises(WaitedInVainError, match="it does not exist"):
        wait_until(kubectl, "configmap", "later", lambda _: True, namespace=namespace, seconds=1)

    kubectl("create", "configmap", "later", f"--namespace={namespace}")

    assert (
        wait_until(kubectl, "configmap", "later", lambda _: True, namespace=namespace)["metadata"]["name"] == "later"
    )


def test_an_end_is_awaited(kubectl: Kubectl, namespace: str) -> None:
    kubectl("create", "configmap", "brief", f"--namespace={namespace}")
    with pytest.raises(WaitedInVainError, match="configmap brief was not gone within 1 s"):
        wait_gone(kubectl, "configmap", "brief", namespace=namespace, seconds=1)

    kubectl("delete", "configmap", "brief", f"--namespace={namespace}")

    wait_gone(kubectl, "configmap", "brief", namespace=namespace)

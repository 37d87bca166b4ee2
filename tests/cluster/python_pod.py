"""A Python program in a pod of the cluster, to its end: what it prints."""

import uuid

from tests.cluster.kubectl import Kubectl
from tests.cluster.waiting import wait_until


def printed(kubectl: Kubectl, namespace: str, image: str, program: str, *arguments: str) -> str:
    """What a program prints.

    Its log is read when it is over: of a pod that is quick, `kubectl run -i` sees only what comes after it has come.

    Args:
        kubectl: Of the cluster.
        namespace: For the pod.
        image: One with Python, which the nodes have.
        program: Its text.
        arguments: Of the program.

    Raises:
        WaitedInVainError: when it does not end, with evidence.
        AssertionError: when it fails, with what it wrote.
    """
    name, scope = f"program-{uuid.uuid4().hex[:8]}", f"--namespace={namespace}"
    options = ("--restart=Never", "--image-pull-policy=IfNotPresent", f"--image={image}")
    kubectl("run", name, scope, *options, "--command", "--", "python", "-c", program, *arguments)
    ended = wait_until(
        kubectl, "pod", name, lambda pod: pod["status"]["phase"] in ("Succeeded", "Failed"), namespace=namespace,
        what="done",
    )  # fmt: skip
    text = kubectl("logs", name, scope)
    assert ended["status"]["phase"] == "Succeeded", text
    kubectl("delete", "pod", name, scope)
    return text

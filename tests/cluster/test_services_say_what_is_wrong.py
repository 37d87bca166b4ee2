"""Services that cannot come up: a condition in the scheduler's or the container's own words, and ready once mended."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.objects import POOL, condition, model, runtime, service
from tests.cluster.ring import workers
from tests.cluster.runs import runs_of
from tests.cluster.waiting import wait_gone, wait_ready, wait_until

MODEL = "served"
MOST_OF_A_NODE = {"requests": {"cpu": "1200m"}}
"""There is no room for two such pods, as on a node with one accelerator: the broken one must give way."""


@pytest.fixture(scope="module")
def model_ready(serving: Kubectl) -> Iterator[Kubectl]:
    """A model on one node, and with it all that a service needs."""
    node = workers(serving)[0]
    serving("label", "node", node, f"{POOL}=yes", "--overwrite")
    serving.apply(model(MODEL))
    wait_ready(serving, "clusterbasemodel", MODEL)
    yield serving
    serving("delete", "clusterbasemodel", MODEL, "--wait=false")
    wait_gone(serving, "clusterbasemodel", MODEL)
    serving("label", "node", node, f"{POOL}-")


def until_told(kubectl: Kubectl, name: str, namespace: str, *reasons: str) -> Object:
    """Wait until the service is not ready for one of these reasons; the condition."""
    found = wait_until(
        kubectl, "inferenceservice", name, lambda s: condition(s).get("reason") in reasons,
        namespace=namespace, what=f"told {' or '.join(reasons)}",
    )  # fmt: skip
    return condition(found)


def asking(name: str, namespace: str, runtime_name: str = "", **runner: Any) -> Object:
    """A service of the model, with what its container asks for."""
    made = service(name, MODEL, namespace)
    if runtime_name:
        made["spec"]["runtime"] = {"name": runtime_name, "kind": "ClusterServingRuntime"}
    if runner:
        made["spec"]["engine"]["runner"] = {"name": "ome-container", **runner}
    return made


def test_a_pod_that_no_node_can_take_is_told_in_the_schedulers_words(model_ready: Kubectl, namespace: str) -> None:
    kubectl, name = model_ready, "too-big"
    kubectl.apply(asking(name, namespace, resources={"requests": {"cpu": "1000"}}))
    told = until_told(kubectl, name, namespace, "Unschedulable")
    assert "Insufficient cpu" in told["message"], told
    assert runs_of(kubectl, "deploy", name) == 1, "it is told while the first run waits for the pod"

    kubectl.apply(asking(name, namespace, resources={"requests": {"cpu": "100m"}}))
    wait_ready(kubectl, "inferenceservice", name, namespace=namespace)
    kubectl("delete", "inferenceservice", name, f"--namespace={namespace}")


def test_an_image_that_does_not_exist_is_named(
    model_ready: Kubectl, namespace: str, image: Callable[[str], str]
) -> None:
    kubectl, name = model_ready, "no-image"
    kubectl.apply(runtime("no-image", "localhost/nothing:1", resources=MOST_OF_A_NODE))
    kubectl.apply(asking(name, namespace, "no-image"))
    told = until_told(kubectl, name, namespace, "ImagePullBackOff")
    assert "localhost/nothing:1" in told["message"], told
    assert runs_of(kubectl, "deploy", name) == 1, "it is told while the first run waits for the pod"

    kubectl.apply(runtime("no-image", image("ome-llama-cpp"), resources=MOST_OF_A_NODE))
    wait_ready(kubectl, "inferenceservice", name, namespace=namespace)
    kubectl("delete", "inferenceservice", name, f"--namespace={namespace}")
    kubectl("delete", "clusterservingruntime", "no-image")


def test_a_runtime_that_crashes_is_told_with_its_last_words(
    model_ready: Kubectl, namespace: str, image: Callable[[str], str]
) -> None:
    kubectl, name = model_ready, "crashing"
    words = "cannot open the model: no such quantization"
    command = ["python", "-c", f"raise SystemExit('{words}')"]
    kubectl.apply(runtime("crashing", image("ome-llama-cpp"), command=command, resources=MOST_OF_A_NODE))
    kubectl.apply(asking(name, namespace, "crashing"))
    told = until_told(kubectl, name, namespace, "CrashLoopBackOff", "EngineFailed")
    assert words in told["message"], told
    assert runs_of(kubectl, "deploy", name) == 1, "an engine that ends is not started again by another run"

    kubectl.apply(runtime("crashing", image("ome-llama-cpp"), resources=MOST_OF_A_NODE))
    wait_ready(kubectl, "inferenceservice", name, namespace=namespace)
    kubectl("delete", "inferenceservice", name, f"--namespace={namespace}")
    kubectl("delete", "clusterservingruntime", "crashing")

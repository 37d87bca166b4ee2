"""A service that names no runtime: it gets the right one with reasons, and keeps it until somebody asks anew."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.objects import POOL, condition, model, runtime, service
from tests.cluster.ring import Cluster, workers
from tests.cluster.runs import runs_of
from tests.cluster.waiting import wait_gone, wait_none, wait_ready, wait_until
from tests.command.run_ome import ome

MODEL = "chosen-for"
OTHER = "for-large-models"


@pytest.fixture
def served(serving: Kubectl, image: Callable[[str], str]) -> Iterator[Kubectl]:
    """A model on one node, the runtime that serves it, and one that is for larger models."""
    node = workers(serving)[0]
    serving("label", "node", node, f"{POOL}=yes", "--overwrite")
    larger = runtime(OTHER, image("ome-llama-cpp"))
    larger["spec"]["modelSizeRange"] = {"min": "1B", "max": "15B"}
    serving.apply(larger, model(MODEL))
    wait_ready(serving, "clusterbasemodel", MODEL)
    yield serving
    serving("delete", "clusterservingruntime", OTHER, "--ignore-not-found")
    serving("delete", "clusterbasemodel", MODEL, "--wait=false")
    wait_gone(serving, "clusterbasemodel", MODEL)
    serving("label", "node", node, f"{POOL}-")


def ready_with(name: str) -> Callable[[Object], bool]:
    """Whether a service answers, and this runtime is chosen for it."""
    return lambda found: condition(found).get("status") == "True" and selection(found).get("runtime") == name


def selection(found: Object) -> dict[str, Any]:
    """What is chosen for a service; {} before."""
    return (found.get("status") or {}).get("selection") or {}


def test_a_service_gets_the_right_runtime_and_keeps_it_until_it_is_reselected(
    served: Kubectl, cluster: Cluster, namespace: str, image: Callable[[str], str]
) -> None:
    kubectl, name = served, "pinned"
    kubectl.apply(service(name, MODEL, namespace))
    found = wait_until(
        kubectl, "inferenceservice", name, ready_with("llama-cpp-python"), namespace=namespace, what="ready"
    )
    chosen = selection(found)
    assert chosen["accelerator"] == "cpu" and chosen["modelRevision"] and chosen["fit"]["verdict"] in ("fits", "tight")
    assert chosen["reasons"][0] == "it supports gguf" and chosen["fit"]["explanation"] in chosen["reasons"]
    (other,) = [row for row in chosen["refused"] if row["runtime"] == OTHER]
    assert not other.get("isCandidate") and "1B" in other["reason"], other
    assert "llama-cpp-python on cpu" in condition(found, "RuntimeSelected")["message"]
    rows = told(cluster, name, namespace)
    assert (rows["llama-cpp-python"], rows[OTHER]) == (chosen["fit"]["explanation"], other["reason"])

    # A runtime of the namespace comes before all of the cluster. That nothing changes is seen by deploying anew.
    own: Object = runtime("own", image("ome-llama-cpp"))
    own["kind"], own["metadata"]["namespace"] = "ServingRuntime", namespace
    kubectl.apply(own)
    assert next(iter(told(cluster, name, namespace))) == f"{namespace}/own", "it is what would be chosen now"
    before = kubectl.get("deployment", f"{name}-engine", namespace)["metadata"]["uid"]
    kubectl("delete", "deployment", f"{name}-engine", f"--namespace={namespace}")
    wait_until(
        kubectl, "deployment", f"{name}-engine",
        lambda d: d["metadata"]["uid"] != before and (d.get("status") or {}).get("availableReplicas"),
        namespace=namespace, what="deployed anew",
    )  # fmt: skip
    found = wait_until(
        kubectl, "inferenceservice", name,
        lambda s: ready_with("llama-cpp-python")(s) and s["status"]["workflow"].get("phase") == "Succeeded",
        namespace=namespace, what="ready again",
    )  # fmt: skip
    assert selection(found) == chosen
    assert runs_of(kubectl, "deploy", name) == 2, "one for the service, and one for the Deployment that went"
    assert runtime_of_pods(kubectl, name, namespace) == "llama-cpp-python"

    kubectl("annotate", "inferenceservice", name, f"--namespace={namespace}", "ome.io/reselect=1", "--overwrite")
    found = wait_until(kubectl, "inferenceservice", name, ready_with("own"), namespace=namespace, what="with its own")
    assert selection(found)["runtimeNamespace"] == namespace
    assert any("a runtime of the namespace comes before" in reason for reason in selection(found)["reasons"])
    assert {row["runtime"] for row in selection(found)["refused"] if row.get("isCandidate")} == {"llama-cpp-python"}
    assert runtime_of_pods(kubectl, name, namespace) == "own"
    wait_none(lambda: missing_events(kubectl, name, namespace, "llama-cpp-python on cpu", f"{namespace}/own on cpu"))
    kubectl("delete", "inferenceservice", name, f"--namespace={namespace}")


def told(cluster: Cluster, name: str, namespace: str) -> dict[str, str]:
    """What `ome runtimes explain` says of each runtime, best first."""
    asked = ("--service", name, "--namespace", namespace, "--kubeconfig", str(cluster.kubeconfig))
    ran = ome("runtimes", "explain", MODEL, *asked, "-o", "json")
    assert ran.returncode == 0, ran.stderr
    return {row["runtime"]: row["reason"] for row in json.loads(ran.stdout)}


def runtime_of_pods(kubectl: Kubectl, name: str, namespace: str) -> str:
    """The runtime that a service's Deployment was rendered from."""
    template = kubectl.get("deployment", f"{name}-engine", namespace)["spec"]["template"]
    return str(template["metadata"]["labels"]["serving-runtime"])


def missing_events(kubectl: Kubectl, name: str, namespace: str, *words: str) -> list[str]:
    """Words that no event `Selected` of a service has: events are written a moment behind the status."""
    fields = f"--field-selector=reason=Selected,involvedObject.name={name}"
    events = json.loads(kubectl("get", "events", f"--namespace={namespace}", fields, "-o", "json"))["items"]
    messages = [event["message"] for event in events]
    return [word for word in words if not any(word in message for message in messages)]

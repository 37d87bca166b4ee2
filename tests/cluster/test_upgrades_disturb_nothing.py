"""`ome install` over another version: what runs ends as it began, and what is ready stays so, there and back."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.install.apply import apply
from pipelines.install.bundle import Part, bundle
from pipelines.install.connection import connect
from pipelines.install.objects import VERSION
from pipelines.install.options import Options
from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.installing import TAG, install
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.objects import POOL, condition, model, service
from tests.cluster.ring import Cluster
from tests.cluster.runs import running, runs_of
from tests.cluster.tiny_model import tiny_model
from tests.cluster.waiting import wait_gone, wait_ready, wait_until, wait_workflow
from tests.hub.faults import Fault

BEFORE = "0.0.1"


@pytest.fixture
def of_before(serving: Kubectl, cluster: Cluster, hub: ClusterHub) -> Iterator[list[Part]]:
    """The cluster with an installation of an earlier version; with this one again afterwards."""
    options = Options(registry="localhost", tag=TAG, settings={"HF_ENDPOINT": hub.url})
    parts = [Part(p.name, p.file, tuple(as_of_before(each) for each in p.objects)) for p in bundle(options)]
    put(parts, cluster)
    yield parts
    install(cluster, hub.url)


def as_of_before(each: Object) -> Object:
    """An object as an earlier version had it: with its label, and steps with a variable that there is no more."""
    made = copy.deepcopy(each)
    made["metadata"]["labels"][VERSION] = BEFORE
    if made["kind"] == "Deployment":
        made["spec"]["template"]["metadata"]["labels"][VERSION] = BEFORE
    for template in made["spec"]["templates"] if made["kind"] == "WorkflowTemplate" else ():
        if "script" in template:
            template["script"]["env"].append({"name": "OME_OF_BEFORE", "value": "yes"})
    return made


def put(parts: list[Part], cluster: Cluster) -> None:
    """Apply an installation as `ome install` does, and wait for its controller."""
    apply(connect(cluster.kubeconfig), parts, print, seconds=60)
    cluster.kubectl("rollout", "status", "deployment/ome-controller", "--namespace=ome", "--timeout=600s")


def version_of(kubectl: Kubectl, kind: str, name: str) -> str:
    """Which version an object says that it came with; a controller of today says nothing."""
    return str(kubectl.get(kind, name, "ome")["metadata"]["labels"].get(VERSION, ""))


def test_runs_end_as_they_began_and_what_is_ready_stays_so(
    of_before: list[Part], serving: Kubectl, cluster: Cluster, hub: ClusterHub, namespace: str, pool: list[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    kubectl = serving
    kubectl("label", "node", pool[0], f"{POOL}=yes")
    kubectl.apply(model("steady"), service("steady", "steady", namespace))
    wait_ready(kubectl, "inferenceservice", "steady", namespace=namespace)
    hub.add("acme/moving", tiny_model(tmp_path))
    hub.set_faults(Fault("hold", path="*acme/moving/model.safetensors"))
    kubectl.apply(model("moving", "hf://acme/moving"))
    known = wait_until(kubectl, "clusterbasemodel", "moving", lambda m: (m.get("status") or {}).get("workflow"))
    import_run = known["status"]["workflow"]["name"]
    wait_until(kubectl, "workflow", import_run, lambda w: running(w, "cache"), namespace="ome", what="caching")
    pods = deployment(kubectl, namespace)

    install(cluster, hub.url)
    assert version_of(kubectl, "workflowtemplate", "ome-steps") != BEFORE
    assert version_of(kubectl, "deployment", "ome-controller") != BEFORE
    hub.set_faults()
    wait_ready(kubectl, "clusterbasemodel", "moving")
    run = wait_workflow(kubectl, import_run, namespace="ome")
    assert run["status"]["phase"] == "Succeeded" and "OME_OF_BEFORE" in str(run["status"]["storedTemplates"])
    put(of_before, cluster)
    assert version_of(kubectl, "deployment", "ome-controller") == BEFORE

    kubectl.apply(model("later", "hf://acme/moving"))  # whose end comes after a look at all others
    wait_ready(kubectl, "clusterbasemodel", "later")
    assert deployment(kubectl, namespace) == pods
    runs = {
        what: runs_of(kubectl, *what) for what in (("import", "steady"), ("deploy", "steady"), ("import", "moving"))
    }
    assert set(runs.values()) == {1}, runs
    ready = [kubectl.get("clusterbasemodel", "steady"), kubectl.get("inferenceservice", "steady", namespace)]
    assert [condition(each)["status"] for each in ready] == ["True", "True"]
    kubectl("delete", "inferenceservice", "steady", f"--namespace={namespace}")
    for name in ("later", "moving", "steady"):
        kubectl("delete", "clusterbasemodel", name, "--wait=false")
        wait_gone(kubectl, "clusterbasemodel", name)


def deployment(kubectl: Kubectl, namespace: str) -> dict[str, Any]:
    """What would be other if the service's pods had been made anew."""
    (found,) = kubectl.list("deployment", namespace)
    return {name: found["metadata"][name] for name in ("name", "uid", "generation")}

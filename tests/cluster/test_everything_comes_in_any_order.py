"""A model, a service and a benchmark, applied in any order: all come to their end, and go without a trace."""

import json
from collections.abc import Callable

import pytest

from crds.labels import MANIFEST
from tests.cluster.asking import ask
from tests.cluster.kubectl import Kubectl
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import POOL, benchmark, condition, model, service
from tests.cluster.ring import Cluster
from tests.cluster.waiting import wait_gone, wait_none, wait_until


@pytest.mark.parametrize("order", ["benchmark service model", "model benchmark service", "service model benchmark"])
def test_all_three_end_well_and_leave_nothing(
    measuring: Kubectl, cluster: Cluster, namespace: str, pool: list[str], image: Callable[[str], str], order: str
) -> None:
    kubectl, name = measuring, f"any-{order[0]}"
    kubectl("label", "node", *pool[:2], f"{POOL}=yes")
    objects = {
        "model": model(name),
        "service": service(name, name, namespace),
        "benchmark": benchmark(name, name, namespace),
    }
    for word in order.split():
        kubectl.apply(objects[word])

    done = wait_until(
        kubectl, "benchmarkjob", name, lambda b: (b.get("status") or {}).get("state") in ("Completed", "Failed"),
        namespace=namespace, what="ended",
    )  # fmt: skip
    status = done["status"]
    assert status["state"] == "Completed", status
    (cell,) = status["results"]
    assert cell["requests"] > 0 and float(cell["errorRate"]) == 0.0 and float(cell["ttft"]["p50"]) > 0, cell
    assert condition(kubectl.get("clusterbasemodel", name))["status"] == "True"
    served = kubectl.get("inferenceservice", name, namespace)
    assert condition(served)["status"] == "True"
    assert ask(kubectl, served, image("ome-steps")).strip()

    stored = kubectl.get("clusterbasemodel", name)
    uid, digest = stored["metadata"]["uid"], stored["status"]["artifact"]["digest"].removeprefix("sha256:")
    assert kubectl.list("configmap", "ome", f"{MANIFEST}={digest[:12]}")
    for kind in ("inferenceservice", "benchmarkjob"):
        kubectl("delete", kind, name, f"--namespace={namespace}", "--wait=false")
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)
    for kind in ("benchmarkjob", "inferenceservice"):
        wait_gone(kubectl, kind, name, namespace=namespace)
    wait_none(lambda: traces(kubectl, name, namespace, uid))  # what was owned goes a moment after its owner
    assert kubectl.list("configmap", "ome", f"{MANIFEST}={digest[:12]}") == []
    if isinstance(cluster, LocalCluster):  # whose nodes' folders can be looked into
        assert [path for node in cluster.nodes for path in (node.folder / "mnt" / "models").glob(f"*{name}*")] == []


def traces(kubectl: Kubectl, name: str, namespace: str, uid: str) -> list[str]:
    """What there still is of a model, its service and its benchmark."""
    found = []
    for node in kubectl.list("node"):
        found += [key for key in node["metadata"]["labels"] if name in key or uid in key]
    for each in kubectl.list("configmap"):
        metadata = each["metadata"]
        is_named = name in metadata["name"] or name in json.dumps(metadata.get("labels", {}))
        found += [f"configmap {metadata['name']}"] if is_named else []
        found += [f"{metadata['name']} {key}" for key in each.get("data") or {} if name in key]
    for kind in ("workflow", "pod", "deployment", "service", "cronworkflow", "secret", "poddisruptionbudget"):
        for each in kubectl.list(kind):
            owner = each["metadata"].get("labels", {}).get("ome.io/name", "")
            if f"-{name}-" in f"-{each['metadata']['name']}-" or owner == name:
                found.append(f"{kind} {each['metadata']['namespace']}/{each['metadata']['name']}")
    return found

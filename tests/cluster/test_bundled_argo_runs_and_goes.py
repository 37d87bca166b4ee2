"""A cluster without Argo: what comes bundled runs the README's first model and service, and goes without a trace.

Bundled Argo has no rights but its own Roles, a read-only root file system and the definitions of ours; at its server a
person signs in as the guide says, and another account is refused. The host's Argo is stopped meanwhile. Runs last: it
takes off the cluster what other tests have put there.
"""

import json
import os
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError

import pytest

import examples
from tests.cluster.argo import CONTROLLER, SERVER, start_argo
from tests.cluster.argo_server import submit_as
from tests.cluster.asking import ask
from tests.cluster.calls import BUNDLED, record, unrefused
from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.installing import install, ome, uninstall
from tests.cluster.kubectl import Kubectl
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.node_images import make_bundled_argo_images
from tests.cluster.objects import URI, runtime
from tests.cluster.person import forwarded, make_person
from tests.cluster.waiting import wait_gone, wait_ready

EXAMPLES = Path(next(iter(examples.__path__)))
MODEL, SERVICE = "smollm2-135m-instruct", "smollm2"
FORM = "by-a-person"
LARGEST_LEFT_BYTES = 1 << 20


@pytest.fixture
def bundled(installed: Kubectl, local_cluster: LocalCluster, hub: ClusterHub) -> Iterator[Kubectl]:
    """The cluster with nothing of Argo but what `ome install --argo bundled` brings; as it was afterwards."""
    for archive in make_bundled_argo_images():
        local_cluster.load_image(archive)
    try:
        _empty(local_cluster)
        install(local_cluster, hub.url, "--argo=bundled", "--argo-registry=localhost")
        yield installed
    finally:
        _empty(local_cluster)
        start_argo(local_cluster.kubeconfig, local_cluster.components, installed)
        install(local_cluster, hub.url)


def test_the_first_model_and_service_run_and_nothing_stays(
    bundled: Kubectl, local_cluster: LocalCluster, image: Callable[[str], str]
) -> None:
    kubectl = bundled
    run = submitted_by_a_person(kubectl)
    kubectl.apply(runtime(image=image("ome-llama-cpp")))
    kubectl("apply", f"--filename={EXAMPLES}/01-model.yaml", f"--filename={EXAMPLES}/accelerators/cpu.yaml")
    kubectl("apply", f"--filename={EXAMPLES}/02-service.yaml")
    served = wait_ready(kubectl, "inferenceservice", SERVICE, namespace="default")
    nodes = kubectl.list("node")
    assert kubectl.get("clusterbasemodel", MODEL)["status"]["nodesReady"] == sorted(
        n["metadata"]["name"] for n in nodes
    )
    assert ask(kubectl, served, image("ome-steps")).strip()
    adopted = wait_ready(kubectl, "clusterbasemodel", FORM)
    assert adopted["status"]["workflow"]["name"] == run
    runs = [found["metadata"]["name"] for found in kubectl.list("workflow", "ome", f"ome.io/name={FORM}")]
    assert runs == [run], "no run beside the person's"
    doctor = ome(local_cluster, "doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert "ome/workflow-controller" in doctor.stdout, doctor.stdout

    told = uninstall(local_cluster)
    assert "given up" not in told, told
    wait_gone(kubectl, "namespace", "ome")
    wait_gone(kubectl, "deployment", f"{SERVICE}-engine", namespace="default")
    assert _ours(kubectl) == []
    large = [path for node in local_cluster.nodes for path in (node.folder / "mnt" / "models").rglob("*")
             if path.is_file() and path.stat().st_size > LARGEST_LEFT_BYTES]  # fmt: skip
    assert large == []

    made = unrefused(local_cluster, BUNDLED)
    if os.environ.get("OME_REGENERATE"):
        record(made, BUNDLED)


def submitted_by_a_person(kubectl: Kubectl) -> str:
    """The name of a run of import-model that a person has submitted, and that others may not submit."""
    nodes = [node["metadata"]["name"] for node in kubectl.list("node")]
    form = {"uri": URI, "name": FORM, "nodes": json.dumps(nodes)}
    token = make_person(kubectl)
    stranger = kubectl("create", "token", "default", "--namespace=default").strip()
    with forwarded(kubectl) as server:
        for of, status in (("", HTTPStatus.UNAUTHORIZED), (stranger, HTTPStatus.FORBIDDEN)):
            with pytest.raises(HTTPError) as refused:
                submit_as(server, of, "import-model", form)
            assert refused.value.code == status, refused.value.read()
        assert kubectl.list("workflow", "ome") == []
        return str(submit_as(server, token, "import-model", form)["metadata"]["name"])


def _ours(kubectl: Kubectl) -> list[str]:
    """What there still is of an installation: definitions, rights of the whole cluster, labels of nodes."""
    definitions = [found["metadata"]["name"] for found in kubectl.list("crd")]
    rights = [
        found["metadata"]["name"] for kind in ("clusterrole", "clusterrolebinding") for found in kubectl.list(kind)
    ]
    labels = [label for node in kubectl.list("node") for label in node["metadata"]["labels"]]
    return [
        *(name for name in definitions if name.endswith((".ome.io", ".argoproj.io"))),
        *(name for name in rights if name.startswith("ome-")),
        *(label for label in labels if label.startswith("models.ome")),
    ]


def _empty(cluster: LocalCluster) -> None:
    """Take ome-pipelines and Argo off the cluster: as if neither had ever been there."""
    uninstall(cluster)
    wait_gone(cluster.kubectl, "namespace", "ome")
    cluster.components.stop(CONTROLLER, SERVER)
    definitions = [found["metadata"]["name"] for found in cluster.kubectl.list("crd")]
    if argo := [name for name in definitions if name.endswith(".argoproj.io")]:
        cluster.kubectl("delete", "crd", *argo, "--timeout=600s")

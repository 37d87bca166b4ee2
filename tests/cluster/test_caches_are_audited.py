"""The example's schedule audits the nodes that have models: what is damaged on one of them is mended by its run."""

from pathlib import Path

import yaml

import examples
from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.kubectl import Kubectl
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import MARK, POOL, model
from tests.cluster.test_models_say_what_is_wrong import files, remove, until_state
from tests.cluster.waiting import wait_workflow
from tests.importing.damage import damage

EXAMPLE = Path(next(iter(examples.__path__))) / "schedules" / "weekly-audit.yaml"


def test_a_damaged_file_on_a_node_is_mended(
    installed: Kubectl, local_cluster: LocalCluster, hub: ClusterHub, pool: list[str], tmp_path: Path
) -> None:
    kubectl, name = installed, "audited"
    contents = files(tmp_path)
    hub.add("acme/audited", contents)
    kubectl("label", "node", *pool[:2], f"{POOL}=yes")
    kubectl.apply(model(name, "hf://acme/audited"))
    until_state(kubectl, "clusterbasemodel", name, "Ready")
    places = {node.name: node.folder / "mnt/models" / name / "model.safetensors" for node in local_cluster.nodes}
    damage(places[pool[0]])

    schedule = yaml.safe_load(EXAMPLE.read_text())
    kubectl.apply(schedule)
    run = kubectl.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"namespace": "ome", "generateName": "audit-", "labels": MARK},
            "spec": schedule["spec"]["workflowSpec"],
        }
    )
    ended = wait_workflow(kubectl, run["metadata"]["name"], namespace="ome")
    assert ended["status"]["phase"] == "Succeeded", ended["status"].get("message")
    assert [places[node].read_bytes() for node in pool[:2]] == [contents["model.safetensors"]] * 2
    kubectl("delete", "cronworkflow", schedule["metadata"]["name"], "--namespace=ome")
    remove(kubectl, "clusterbasemodel", name)

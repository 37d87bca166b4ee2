"""The example's schedule audits the nodes that have models: what is damaged on one of them is mended by its run."""

import json
from pathlib import Path

import yaml

import examples
from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.installing import ome
from tests.cluster.kubectl import Kubectl
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import MARK, POOL, model
from tests.cluster.test_models_say_what_is_wrong import remove, until_state
from tests.cluster.tiny_model import tiny_model
from tests.cluster.waiting import wait_workflow
from tests.importing.damage import damage

EXAMPLE = Path(next(iter(examples.__path__))) / "schedules" / "weekly-audit.yaml"


def test_a_damaged_file_on_a_node_is_mended(
    installed: Kubectl, local_cluster: LocalCluster, hub: ClusterHub, pool: list[str], tmp_path: Path
) -> None:
    kubectl, name = installed, "audited"
    contents = tiny_model(tmp_path)
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

    listed = ome(local_cluster, "cache", "list", "--cluster", "--output", "json")
    assert listed.returncode == 0, listed.stderr
    size = sum(map(len, contents.values()))
    found = {
        (each["node"], one["bytes"], one["state"])
        for each in json.loads(listed.stdout)["nodes"]
        for one in each["models"]
        if one["model"] == f"ClusterBaseModel/{name}"
    }
    assert found == {(node, size, "ready") for node in pool[:2]}
    damage(places[pool[1]])
    words = ("--cluster", "--repair", "--node", pool[1], "--output", "json")
    verified = ome(local_cluster, "cache", "verify", *words)
    assert verified.returncode == 0, verified.stderr
    (told,) = json.loads(verified.stdout)["nodes"]
    assert (told["node"], told["phase"], told["faults"], told["mended"]) == (pool[1], "Succeeded", 1, 1)
    assert places[pool[1]].read_bytes() == contents["model.safetensors"]
    kubectl("delete", "cronworkflow", schedule["metadata"]["name"], "--namespace=ome")
    remove(kubectl, "clusterbasemodel", name)

"""The controller killed at work, with real pods and Argo: nothing is doubled, nothing is lost, nothing is left."""

import subprocess

from crds.labels import PIPELINE
from crds.metadata import API_VERSION
from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.controller_pods import SCOPE, kill_controller, without_controller
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import POOL, URI, condition, importing, model, service
from tests.cluster.ring import Cluster
from tests.cluster.runs import main_started, running, runs_of
from tests.cluster.waiting import wait_gone, wait_ready, wait_until


def has_run(resource: Object) -> object:
    """Whether a resource's status names a run."""
    return (resource.get("status") or {}).get("workflow")


def test_each_run_is_submitted_once_although_the_controller_is_killed_behind_it(
    serving: Kubectl, hub: ClusterHub, namespace: str, pool: list[str]
) -> None:
    kubectl, name = serving, "outlives"
    kubectl("label", "node", pool[0], f"{POOL}=yes")
    kubectl.apply(model(name), service(name, name, namespace))
    wait_until(kubectl, "clusterbasemodel", name, has_run, what="being imported")
    kill_controller(kubectl)
    wait_until(kubectl, "inferenceservice", name, has_run, namespace=namespace, what="being deployed")
    kill_controller(kubectl)
    ready = wait_ready(kubectl, "inferenceservice", name, namespace=namespace)
    assert ready["status"]["url"] and condition(kubectl.get("clusterbasemodel", name))["status"] == "True"
    assert [runs_of(kubectl, verb, name) for verb in ("import", "deploy")] == [1, 1]
    kubectl("delete", "inferenceservice", name, f"--namespace={namespace}")
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)


def test_a_model_that_goes_before_it_is_held_takes_its_run_along_and_leaves_no_files(
    installed: Kubectl, cluster: Cluster, hub: ClusterHub, pool: list[str]
) -> None:
    kubectl, name = installed, "unheld"
    with without_controller(kubectl):
        kubectl.apply(model(name))
        owner = {
            "apiVersion": API_VERSION, "kind": "ClusterBaseModel", "name": name, "controller": True,
            "uid": kubectl.get("clusterbasemodel", name)["metadata"]["uid"],
        }  # fmt: skip
        values = {"uri": URI, "name": name, "nodes": f'["{pool[0]}"]'}
        labels = {PIPELINE: "import-model"}  # as by a controller that was killed behind it
        kubectl.create(importing(values, name=name, labels=labels, ownerReferences=[owner]))
        wait_until(kubectl, "workflow", name, lambda w: running(w, "cache"), namespace="ome", what="caching")
        pods = kubectl.list("pod", "ome", f"workflows.argoproj.io/workflow={name}")
        (caching,) = [p["metadata"]["name"] for p in pods if "-cache-model-" in p["metadata"]["name"]]
        assert first_word(kubectl, caching).startswith(f"waiting until ClusterBaseModel {name} has the finalizer")
        kubectl("delete", "clusterbasemodel", name)
        wait_gone(kubectl, "workflow", name, namespace="ome")
        wait_gone(kubectl, "pod", caching, namespace="ome")
        if isinstance(cluster, LocalCluster):  # whose nodes' folders can be looked into
            assert [node for node in cluster.nodes if (node.folder / "mnt" / "models" / name).exists()] == []


def first_word(kubectl: Kubectl, pod: str) -> str:
    """The first line that a step writes, once it does."""
    wait_until(kubectl, "pod", pod, main_started, namespace="ome", what="at work")
    command = kubectl.command("logs", "--follow", pod, SCOPE, "--container=main")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = (line for line in process.stdout if "level=" not in line)
            return next(lines, "")
        finally:
            process.kill()

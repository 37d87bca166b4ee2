"""A run that a model owns writes nothing on a node before the model has the controller's finalizer."""

import itertools
import json

import pytest

from crds.labels import FINALIZERS
from tests.apiserver.client import Object
from tests.cluster_steps.cluster import Cluster, workflow
from tests.cluster_steps.models import NAME, add_tiny

FINALIZER = FINALIZERS["ClusterBaseModel"]
_numbers = itertools.count(1)


@pytest.fixture
def manifest(cluster: Cluster) -> str:
    """Digest of the manifest of a small model."""
    add_tiny(cluster.hub)
    return cluster.run("resolve-model", uri=NAME).outputs["manifest"]


def test_files_wait_for_the_finalizer(cluster: Cluster, manifest: str) -> None:
    model = model_of(cluster)
    inputs = {"manifest": manifest, "name": "tiny"}
    pod = cluster.folder / "waiting"
    waiting = cluster.start("cache-model", pod, "node-a", {"OME_WORKFLOW": run_of(cluster, model)}, inputs)
    assert waiting.stdout is not None
    said = waiting.stdout.readline()
    assert said == f"waiting until ClusterBaseModel tiny has the finalizer {FINALIZER}\n"
    assert not list(cluster.models("node-a").iterdir())
    cluster.admin.patch(model, {"metadata": {"finalizers": [FINALIZER]}})
    log, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, log
    assert (cluster.models("node-a") / "tiny/config.json").exists()


def test_a_model_that_was_deleted_before_gets_no_files(cluster: Cluster, manifest: str) -> None:
    model = model_of(cluster)
    run = run_of(cluster, model)
    cluster.admin.delete(model)
    check_refused(cluster, manifest, run, "ClusterBaseModel tiny, which this run is for, was deleted")
    again = model_of(cluster)  # of the same name, and held: its files are for its own run to bring
    cluster.admin.patch(again, {"metadata": {"finalizers": [FINALIZER]}})
    check_refused(cluster, manifest, run, "ClusterBaseModel tiny, which this run is for, was deleted")


def test_a_model_that_waits_for_others_to_be_deleted_gets_no_files(cluster: Cluster, manifest: str) -> None:
    model = model_of(cluster)
    run = run_of(cluster, model)
    cluster.admin.patch(model, {"metadata": {"finalizers": ["example.com/other"]}})
    cluster.admin.delete(model)
    check_refused(cluster, manifest, run, "was deleted: nothing is put on this node")


def test_a_run_that_was_deleted_brings_no_files(cluster: Cluster, manifest: str) -> None:
    check_refused(cluster, manifest, "import-gone", "workflow import-gone, which this step is of, was deleted")


def model_of(cluster: Cluster) -> Object:
    """A model, as the API server has it."""
    made = cluster.make("ClusterBaseModel", "tiny", {"storage": {"storageUri": NAME}})
    return cluster.admin.get(made)


def run_of(cluster: Cluster, model: Object) -> str:
    """The name of a new run that the model owns."""
    name = f"import-{next(_numbers)}"
    cluster.admin.create(workflow(name, model))
    return name


def check_refused(cluster: Cluster, manifest: str, run: str, words: str) -> None:
    """Check that the step fails with these words, and has written nothing."""
    refused = cluster.run("cache-model", manifest=manifest, name="tiny", environment={"OME_WORKFLOW": run})
    assert (refused.code, refused.failure["code"]) == (11, "not-found"), refused.log
    assert words in json.dumps(refused.failure)
    assert not list(cluster.models("node-a").iterdir())

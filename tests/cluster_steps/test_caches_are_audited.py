"""audit-cache goes to the nodes that have models, mends what is damaged there, and says what stays wrong."""

import json
from pathlib import Path

import pytest

from steps.errors import RETRYABLE_EXIT_CODES
from tests.apiserver.client import Object
from tests.cluster_steps.cluster import Cluster
from tests.cluster_steps.models import NAME, add_tiny
from tests.hub.faults import Fault
from tests.importing.damage import damage

HOLDS = {"models.ome.io/clusterbasemodel.tiny": "Ready"}


def add_node(
    cluster: Cluster, name: str, labels: dict[str, str], *, ready: str = "True", cordoned: bool = False
) -> None:
    """A node of the cluster, as its kubelet tells of it."""
    body: Object = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
    node = cluster.admin.create(body | {"spec": {"unschedulable": cordoned}})
    status = {"status": {"conditions": [{"type": "Ready", "status": ready}]}}
    cluster.admin.request(
        "PATCH", f"{cluster.admin.path_of(node)}/status", status, "application/strategic-merge-patch+json"
    )


def weights(cluster: Cluster) -> Path:
    """The model's file on the node."""
    return cluster.models("node-a") / "tiny" / "model.safetensors"


@pytest.fixture
def whole(cluster: Cluster) -> bytes:
    """What the file of an imported model is to hold."""
    add_tiny(cluster.hub)
    assert cluster.imported(NAME, "tiny").code == 0
    return weights(cluster).read_bytes()


def test_it_goes_to_ready_nodes_with_models(cluster: Cluster) -> None:
    add_node(cluster, "node-a", HOLDS)
    add_node(cluster, "node-b", HOLDS)
    add_node(cluster, "node-empty", {"kubernetes.io/hostname": "node-empty"})
    add_node(cluster, "node-away", HOLDS, ready="Unknown")
    add_node(cluster, "node-cordoned", HOLDS, cordoned=True)
    found = cluster.run("find-nodes")
    assert found.code == 0, found.log
    assert json.loads(found.outputs["nodes"]) == ["node-a", "node-b"]
    assert "node-away is left out: it is not ready" in found.log
    assert "node-cordoned is left out: it is cordoned" in found.log
    given = cluster.run("find-nodes", nodes=["node-away"])
    assert json.loads(given.outputs["nodes"]) == ["node-away"]
    unknown = cluster.run("find-nodes", nodes=["node-z"])
    assert (unknown.code, unknown.failure["code"]) == (11, "not-found")
    assert "node-z" in unknown.failure["message"] and "node-a" in unknown.failure["remedy"]


def test_sound_models_are_hashed_and_stay(cluster: Cluster, whole: bytes) -> None:
    audited = cluster.run("audit-cache")
    assert audited.code == 0, audited.log
    assert (audited.outputs["models"], audited.outputs["faults"], audited.outputs["mended"]) == ("1", "0", "0")
    assert int(audited.outputs["hashed_bytes"]) > len(whole)
    assert weights(cluster).read_bytes() == whole


def test_damage_is_mended_from_the_models_source(cluster: Cluster, whole: bytes) -> None:
    damage(weights(cluster))
    assert weights(cluster).read_bytes() != whole
    audited = cluster.run("audit-cache")
    assert audited.code == 0, audited.log
    assert (audited.outputs["faults"], audited.outputs["mended"]) == ("1", "1")
    assert audited.outputs["fetched_bytes"] == str(len(whole))
    assert "model.safetensors: damaged, mended" in audited.log
    assert weights(cluster).read_bytes() == whole


def test_damage_that_is_only_to_be_reported_fails_the_step(cluster: Cluster, whole: bytes) -> None:
    damage(weights(cluster))
    audited = cluster.run("audit-cache", damaged="report")
    assert (audited.code, audited.failure["code"]) == (22, "damaged")
    assert audited.code not in RETRYABLE_EXIT_CODES, "hashing all of it again finds the same"
    assert "node-a" in audited.failure["message"] and "model.safetensors" in audited.failure["message"]
    assert "damaged=repair" in audited.failure["remedy"]
    assert weights(cluster).read_bytes() != whole


def test_damage_whose_source_is_gone_says_why_it_stays(cluster: Cluster, whole: bytes) -> None:
    damage(weights(cluster))
    cluster.hub.set_faults(Fault("status", path="*", status=404, times=0))
    audited = cluster.run("audit-cache")
    assert (audited.code, audited.failure["code"]) == (11, "not-found"), audited.log
    assert "node-a" in audited.failure["message"] and audited.failure["remedy"]


def test_files_that_no_import_made_are_named_and_stay(cluster: Cluster, whole: bytes) -> None:
    notes = weights(cluster).with_name("notes.txt")
    notes.write_text("mine")
    audited = cluster.run("audit-cache")
    assert audited.code == 0, audited.log
    assert audited.outputs["faults"] == "1" and "notes.txt: foreign" in audited.log
    assert notes.read_text() == "mine"


def test_what_nothing_needs_goes_once_it_has_rested(cluster: Cluster, whole: bytes) -> None:
    left = cluster.models("node-a") / ".ome/objects/sha256" / f"{'0' * 64}.partial"
    left.write_bytes(b"half of a download")
    assert cluster.run("audit-cache").outputs["freed_bytes"] == "0" and left.exists()
    audited = cluster.run("audit-cache", rest_days=0)
    assert int(audited.outputs["freed_bytes"]) > 0 and not left.exists()
    assert weights(cluster).read_bytes() == whole

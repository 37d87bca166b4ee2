"""No model takes another's folder or place on a node: markers say whose a folder is, the API server who there is."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster_steps.cluster import Cluster
from tests.cluster_steps.models import NAME, add_tiny
from tests.own_disk import own_disk, reserve_all_but

STORAGE = {"storage": {"storageUri": NAME}}


def marker(folder: Path) -> str:
    found: str = json.loads((folder / ".ome-model.json").read_text())["model"]
    return found


def age(folder: Path) -> None:
    """Make a model look as if it had last been used long ago."""
    os.utime(folder / ".ome-model.json", (1_600_000_000, 1_600_000_000))


def test_models_of_one_name_have_a_folder_a_namespace(cluster: Cluster) -> None:
    add_tiny(cluster.hub)
    root = cluster.models("node-a")
    for scope, namespace in (("ClusterBaseModel", "default"), ("BaseModel", "team-a"), ("BaseModel", "team-b")):
        assert cluster.imported(NAME, "tiny", scope=scope, namespace=namespace).code == 0
    assert marker(root / "tiny") == "ClusterBaseModel/tiny"
    assert marker(root / "team-a/tiny") == "BaseModel/team-a/tiny"
    assert marker(root / "team-b/tiny") == "BaseModel/team-b/tiny"
    inodes = {path.stat().st_ino for path in root.glob("**/model.safetensors")}
    assert len(inodes) == 1, "the bytes are there once"


@pytest.mark.parametrize("is_cached", [True, False], ids=["cached", "not yet cached"])
def test_a_tenant_cannot_take_the_folder_of_another_model(cluster: Cluster, is_cached: bool) -> None:
    add_tiny(cluster.hub)
    root = cluster.models("node-a")
    cluster.make("ClusterBaseModel", "shared", STORAGE)
    if is_cached:
        assert cluster.imported(NAME, "shared").code == 0
    refused = cluster.imported(NAME, "mine", scope="BaseModel", namespace="team-a", path=str(root / "shared"))
    assert (refused.code, refused.failure["code"]) == (16, "invalid-input")
    assert str(root / "shared") in refused.failure["message"]
    assert "ClusterBaseModel/shared" in refused.failure["message"]
    assert is_cached == (root / "shared").exists()


def test_a_folder_around_another_models_folder_is_refused(cluster: Cluster) -> None:
    add_tiny(cluster.hub)
    root = cluster.models("node-a")
    cluster.make("ClusterBaseModel", "deep", {"storage": {"storageUri": NAME, "path": str(root / "meta/llama/deep")}})
    refused = cluster.imported(NAME, "mine", scope="BaseModel", namespace="team-a", path=str(root / "meta"))
    assert refused.failure["code"] == "invalid-input"
    assert "ClusterBaseModel/deep" in refused.failure["message"]


@pytest.mark.parametrize("path", ["/etc/models", "../elsewhere", "team-a/../../x", ".ome/objects/mine"])
def test_a_path_outside_the_root_is_refused(cluster: Cluster, path: str) -> None:
    add_tiny(cluster.hub)
    refused = cluster.imported(NAME, "mine", path=path)
    assert (refused.code, refused.failure["code"]) == (16, "invalid-input")
    assert "storage.path" in refused.failure["message"]


def test_the_folder_of_a_model_that_is_gone_is_taken_over(cluster: Cluster) -> None:
    add_tiny(cluster.hub)
    folder = cluster.models("node-a") / "shelf"
    assert cluster.imported(NAME, "gone", path=str(folder)).code == 0
    taken = cluster.imported(NAME, "next", path=str(folder))
    assert taken.code == 0, taken.log
    assert "was of ClusterBaseModel/gone, which is gone" in taken.log
    assert (marker(folder), taken.outputs["fetched_bytes"]) == ("ClusterBaseModel/next", "0")


@pytest.mark.parametrize("kept_by", ["resource", "service", "nothing"])
def test_room_is_made_only_of_what_nothing_refers_to(cluster: Cluster, root: Path, kept_by: str) -> None:
    """The reserve leaves no room for the second model unless the first one goes."""
    add_tiny(cluster.hub, rows=20_000)
    add_tiny(cluster.hub, "acme/other", rows=20_001)
    environment = {"OME_MODELS_ROOT": str(root)}
    manifests = [cluster.run("resolve-model", uri=uri).outputs["manifest"] for uri in (NAME, "hf://acme/other")]
    mine = {"name": "first", "scope": "BaseModel", "namespace": "default"}
    assert cluster.run("cache-model", manifest=manifests[0], **mine, environment=environment).code == 0
    age(root / "default/first")
    if kept_by == "resource":
        cluster.make("BaseModel", "first", STORAGE, "default")
    if kept_by == "service":
        cluster.make("InferenceService", "asks", {"model": {"name": "first"}}, "default")
    environment["OME_DISK_RESERVE"] = reserve_all_but(1_000_000, root)
    second = cluster.run("cache-model", manifest=manifests[1], name="second", environment=environment)
    assert (root / "default/first").exists() == (kept_by != "nothing"), second.log
    if kept_by == "nothing":
        assert second.code == 0, second.log
        assert "which nothing refers to" in second.log
    else:
        assert (second.code, second.failure["code"]) == (12, "disk-full")
        assert "evictable 0.0 MiB" in second.failure["message"]


def test_no_model_goes_when_the_api_server_does_not_say_which_there_are(cluster: Cluster, root: Path) -> None:
    add_tiny(cluster.hub, rows=20_000)
    add_tiny(cluster.hub, "acme/other", rows=20_001)
    environment = {"OME_MODELS_ROOT": str(root)}
    manifests = [cluster.run("resolve-model", uri=uri).outputs["manifest"] for uri in (NAME, "hf://acme/other")]
    assert cluster.run("cache-model", manifest=manifests[0], name="first", environment=environment).code == 0
    age(root / "first")
    environment["OME_DISK_RESERVE"] = reserve_all_but(1_000_000, root)
    role = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/ome-cache"
    binding = cluster.admin.request("GET", role)
    cluster.admin.request("DELETE", role)
    try:
        refused = cluster.run("cache-model", manifest=manifests[1], name="second", environment=environment)
    finally:
        del binding["metadata"]["resourceVersion"]
        cluster.admin.create(binding)
    assert (refused.code, refused.failure["code"]) == (10, "auth"), refused.log
    assert "ome/ome-cache may not list" in refused.failure["message"]
    assert (root / "first").exists()


@pytest.fixture
def root() -> Iterator[Path]:
    """A models root on a disk of its own."""
    with own_disk() as folder:
        yield folder

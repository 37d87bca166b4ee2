"""evict-model takes one model off a node and nothing else, and can be repeated."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cluster_steps.cluster import Cluster
from tests.cluster_steps.models import NAME, add_tiny
from tests.hub.faults import Fault


def left(root: Path) -> set[str]:
    """All that models have left under a root: their folders, objects and downloads."""
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {path for path in found if "/locks/" not in path and not path.endswith("store.lock")}


def test_a_model_goes_with_all_that_only_it_had(cluster: Cluster) -> None:
    add_tiny(cluster.hub)
    cached = cluster.imported(NAME, "tiny", scope="BaseModel", namespace="team-a")
    root = cluster.models("node-a")
    size = sum(path.stat().st_size for path in (root / "team-a/tiny").iterdir() if path.name != ".ome-model.json")
    evicted = cluster.run("evict-model", name="tiny", scope="BaseModel", namespace="team-a")
    assert evicted.code == 0, evicted.log
    assert (evicted.outputs["node"], evicted.outputs["freed_bytes"]) == ("node-a", str(size))
    assert cached.outputs["path"] == str(root / "team-a/tiny")
    assert left(root) == set()
    assert not (root / "team-a").exists()
    again = cluster.run("evict-model", name="tiny", scope="BaseModel", namespace="team-a")
    assert (again.code, again.outputs["freed_bytes"]) == (0, "0")


def test_a_reserved_model_stays_until_it_is_evicted(cluster: Cluster) -> None:
    add_tiny(cluster.hub)
    cluster.imported(NAME, "tiny")
    root = cluster.models("node-a")
    reserved = cluster.run("evict-model", name="tiny", reserve="true")
    assert (reserved.code, reserved.outputs["freed_bytes"]) == (0, "0"), reserved.log
    assert json.loads((root / "tiny/.ome-model.json").read_text())["reserved"] is True
    absent = cluster.run("evict-model", name="other", reserve="true")
    assert absent.code == 0 and "there is nothing to reserve" in absent.log
    assert cluster.run("evict-model", name="tiny").code == 0
    assert left(root) == set()


def test_what_another_model_shares_stays(cluster: Cluster) -> None:
    folder = add_tiny(cluster.hub)
    root = cluster.models("node-a")
    cluster.imported(NAME, "tiny")
    (folder / "notes.txt").write_text("more")
    cluster.imported(NAME, "more")
    evicted = cluster.run("evict-model", name="more")
    assert evicted.outputs["freed_bytes"] == str(len("more"))
    assert not (root / "more").exists()
    assert cluster.imported(NAME, "tiny").outputs["fetched_bytes"] == str(len("more")), "the rest was still there"


@pytest.mark.parametrize("path", ["/", "/etc", "..", "tiny/../.."])
def test_nothing_outside_the_root_is_touched(cluster: Cluster, path: str) -> None:
    add_tiny(cluster.hub)
    cluster.imported(NAME, "tiny")
    before = left(cluster.models("node-a"))
    refused = cluster.run("evict-model", name="tiny", path=path)
    assert (refused.code, refused.failure["code"]) == (16, "invalid-input")
    assert left(cluster.models("node-a")) == before


def test_a_folder_of_another_model_or_of_nobody_stays(cluster: Cluster) -> None:
    add_tiny(cluster.hub)
    root = cluster.models("node-a")
    cluster.imported(NAME, "owner", path=str(root / "shelf"))
    (root / "mine").mkdir()
    (root / "mine/letters.txt").write_text("dear")
    other = cluster.run("evict-model", name="other", path=str(root / "shelf"))
    foreign = cluster.run("evict-model", name="mine")
    assert (other.code, foreign.code) == (0, 0)
    assert "is of ClusterBaseModel/owner, and stays" in other.log
    assert "was not made by an import, and stays" in foreign.log
    assert (root / "shelf/model.safetensors").exists()
    assert (root / "mine/letters.txt").exists()


def test_a_node_that_never_had_a_model_stays_empty(cluster: Cluster) -> None:
    evicted = cluster.run("evict-model", node="node-new", name="tiny")
    assert evicted.code == 0, evicted.log
    assert list(cluster.models("node-new").iterdir()) == []


def test_a_half_done_download_goes_and_those_of_other_models_stay(cluster: Cluster) -> None:
    add_tiny(cluster.hub, rows=40_000)
    add_tiny(cluster.hub, "acme/other", rows=40_001)
    digests = [cluster.run("resolve-model", uri=uri).outputs["manifest"] for uri in (NAME, "hf://acme/other")]
    cluster.hub.set_faults(Fault("stall", path="lfs/*", after=1_000_000, times=0))
    root = cluster.models("node-a")
    objects = root / ".ome/objects/sha256"
    for name, digest in zip(("tiny", "other"), digests, strict=True):
        failed = cluster.run(
            "cache-model", manifest=digest, name=name,
            environment={"OME_STALL_SECONDS": "0.2", "OME_TRANSFER_ATTEMPTS": "1"},
        )  # fmt: skip
        assert failed.code == 20, failed.log
    assert len(list(objects.glob("*.partial"))) == 2
    evicted = cluster.run("evict-model", name="tiny")
    assert int(evicted.outputs["freed_bytes"]) > 0
    assert len(list(objects.glob("*.partial"))) == 1
    cluster.hub.set_faults()
    resumed = cluster.run("cache-model", manifest=digests[1], name="other")
    assert resumed.code == 0, resumed.log
    assert int(resumed.outputs["reused_bytes"]) > 0


def test_an_import_that_is_running_keeps_what_it_needs(cluster: Cluster) -> None:
    add_tiny(cluster.hub, rows=40_000)
    digest = cluster.run("resolve-model", uri=NAME).outputs["manifest"]
    cluster.hub.set_faults(Fault("stall", path="lfs/*", after=1_000_000, times=1))
    pod = cluster.folder / "running"
    running = cluster.start("cache-model", pod, "node-a", {}, {"manifest": digest, "name": "tiny"})
    partials = cluster.models("node-a") / ".ome/objects/sha256"
    try:
        while not any(path.stat().st_blocks for path in partials.glob("*.partial")):
            assert running.poll() is None
        assert cluster.run("evict-model", name="tiny").code == 0
        assert len(list(partials.glob("*.partial"))) == 1
    finally:
        os.kill(running.pid, signal.SIGTERM)
        running.communicate(timeout=30)

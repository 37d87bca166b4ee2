"""`ome cache verify`: every file on disk is hashed once, and what is damaged, missing or foreign is named."""

import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.cache.store import ObjectStore
from steps.cache.survey import survey
from steps.cache.verifying import Fault, Verification, plan_verification, verify
from steps.errors import NotFoundError
from tests.hub.fixture import RunningHub
from tests.importing.damage import damage
from tests.importing.models import entry, fetch, noise, resolve

WEIGHTS = noise(3_000_000, 1)
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS}
SHA = hashlib.sha256(WEIGHTS).hexdigest()


def told(found: Verification) -> list[tuple[str, str, str]]:
    """Faults as kind, model and name."""
    return [(fault.kind, fault.model, fault.path.name) for fault in found.faults]


def test_a_sound_cache_has_no_faults_and_a_shared_file_is_read_once(hub: RunningHub) -> None:
    hub.add("acme/one", FILES)
    hub.add("acme/two", FILES | {"config.json": b"[]"})
    fetch("hf://acme/one", "one")
    fetch("hf://acme/two", "two")
    moments: list[tuple[str, int, int]] = []
    found = verify(on_progress=lambda *moment: moments.append(moment))
    assert found.faults == ()
    assert [model.name for model in found.models] == ["one", "two"]
    assert (found.files, found.hashed_bytes) == (3, len(WEIGHTS) + 4)
    assert moments[-1] == ("verifying", len(WEIGHTS) + 4, len(WEIGHTS) + 4)


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_damaged_file_is_named_in_every_model_with_both_digests(hub: RunningHub, is_silent: bool) -> None:
    hub.add("acme/model", FILES)
    one, _ = fetch("hf://acme/model", "one").path, fetch("hf://acme/model", "two").path
    content = damage(one / "model.safetensors", is_silent=is_silent)
    found = verify(["one"])
    expected, now = f"sha256:{SHA}", f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert found.faults == tuple(
        Fault(
            kind="damaged",
            model=name,
            path=models_root() / name / "model.safetensors",
            expected=expected,
            found=now,
        )
        for name in ("one", "two")
    )


def test_small_files_are_known_by_gits_digest(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    folder = fetch("hf://acme/model").path
    (folder / "config.json").chmod(0o644)
    (folder / "config.json").write_bytes(b"{} and more")
    (fault,) = verify().faults
    assert fault.expected == "git-sha1:" + hashlib.sha1(b"blob 2\0{}", usedforsecurity=False).hexdigest()
    assert fault.found == "git-sha1:" + hashlib.sha1(b"blob 11\0{} and more", usedforsecurity=False).hexdigest()


def test_missing_foreign_and_odd_files_and_markers_are_named(hub: RunningHub) -> None:
    hub.add("acme/model", FILES | {"sub/notes.txt": b"notes"})
    for name in ("a", "b", "c", "d"):
        fetch("hf://acme/model", name)
    root = models_root()
    (root / "a/sub/notes.txt").unlink()
    (root / "b/more.txt").write_text("mine")
    (root / "c/config.json").unlink()
    (root / "c/config.json").symlink_to("/etc/hostname")
    (root / "d/.ome-model.json").write_text("{")
    assert told(verify()) == [
        ("missing", "a", "notes.txt"),
        ("foreign", "b", "more.txt"),
        ("damaged", "c", "config.json"),
        ("marker", "d", ".ome-model.json"),
    ]
    assert told(verify(["b"])) == [("foreign", "b", "more.txt")]


def test_a_marker_that_names_files_elsewhere_is_not_followed(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    marker = fetch("hf://acme/model").path / ".ome-model.json"
    marker.write_text(marker.read_text().replace("config.json", "../../config.json"))
    assert told(verify()) == [("marker", "model", ".ome-model.json")]


def test_models_go_by_name_owner_and_folder(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    import_model(manifest, "own", path="shelf/mine")
    import_model(manifest, "team", scope="BaseModel", namespace="lab")
    for name in ("own", "shelf/mine", "ClusterBaseModel/own"):
        assert [model.name for model in verify([name]).models] == ["shelf/mine"], name
    assert [model.name for model in verify(["lab/team"]).models] == ["team"]
    with pytest.raises(NotFoundError) as caught:
        verify(["team", "mine"])
    assert 'model "mine"' in caught.value.message
    assert caught.value.remedy == "There are: shelf/mine, team."


def test_an_object_that_no_model_has_is_verified_with_all_but_not_with_one(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    folder = fetch("hf://acme/model", "gone").path
    fetch("hf://acme/model", "stays", path="")
    path = ObjectStore(models_root()).path(entry(resolve("hf://acme/model"), "model.safetensors"))
    (folder / ".ome-model.json").unlink()
    (models_root() / "stays" / ".ome-model.json").write_text("{")
    damage(path, is_silent=True)
    assert ("damaged", "", path.name) in told(verify())
    assert told(verify(["stays"])) == [("marker", "stays", ".ome-model.json")]


def test_a_model_that_an_import_replaces_meanwhile_is_named_and_not_blamed(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    (fetch("hf://acme/model").path / "config.json").unlink()
    begun = False

    def replace_once(*_: object) -> None:
        nonlocal begun
        if not begun:
            begun = True
            hub.add("acme/model", {"model.safetensors": noise(1_000_000, 5)})
            fetch("hf://acme/model")

    found = verify(on_progress=replace_once)
    assert found.faults == ()
    assert found.replaced == ("model",)
    assert verify().faults == ()


def test_memory_does_not_grow_with_the_files(hub: RunningHub) -> None:
    hub.add("acme/model", {f"{n}.safetensors": noise(12_000_000, n) for n in range(6)})
    fetch("hf://acme/model")
    tracemalloc.start()
    try:
        verify()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < (os.cpu_count() or 1) * (5 << 20) + (4 << 20)


def test_a_plan_hashes_one_file_once_and_a_copy_beside_it_too(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    one, two = fetch("hf://acme/model", "one").path, fetch("hf://acme/model", "two").path
    (two / "model.safetensors").unlink()
    (two / "model.safetensors").write_bytes(WEIGHTS)
    found = survey(ObjectStore(models_root()), frozenset())
    plan = plan_verification(found, found.models, with_loose_objects=True)
    inodes = [check.inode[1] for check in plan.checks]
    assert sorted(inodes) == sorted({(f / n).stat().st_ino for f in (one, two) for n in FILES})
    assert verify().faults == ()

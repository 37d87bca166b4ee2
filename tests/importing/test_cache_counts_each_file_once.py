"""What `ome cache list` and `du` say: each file on disk once, whatever its names; nothing is read but names."""

import time
from pathlib import Path

from hypothesis import given

from steps.cache import import_model, models_root
from steps.cache.store import ObjectStore
from steps.cache.usage import account, read_usage
from steps.manifest_store import save_manifest
from steps.resources import ResourceFolder
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import bytes_there, fetch, noise, resolve, start_caching
from tests.importing.surveys import Draft, drafts

WEIGHTS = noise(4_000_000, 1)


def on_disk(*paths: Path) -> int:
    """Bytes that the disk keeps for files, each once."""
    return sum({s.st_ino: s.st_blocks * 512 for s in (p.lstat() for p in paths)}.values())


@given(draft=drafts())
def test_parts_add_up_to_every_file_once(draft: Draft) -> None:
    usage = account(draft.survey())
    parts = sum(model.disk_bytes for model in usage.models) + sum(
        (
            usage.shared_bytes,
            usage.unfinished_bytes,
            usage.unreferenced_bytes,
            usage.download_bytes,
            usage.leftover_bytes,
            usage.note_bytes,
            usage.other_bytes,
        )
    )
    assert parts == usage.total_bytes == sum(draft.sizes[key] for key, names in draft.names.items() if names)


@given(draft=drafts())
def test_only_what_several_models_have_is_shared(draft: Draft) -> None:
    usage = account(draft.survey())
    shared = {
        k for k, names in draft.names.items() if len({n.parent for n in names if n.parent.name[:6] == "model-"}) > 1
    }
    assert usage.shared_bytes == sum(draft.sizes[key] for key in shared)
    for model, used in zip(draft.models, usage.models, strict=True):
        assert used.disk_bytes == sum(draft.sizes[key] for key in set(model.files.values()) - shared)


def test_a_root_is_counted_as_the_disk_has_it(hub: RunningHub) -> None:
    hub.add("acme/one", {"model.safetensors": WEIGHTS, "config.json": b"1"})
    hub.add("acme/two", {"model.safetensors": WEIGHTS, "config.json": b"2"})
    one, two = fetch("hf://acme/one", "one"), fetch("hf://acme/two", "two")
    (models_root() / "notes.txt").write_text("mine")
    usage = read_usage()
    assert usage.total_bytes == on_disk(*(p for p in models_root().rglob("*") if p.is_file()))
    assert usage.shared_bytes == on_disk(one.path / "model.safetensors")
    assert usage.other_bytes == on_disk(models_root() / "notes.txt")
    assert usage.unreferenced_bytes == usage.download_bytes == 0
    listed = {model.folder: model for model in usage.models}
    assert listed["two"].bytes == len(WEIGHTS) + 1
    assert listed["two"].shared_bytes == len(WEIGHTS)
    assert listed["two"].disk_bytes == on_disk(two.path / "config.json", two.path / ".ome-model.json")
    assert (listed["one"].files, listed["one"].state, listed["one"].model) == (2, "ready", "ClusterBaseModel/one")


def test_a_model_has_its_revision_and_whether_it_is_needed(hub: RunningHub) -> None:
    hub.add("acme/model", {"config.json": b"{}"})
    manifest = resolve("hf://acme/model")
    save_manifest(manifest)
    folder = import_model(manifest, "model").path
    import_model(manifest, "spare")
    spec = {"storage": {"storageUri": "hf://acme/model", "path": str(folder)}}
    ResourceFolder().apply({"kind": "ClusterBaseModel", "metadata": {"name": "model"}, "spec": spec})
    listed = {model.folder: model for model in read_usage().models}
    assert listed["model"].revision == manifest.revision
    assert (listed["model"].is_needed, listed["spare"].is_needed) == (True, False)


def test_a_folder_that_changed_or_lost_its_marker_says_so(hub: RunningHub) -> None:
    hub.add("acme/model", {"config.json": b"{}", "model.safetensors": WEIGHTS})
    changed, lost, short = (fetch("hf://acme/model", name).path for name in ("changed", "lost", "short"))
    (changed / "config.json").unlink()
    (changed / "config.json").write_text("[]")
    (lost / ".ome-model.json").write_text("{")
    (short / "config.json").unlink()
    states = {model.folder: model.state for model in read_usage().models}
    assert states == {"changed": "changed", "lost": "unreadable", "short": "changed"}


def test_an_import_under_way_has_its_share_and_a_killed_one_keeps_it(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", {"model.safetensors": WEIGHTS, "config.json": b"{}"})
    manifest = resolve("hf://acme/model")
    hub.set_faults(Fault("hold", path="lfs/*", after=1_500_000))
    child = start_caching(tmp_path / "step", save_manifest(manifest))
    assert hub.ledger.wait_for_bytes(1_500_000)
    while bytes_there(manifest) <= 1_000_000:  # what the hub has sent may not have been taken yet
        assert child.poll() is None
        time.sleep(0.01)
    (under_way,) = read_usage().imports
    assert (under_way.folder, under_way.total_bytes, under_way.is_running) == ("model", len(WEIGHTS) + 2, True)
    child.kill()
    child.communicate()
    usage = read_usage()
    (interrupted,) = usage.imports
    assert not interrupted.is_running
    assert 1_000_000 < interrupted.there_bytes < len(WEIGHTS)
    assert usage.download_bytes >= interrupted.there_bytes - 2
    hub.set_faults()
    import_model(manifest, "model")
    assert read_usage().imports == ()


def test_a_finished_file_of_an_interrupted_import_is_not_called_useless(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", {"a.safetensors": noise(300_000, 2), "b.safetensors": WEIGHTS})
    manifest = resolve("hf://acme/model")
    (finished,) = (ObjectStore(models_root()).path(f) for f in manifest.files if f.path == "a.safetensors")
    hub.set_faults(Fault("hold", path="lfs/acme/model/b.safetensors"))
    child = start_caching(tmp_path / "step", save_manifest(manifest))
    while not finished.exists():
        assert child.poll() is None
        time.sleep(0.01)
    child.kill()
    child.communicate()
    usage = read_usage()
    assert usage.unfinished_bytes >= 300_000
    assert usage.unreferenced_bytes == 0


def test_an_empty_root_is_empty() -> None:
    usage = read_usage()
    assert usage.models == () and usage.total_bytes == usage.note_bytes == 0
    assert usage.free_bytes > 0 and usage.reserve_bytes == 1 << 20
    assert [path.name for path in models_root().iterdir()] == [".ome"]

"""`ome cache verify --repair`: what is damaged comes again, in every model that has it; nothing else is touched."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.cache.repair import Repaired, repair
from steps.cache.store import ObjectStore
from steps.cache.verifying import verify
from steps.errors import DiskFullError, IntegrityError, NotFoundError
from steps.manifest_store import save_manifest
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.damage import damage
from tests.importing.models import contents, entry, fetch, noise, resolve

WEIGHTS = noise(3_000_000, 1)
MORE = noise(700_000, 2)
FILES = {"config.json": b'{"a": 1}', "model.safetensors": WEIGHTS, "sub/more.safetensors": MORE}


def mend(*names: str) -> Repaired:
    """Verify and repair."""
    return repair(verify(names))


def leftovers() -> list[Path]:
    """What a repair must not leave."""
    private = models_root() / ".ome"
    return [*private.glob("staging/*"), *private.glob("repair/*"), *private.glob("claims/*")]


@pytest.mark.parametrize("is_silent", [True, False])
@pytest.mark.parametrize("has_manifest", [True, False])
def test_a_damaged_object_is_mended_in_all_models_that_share_it(
    hub: RunningHub, is_silent: bool, has_manifest: bool
) -> None:
    hub.add("acme/one", FILES)
    hub.add("acme/two", FILES | {"config.json": b"{}"})
    manifests = {name: resolve(f"hf://acme/{name}") for name in ("one", "two")}
    folders = {name: import_model(manifest, name).path for name, manifest in manifests.items()}
    if has_manifest:
        save_manifest(manifests["one"])
    damage(folders["one"] / "model.safetensors", is_silent=is_silent)
    inodes = [folder.stat().st_ino for folder in folders.values()]
    used = (folders["one"] / ".ome-model.json").stat().st_mtime_ns
    hub.ledger.clear()
    repaired = mend("one")
    assert repaired.failures == ()
    assert repaired.fetched_bytes == len(WEIGHTS)
    assert set(repaired.mended) == {folder / "model.safetensors" for folder in folders.values()}
    assert contents(folders["one"]) == FILES
    assert contents(folders["two"]) == FILES | {"config.json": b"{}"}
    assert [folder.stat().st_ino for folder in folders.values()] == inodes, "who has the folder open sees the files"
    assert (folders["one"] / ".ome-model.json").stat().st_mtime_ns == used, "it was not used"
    assert len({(folder / "model.safetensors").stat().st_ino for folder in folders.values()}) == 1
    assert verify().faults == () and leftovers() == []
    hub.ledger.clear()
    for name, manifest in manifests.items():
        assert import_model(manifest, name).fetched_bytes == 0
    assert hub.ledger.counts().total_requests == 0, "the folders are warm"


def test_what_the_store_or_another_model_still_has_is_not_fetched(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    one = fetch("hf://acme/model", "one").path
    damage(one / "model.safetensors", is_silent=False)
    two = fetch("hf://acme/model", "two").path  # which fetches it anew
    (one / "config.json").unlink()
    shutil.rmtree(one / "sub")
    for name in ("one", "two"):
        assert (models_root() / name / "model.safetensors").exists()
    hub.ledger.clear()
    repaired = mend()
    assert (repaired.fetched_bytes, repaired.failures) == (0, ())
    assert hub.ledger.counts().total_requests == 0
    assert contents(one) == contents(two) == FILES
    store = models_root() / ".ome" / "objects"
    for path in list(store.glob("*/*")):
        path.unlink()
    damage(one / "config.json")
    repaired = mend()
    assert contents(one) == contents(two) == FILES
    assert repaired.fetched_bytes == len(FILES["config.json"]), "the others were there, in the folders"
    assert verify().faults == ()


def test_foreign_files_and_folders_that_lead_elsewhere_are_left_alone(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    folder = fetch("hf://acme/model").path
    (folder / "mine.txt").write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.rmtree(folder / "sub")
    (folder / "sub").symlink_to(elsewhere)
    repaired = mend()
    assert repaired.failures == ()
    assert list(elsewhere.iterdir()) == []
    assert contents(folder) == FILES | {"mine.txt": b"mine"}
    assert [fault.kind for fault in verify().faults] == ["foreign"]


def test_a_source_that_has_the_bytes_no_more_is_told_and_nothing_is_lost(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    folder = fetch("hf://acme/model").path
    damaged = damage(folder / "model.safetensors")
    damage(folder / "sub/more.safetensors")
    hub.add("acme/model", {"model.safetensors": noise(1_000_000, 9)})
    repaired = mend()
    (failure,) = repaired.failures
    assert isinstance(failure, NotFoundError)
    assert "model.safetensors: the source no longer has the bytes sha256:" in failure.message
    assert "Import the model again" in failure.remedy
    assert contents(folder) == FILES | {"model.safetensors": damaged}
    assert [fault.path.name for fault in verify().faults] == ["model.safetensors"]
    hub.add("acme/model", FILES)
    assert fetch("hf://acme/model").fetched_bytes == len(WEIGHTS), "an import does not trust it"
    assert contents(folder) == FILES


def test_a_hub_that_is_away_is_told_by_its_class_and_the_next_repair_goes_on(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    save_manifest(manifest)
    folder = import_model(manifest, "model").path
    damaged = damage(folder / "model.safetensors")
    monkeypatch.setenv("OME_CONNECTIONS", "1")
    hub.set_faults(Fault("short", path="lfs/*", after=1_000_000))
    repaired = mend()
    assert [failure.code for failure in repaired.failures] == ["network"]
    assert contents(folder) == FILES | {"model.safetensors": damaged}
    hub.set_faults()
    again = mend()
    assert again.failures == ()
    assert again.fetched_bytes <= len(WEIGHTS) - 900_000, "what had come was kept"
    assert contents(folder) == FILES


def test_one_bad_file_at_the_source_does_not_keep_the_others_from_being_mended(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    folder = fetch("hf://acme/model").path
    damaged = damage(folder / "model.safetensors")
    damage(folder / "sub/more.safetensors")
    hub.set_faults(Fault("flip", path="lfs/*/model.safetensors", after=5, times=0))
    repaired = mend()
    assert [type(failure) for failure in repaired.failures] == [IntegrityError]
    assert contents(folder) == FILES | {"model.safetensors": damaged}


def test_new_bytes_that_do_not_fit_are_refused_with_numbers_and_nothing_goes_for_them(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("acme/model", FILES)
    folder, spare = fetch("hf://acme/model").path, fetch("hf://acme/model", "spare").path
    os.utime(spare / ".ome-model.json", (1, 1))
    damaged = damage(folder / "model.safetensors")
    found = verify()
    monkeypatch.setenv("OME_DISK_RESERVE", "9000Gi")
    with pytest.raises(DiskFullError, match=r"needs 2\.9 MiB, free"):
        repair(found)
    assert contents(folder) == contents(spare) == FILES | {"model.safetensors": damaged}


def test_a_local_model_that_its_owner_changed_is_not_called_mended(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "model.safetensors").write_bytes(WEIGHTS)
    folder = fetch(f"local://{mine}").path
    damaged = damage(mine / "model.safetensors")
    repaired = mend()
    assert repaired.mended == () and len(repaired.failures) == 1
    assert "mport" in repaired.failures[0].remedy
    assert (mine / "model.safetensors").read_bytes() == damaged
    fetch(f"local://{mine}")
    assert contents(folder) == {"model.safetensors": damaged}
    assert verify().faults == ()


def test_a_damaged_object_of_no_model_goes(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    folder = fetch("hf://acme/model").path
    path = ObjectStore(models_root()).path(entry(resolve("hf://acme/model"), "model.safetensors"))
    shutil.rmtree(folder)
    damage(path)
    assert mend().mended == (path,)
    assert not path.exists()
    assert verify().faults == ()


def test_a_sound_model_that_looks_changed_is_warm_again(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    folder = import_model(manifest, "model").path
    os.utime(folder / "model.safetensors")
    found = verify()
    assert found.faults == () and not found.models[0].is_as_verified
    repair(found)
    assert verify().models[0].is_as_verified


def test_a_repair_beside_an_import_of_the_same_files(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/one", FILES)
    hub.add("acme/two", FILES | {"last.safetensors": noise(2_000_000, 7)})
    one = fetch("hf://acme/one", "one").path
    manifest = resolve("hf://acme/two")
    damage(one / "model.safetensors")
    hub.ledger.clear()
    hub.set_faults(Fault("hold", path="lfs/*/last.safetensors", after=100_000))
    imported: list[Path] = []
    thread = threading.Thread(target=lambda: imported.append(import_model(manifest, "two").path))
    thread.start()
    assert hub.ledger.wait_for_bytes(100_000)
    assert mend("one").failures == ()
    hub.set_faults()
    thread.join()
    assert contents(one) == FILES
    assert contents(imported[0]) == FILES | {"last.safetensors": noise(2_000_000, 7)}
    assert verify().faults == ()


def test_two_repairs_at_once_fetch_once(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    folder = fetch("hf://acme/model").path
    damage(folder / "model.safetensors")
    found = verify()
    hub.ledger.clear()
    done: list[Repaired] = []
    threads = [threading.Thread(target=lambda: done.append(repair(found))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [repaired.failures for repaired in done] == [(), ()]
    assert sorted(repaired.fetched_bytes for repaired in done) == [0, len(WEIGHTS)]
    assert contents(folder) == FILES and leftovers() == []

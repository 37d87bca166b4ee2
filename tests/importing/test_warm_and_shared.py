"""What is there is not fetched again: by a second run, by a second model, or by a second import at the same time."""

import os
import threading
from pathlib import Path

from steps.cache import Imported, import_model, models_root
from steps.cache.locks import is_at, open_locked
from steps.cache.store import ObjectStore
from steps.cache.transfer import begin_transfer
from steps.manifest_store import save_manifest
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import contents, fetch, noise, resolve, start_caching

WEIGHTS = noise(4_000_000, 1)
FILES = {"config.json": b"{}", "empty.txt": b"", "sub/model.safetensors": WEIGHTS}
SIZE = len(WEIGHTS) + 2


def test_second_run_fetches_nothing(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    first = import_model(manifest, "model")
    assert (first.fetched_bytes, first.reused_bytes) == (SIZE, 0)
    hub.ledger.clear()
    second = import_model(manifest, "model")
    assert second == Imported(first.path, 0, SIZE)
    assert hub.ledger.counts().total_requests == 0
    assert contents(second.path) == FILES


def test_two_models_share_one_copy(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    hub.add("acme/tuned", FILES | {"config.json": b'{"tuned": true}'})
    first, second = fetch("hf://acme/model", "one"), fetch("hf://acme/tuned", "two")
    assert second.fetched_bytes == len(b'{"tuned": true}')
    one, two = ((i.path / "sub/model.safetensors").stat() for i in (first, second))
    assert one.st_ino == two.st_ino


def test_one_file_under_two_names_is_fetched_once(hub: RunningHub) -> None:
    hub.add("acme/model", {"a.safetensors": WEIGHTS, "b.safetensors": WEIGHTS})
    imported = fetch("hf://acme/model")
    assert imported.fetched_bytes == len(WEIGHTS)
    assert imported.reused_bytes == len(WEIGHTS)
    assert contents(imported.path) == {"a.safetensors": WEIGHTS, "b.safetensors": WEIGHTS}


def test_two_imports_at_once_share_the_work(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    digest = save_manifest(resolve("hf://acme/model"))
    hub.set_faults(Fault("hold", path="lfs/*", after=1_500_000))
    first = start_caching(tmp_path / "first", digest, "one")
    assert hub.ledger.wait_for_bytes(1_500_000)
    second = start_caching(tmp_path / "second", digest, "two")
    claims = models_root() / ".ome" / "claims"
    waiting = threading.Event()
    while len(list(claims.glob("*.json"))) < 2 and second.poll() is None:
        waiting.wait(0.02)
    hub.set_faults()
    errors = [child.communicate(timeout=60)[1] for child in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], errors
    assert hub.ledger.counts().bytes["lfs/acme/model/sub/model.safetensors"] == len(WEIGHTS)
    assert contents(models_root() / "one") == contents(models_root() / "two") == FILES


def test_two_imports_to_one_folder_in_one_process(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    imported: list[Imported] = []
    threads = [threading.Thread(target=lambda: imported.append(import_model(manifest, "model"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(imported) == 2
    assert sum(i.fetched_bytes for i in imported) == SIZE
    assert contents(models_root() / "model") == FILES


def test_nothing_but_the_model_is_left(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    imported = fetch("hf://acme/model")
    private = models_root() / ".ome"
    assert list((private / "staging").iterdir()) == []
    assert list((private / "claims").iterdir()) == []
    assert [p for p in private.rglob("*") if p.suffix in (".partial", ".progress")] == []
    assert (imported.path / "sub/model.safetensors").stat().st_mode & 0o222 == 0


def test_transfer_of_a_file_that_another_import_just_finished_does_not_begin(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    import_model(manifest, "model")
    store = ObjectStore(models_root())
    for file in manifest.files:
        assert begin_transfer(store, file, 1) is None
        assert not store.partial(file).exists()


def test_lock_of_a_file_that_was_renamed_is_not_the_lock_of_its_name(tmp_path: Path) -> None:
    descriptor = open_locked(tmp_path / "a")
    assert descriptor is not None
    assert open_locked(tmp_path / "a") is None
    (tmp_path / "a").rename(tmp_path / "b")
    assert not is_at(descriptor, tmp_path / "a")
    assert is_at(descriptor, tmp_path / "b")
    second = open_locked(tmp_path / "a")
    assert second is not None
    os.close(second)
    os.close(descriptor)

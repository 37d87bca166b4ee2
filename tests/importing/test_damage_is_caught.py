"""Bytes that are not those of the manifest never reach a model folder, and the message says which file."""

from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.cache.store import ObjectStore
from steps.errors import IntegrityError
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import contents, entry, fetch, noise, resolve

WEIGHTS = noise(5_000_000, 1)
FILES = {"config.json": b'{"a": 1}', "model.safetensors": WEIGHTS}


@pytest.mark.parametrize("path", ["config.json", "model.safetensors"])
def test_flipped_byte_is_named_removed_and_fetched_anew(hub: RunningHub, path: str) -> None:
    hub.add("acme/model", FILES)
    hub.set_faults(Fault("flip", path=f"*{path}", after=5))
    manifest = resolve("hf://acme/model")
    with pytest.raises(IntegrityError, match=path.replace(".", r"\.")):
        import_model(manifest, "model")
    file = entry(manifest, path)
    store = ObjectStore(models_root())
    assert not store.partial(file).exists()
    assert not store.path(file).exists()
    assert not (models_root() / "model").exists()
    assert contents(import_model(manifest, "model").path) == FILES


def test_file_that_changes_while_it_is_read_is_named(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    hub.set_faults(Fault("change", path="acme/model/model.safetensors", times=0))
    with pytest.raises(IntegrityError, match=r"model\.safetensors: the file changed at its source"):
        import_model(manifest, "model")


def test_object_that_changes_in_the_store_behind_the_hub_is_caught(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    hub.set_faults(Fault("short", path="lfs/*", after=100), Fault("change", path="lfs/*", skip=1, times=0))
    with pytest.raises(IntegrityError, match=r"model\.safetensors"):
        import_model(manifest, "model")
    hub.set_faults()
    assert contents(import_model(manifest, "model").path) == FILES


def test_new_commit_is_a_new_manifest_and_replaces_the_folder(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    first = fetch("hf://acme/model")
    hub.add("acme/model", {"config.json": b'{"a": 2}', "more.json": b"{}"})
    second = fetch("hf://acme/model")
    assert second.path == first.path
    assert contents(second.path) == FILES | {"config.json": b'{"a": 2}', "more.json": b"{}"}
    assert second.fetched_bytes == len(b'{"a": 2}{}')


def damage(path: Path) -> None:
    """Change a byte in place, as a stray writer would, which also changes the linked object."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")


def test_file_damaged_on_this_machine_is_fetched_anew(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    imported = fetch("hf://acme/model")
    damage(imported.path / "model.safetensors")
    again = fetch("hf://acme/model")
    assert again.fetched_bytes == len(WEIGHTS)
    assert contents(again.path) == FILES


def test_file_removed_from_the_folder_comes_back_from_the_store(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    imported = fetch("hf://acme/model")
    (imported.path / "config.json").unlink()
    again = fetch("hf://acme/model")
    assert again.fetched_bytes == 0
    assert contents(again.path) == FILES


def test_damaged_object_is_not_given_to_a_second_model(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    imported = fetch("hf://acme/model", "first")
    damage(imported.path / "model.safetensors")
    assert contents(fetch("hf://acme/model", "second").path) == FILES


def test_leftovers_that_are_not_what_they_say_do_no_harm(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    file = entry(manifest, "model.safetensors")
    store = ObjectStore(models_root())
    store.partial(file).write_bytes(b"x" * 100)
    store.progress(file).write_bytes(b"not a record")
    assert contents(import_model(manifest, "model").path) == FILES

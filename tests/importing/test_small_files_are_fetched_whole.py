"""Small files are kept in memory until they are whole; what came of one that failed stays for the next run."""

from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.cache.small_transfer import SMALL_BYTES
from steps.cache.store import ObjectStore
from steps.errors import NetworkError
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import contents, entry, noise, resolve

FILES = {f"part-{number}.json": noise(20_000, number) for number in range(20)} | {"empty.txt": b""}
LARGEST = {"largest.json": noise(SMALL_BYTES, 99), "larger.json": noise(SMALL_BYTES + 1, 98)}


def leftovers() -> list[Path]:
    return [path for path in (models_root() / ".ome/objects").rglob("*") if path.suffix in (".partial", ".progress")]


def test_many_small_files_come_and_leave_no_record(hub: RunningHub) -> None:
    hub.add("acme/model", FILES | LARGEST)
    imported = import_model(resolve("hf://acme/model"), "model")
    assert contents(imported.path) == FILES | LARGEST
    assert imported.fetched_bytes == sum(map(len, (FILES | LARGEST).values()))
    assert leftovers() == []


def test_what_came_of_a_small_file_before_a_failure_is_not_fetched_again(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    hub.add("acme/model", LARGEST)
    manifest = resolve("hf://acme/model")
    hub.ledger.clear()
    hub.set_faults(Fault("short", path="*largest.json", after=100_000))
    with pytest.raises(NetworkError, match=r"largest\.json"):
        import_model(manifest, "model")
    assert ObjectStore(models_root()).progress(entry(manifest, "largest.json")).exists()
    again = import_model(manifest, "model")
    assert contents(again.path) == LARGEST
    assert hub.ledger.counts().total_bytes == sum(map(len, LARGEST.values()))
    assert leftovers() == []

"""Small files are kept in memory until they are whole; what came of one that failed stays for the next run."""

import asyncio
import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from steps.cache import import_model, models_root
from steps.cache.small_finish import MOST_BYTES, SmallFinish
from steps.cache.small_transfer import SMALL_BYTES, SmallTransfer
from steps.cache.store import ObjectStore
from steps.cache.transfer import begin_transfer
from steps.errors import IntegrityError, NetworkError
from steps.manifest import FileEntry
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


def whole(store: ObjectStore, content: bytes, came: bytes) -> SmallTransfer:
    digest = hashlib.sha256(content).hexdigest()
    file = FileEntry(path=f"{digest[:8]}.json", size=len(content), algorithm="sha256", digest=digest, location="/")
    transfer = begin_transfer(store, file, connections=1)
    assert isinstance(transfer, SmallTransfer)
    transfer.write(0, came)
    return transfer


def test_a_damaged_file_takes_none_of_those_with_it_that_end_together(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    good = [whole(store, content, content) for content in FILES.values() if content]
    bad = whole(store, b"as named", b"as came!")

    async def end() -> list[BaseException | None]:
        small = SmallFinish(store)
        return await asyncio.gather(*(small.finish(t) for t in (*good[:3], bad, *good[3:])), return_exceptions=True)

    failures = asyncio.run(end())
    assert [type(failure) for failure in failures if failure is not None] == [IntegrityError]
    assert bad.file.path in str(failures[3])
    assert all(store.has(transfer.file) for transfer in good) and not store.has(bad.file)
    for transfer in (*good, bad):
        transfer.close()
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".partial", ".progress")]


def test_no_more_small_files_are_begun_while_many_wait_for_the_disk(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    contents = [noise(SMALL_BYTES, number) for number in range(MOST_BYTES // SMALL_BYTES)]
    transfers = [whole(store, content, content) for content in contents]

    async def end() -> list[bool]:
        small = SmallFinish(store)
        seen = [small.is_full]
        ends = [asyncio.create_task(small.finish(transfer)) for transfer in transfers]
        await asyncio.sleep(0)
        seen.append(small.is_full)
        await asyncio.gather(*ends)
        return [*seen, small.is_full]

    assert asyncio.run(end()) == [False, True, False]
    for transfer in transfers:
        transfer.close()


class BusyDisk:
    """Holds each rename into a folder back, from when it is made until it is released."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._released = Event()
        self.is_asked = Event()
        sys.addaudithook(self._heard)  # stays as long as the process

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and not self._released.is_set() and str(arguments[1]).startswith(self._folder):
            self.is_asked.set()
            self._released.wait(60)

    def release(self) -> None:
        """Let all pass."""
        self._released.set()


def test_an_import_begins_no_more_small_files_while_the_disk_is_busy(hub: RunningHub) -> None:
    files = {f"part-{number}.json": noise(SMALL_BYTES, number) for number in range(3 * MOST_BYTES // SMALL_BYTES)}
    hub.add("acme/model", files)
    manifest = resolve("hf://acme/model")
    hub.ledger.clear()
    disk = BusyDisk(models_root() / ".ome/objects")
    with ThreadPoolExecutor(1) as pool:
        try:
            importing = pool.submit(import_model, manifest, "model")
            assert disk.is_asked.wait(60)
            assert not hub.ledger.wait_for_bytes(sum(map(len, files.values())), timeout=2)
        finally:
            disk.release()
        assert contents(importing.result(60).path) == files

"""Each fault of the disk: its class, its message and its remedy, and what is kept; and importers beside each other.

Imports run as the step does, in a process of its own: with limits of its own, and root may do no more than others.
"""

import os
import resource
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.errors import DiskFullError
from steps.manifest import Manifest
from steps.manifest_store import save_manifest
from steps.sources.paths import MARKER
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import bytes_there, contents, noise, resolve, start_caching
from tests.importing.promised import assert_step_told, assert_told, promises
from tests.not_run import not_run

WEIGHTS = noise(3_000_000, 1)
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS}
SIZE = len(WEIGHTS) + 2
HELD = 1_500_000
LIMIT = 2_000_000
ROOM = 8_000_000
"""Of the small disk: more than the model and the reserve, so that the import may begin."""
LEFT = 300_000
"""What another leaves free of it."""
IN_HAND = 100_000
"""Bytes that were sent and are not yet on the disk."""
PATIENCE = 300
"""Seconds for a step that has not much of a machine."""
TARGET = "lfs/acme/model/model.safetensors"


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection, so that bytes come in their order."""
    monkeypatch.setenv("OME_CONNECTIONS", "1")


def test_disk_without_room_is_told_before_a_byte_comes(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    with monkeypatch.context() as tight:
        tight.setenv("OME_DISK_RESERVE", "1000000Gi")
        with pytest.raises(DiskFullError) as caught:
            import_model(manifest, "model")
    numbers = r"needs 2\.9 MiB, free [\d.]+ [GM]iB, reserve 1000000\.0 GiB, evictable 0\.0 MiB"
    assert_told(caught.value, "a disk without room", numbers)
    assert hub.ledger.counts().total_bytes == 0
    assert contents(import_model(manifest, "model").path) == FILES


def test_disk_that_is_full_half_way_keeps_what_it_took(hub: RunningHub, tmp_path: Path) -> None:
    """A limit on the size of files that comes during the download: writes fail from there on, as on a full disk."""
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    step = _held(hub, tmp_path / "step", manifest)
    resource.prlimit(step.pid, resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
    hub.set_faults()
    _, printed = step.communicate(timeout=PATIENCE)
    numbers = r"models: File too large: needs [\d.]+ MiB more, free [\d.]+ [GM]iB, reserve 1\.0 MiB"
    assert_step_told(step.returncode, printed, "a disk that is full half-way", numbers)
    assert HELD <= bytes_there(manifest) <= LIMIT
    _goes_on(hub, manifest)


def test_small_disk_that_another_fills_half_way_keeps_what_it_took(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    with _small_disk(models_root()):
        step = _held(hub, tmp_path / "step", manifest)
        other = models_root() / "other.bin"
        free = os.statvfs(models_root())
        with other.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - LEFT)
        hub.set_faults()
        _, printed = step.communicate(timeout=PATIENCE)
        numbers = r"models: No space left on device: needs [\d.]+ MiB more, free 0\.\d MiB, reserve 1\.0 MiB"
        assert_step_told(step.returncode, printed, "a disk that is full half-way", numbers)
        assert HELD <= bytes_there(manifest) <= HELD + LEFT
        other.unlink()
        _goes_on(hub, manifest)


def test_read_only_root_keeps_what_it_has(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    step = _held(hub, tmp_path / "step", manifest)
    step.terminate()
    step.communicate(timeout=PATIENCE)
    hub.set_faults()
    with _read_only(models_root()):
        exit_code, printed = _cached(tmp_path / "again", manifest)
    words = rf"{models_root()}: Permission denied: the models root cannot be written"
    assert_step_told(exit_code, printed, "a read-only root", words)
    assert bytes_there(manifest) >= HELD - IN_HAND
    _goes_on(hub, manifest)


def test_read_only_root_that_is_empty(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    with _read_only(models_root()):
        exit_code, printed = _cached(tmp_path / "step", manifest)
    assert_step_told(exit_code, printed, "a read-only root", "Permission denied: the models root cannot be written")
    _goes_on(hub, manifest)


def test_read_only_root_serves_the_model_that_it_has(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    folder = import_model(manifest, "model").path
    if os.geteuid() == 0:  # who owns a file may always note its use
        os.chown(folder / MARKER, 1, 1)
    hub.ledger.clear()
    with _read_only(models_root()):
        exit_code, printed = _cached(tmp_path / "step", manifest)
    assert exit_code == 0, printed
    assert hub.ledger.counts().total_requests == 0
    assert contents(folder) == FILES


def test_importer_goes_on_with_what_another_of_its_model_left(hub: RunningHub, tmp_path: Path) -> None:
    assert "both end well" in promises()["two importers of one model"].remedy
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    first = _held(hub, tmp_path / "first", manifest)
    second = start_caching(tmp_path / "second", save_manifest(manifest))
    _wait_until(lambda: len(_claims()) == 2 or second.poll() is not None)
    first.terminate()
    first.communicate(timeout=PATIENCE)
    hub.set_faults()
    _, printed = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, printed
    assert int((tmp_path / "second" / "outputs" / "reused_bytes").read_text()) >= HELD - IN_HAND
    assert contents(models_root() / "model") == FILES


def test_importers_of_one_model_fetch_each_byte_once(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    first = _held(hub, tmp_path / "first", manifest)
    second = start_caching(tmp_path / "second", save_manifest(manifest))
    _wait_until(lambda: len(_claims()) == 2 or second.poll() is not None)
    hub.set_faults()
    told = [step.communicate(timeout=PATIENCE)[1] for step in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], told
    assert hub.ledger.counts().total_bytes == SIZE
    assert contents(models_root() / "model") == FILES


def test_importers_of_models_that_share_files_fetch_them_once(hub: RunningHub, tmp_path: Path) -> None:
    assert "both end well" in promises()["two models that share files"].remedy
    tuned = FILES | {"config.json": b'{"tuned": true}', "adapter.safetensors": noise(500_000, 2)}
    hub.add("acme/model", FILES)
    hub.add("acme/tuned", tuned)
    first = _held(hub, tmp_path / "first", resolve("hf://acme/model"))
    second = start_caching(tmp_path / "second", save_manifest(resolve("hf://acme/tuned")), "tuned")
    _wait_until(lambda: len(_claims()) == 2 or second.poll() is not None)
    hub.set_faults()
    told = [step.communicate(timeout=PATIENCE)[1] for step in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], told
    sent = hub.ledger.counts().bytes
    assert sent.get(TARGET, 0) + sent.get(TARGET.replace("model/", "tuned/", 1), 0) == len(WEIGHTS)
    folders = models_root() / "model", models_root() / "tuned"
    assert [contents(folder) for folder in folders] == [FILES, tuned]
    assert len({(folder / "model.safetensors").stat().st_ino for folder in folders}) == 1


@contextmanager
def _small_disk(root: Path) -> Iterator[None]:
    """A file system in memory that has room for the model and little more, at the models root."""
    if os.geteuid() != 0:
        not_run("root, who may mount a file system", "run the tests as root")
    root.mkdir(parents=True, exist_ok=True)
    options = f"size={ROOM},mode=0755"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", root], capture_output=True, text=True)
    if mounted.returncode != 0:
        not_run(f"a file system of its own ({mounted.stderr.strip()})", "run the tests where root may mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", root], check=True)


@contextmanager
def _read_only(root: Path) -> Iterator[None]:
    """A folder that, with all in it, may only be read."""
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def _held(hub: RunningHub, folder: Path, manifest: Manifest) -> "subprocess.Popen[str]":
    """An import that has so many bytes of the weights on the disk, and waits for more."""
    hub.set_faults(Fault("hold", after=HELD))
    step = start_caching(folder, save_manifest(manifest))
    assert hub.ledger.wait_for_bytes(HELD, PATIENCE)
    _wait_until(lambda: bytes_there(manifest) >= HELD - IN_HAND or step.poll() is not None)
    return step


def _cached(folder: Path, manifest: Manifest) -> tuple[int, str]:
    """An import to its end: exit code, and what it printed."""
    step = start_caching(folder, save_manifest(manifest))
    _, printed = step.communicate(timeout=PATIENCE)
    return step.returncode, printed


def _claims() -> list[Path]:
    return list((models_root() / ".ome" / "claims").glob("*.json"))


def _wait_until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not is_so():
        pause.wait(0.02)


def _goes_on(hub: RunningHub, manifest: Manifest) -> None:
    """See that no model can be seen, and that the next run fetches what is missing and no byte more."""
    assert not (models_root() / "model").exists()
    missing = SIZE - bytes_there(manifest)
    hub.ledger.clear()
    assert contents(import_model(manifest, "model").path) == FILES
    assert hub.ledger.counts().total_bytes == missing

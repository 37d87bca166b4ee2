"""A repair that is killed leaves every file as it was or mended, and the next one goes on from there."""

import subprocess
import sys
import threading
from pathlib import Path

from steps.cache import import_model, models_root
from steps.cache.journal import read_journal
from steps.cache.repair import repair
from steps.cache.verifying import verify
from steps.manifest_store import save_manifest
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.damage import damage
from tests.importing.models import contents, fetch, noise, resolve

FILES = {"config.json": b"{}", "model.safetensors": noise(100_000, 1), "sub/more.txt": b"more"}


def test_a_kill_before_any_change_of_the_disk_leaves_files_old_or_mended(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    for name in ("one", "two"):
        save_manifest(resolve("hf://acme/model"))
        fetch("hf://acme/model", name)
    command = [sys.executable, "-m", "tests.importing.killed_repairs"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 15, "a repair of two folders makes so many changes at least"


def test_a_kill_half_way_through_the_bytes_costs_next_to_nothing(hub: RunningHub, tmp_path: Path) -> None:
    weights = noise(8_000_000, 3)
    hub.add("acme/model", {"model.safetensors": weights})
    manifest = resolve("hf://acme/model")
    save_manifest(manifest)
    folder = import_model(manifest, "model").path
    damaged = damage(folder / "model.safetensors")
    hub.ledger.clear()
    hub.set_faults(Fault("hold", path="lfs/*", after=5_000_000))
    child = subprocess.Popen([sys.executable, "-m", "pipelines.command", "cache", "verify", "--repair"])
    assert hub.ledger.wait_for_bytes(5_000_000)
    journals, pause = models_root() / ".ome" / "repair", threading.Event()
    while child.poll() is None and _there(journals, len(weights)) < 4_500_000:
        pause.wait(0.02)
    child.kill()
    child.wait()
    assert contents(folder) == {"model.safetensors": damaged}
    hub.set_faults()
    repaired = repair(verify())
    assert repaired.fetched_bytes <= 3_500_000
    assert contents(folder) == {"model.safetensors": weights}
    assert not journals.exists()


def _there(folder: Path, size: int) -> int:
    """Bytes of downloads below a folder, by their journals."""
    known = [read_journal(path, size) for path in folder.rglob("*.progress")]
    return sum(sum(each.done) for each in known if each is not None)

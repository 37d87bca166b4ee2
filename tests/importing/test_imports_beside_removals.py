"""A model that goes at the worst moment of an import takes nothing of it along."""

import subprocess
import sys
from pathlib import Path

from steps.cache import models_root
from steps.manifest_store import save_manifest
from tests.hub.fixture import RunningHub
from tests.importing.models import contents, fetch, noise, resolve

FILES = {"config.json": b"{}", "model.safetensors": noise(300_000, 1)}
OTHER = {"config.json": b'{"is": "other"}'}


def intrude(moment: str, at: Path, victim: Path, digest: str, path: Path) -> str:
    """Import in a child; what became of the removal."""
    arguments = (moment, str(at), str(victim), digest, str(path))
    command = [sys.executable, "-m", "tests.importing.intruded_imports", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_folder_above_the_model_does_not_go_before_the_model_comes(hub: RunningHub) -> None:
    hub.add("acme/one", OTHER)
    hub.add("acme/two", FILES)
    one, two = fetch("hf://acme/one", path="group/one").path, models_root() / "group" / "two"
    assert intrude("os.rename", two, one, save_manifest(resolve("hf://acme/two")), two) == "locked out"
    assert contents(two) == FILES
    assert contents(one) == OTHER


def test_a_model_that_is_found_whole_does_not_go_before_its_use_is_noted(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    folder = fetch("hf://acme/model").path
    digest = save_manifest(resolve("hf://acme/model"))
    hub.ledger.clear()
    assert intrude("os.utime", folder / ".ome-model.json", folder, digest, folder) == "locked out"
    assert contents(folder) == FILES
    assert hub.ledger.counts().total_requests == 0

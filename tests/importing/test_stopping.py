"""An import that is told to stop stops at once, says nothing frightening, and leaves what it has."""

import signal
import threading
from pathlib import Path

import pytest

from steps.cache import models_root
from steps.manifest_store import save_manifest
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import bytes_there, contents, fetch, noise, resolve, start_caching

FILES = {"config.json": b"{}", "model.safetensors": noise(3_000_000, 1)}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_ends_the_step_and_the_next_run_goes_on(
    hub: RunningHub, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    digest = save_manifest(manifest)
    hub.set_faults(Fault("hold", path="lfs/*", after=1_500_000))
    child = start_caching(tmp_path / "step", digest)
    assert hub.ledger.wait_for_bytes(1_500_000)
    pause = threading.Event()
    while bytes_there(manifest) < 1_400_000 and child.poll() is None:
        pause.wait(0.01)
    child.send_signal(number)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == code
    assert "Traceback" not in errors
    assert not (models_root() / "model").exists()
    hub.set_faults()
    again = fetch("hf://acme/model")
    assert again.reused_bytes >= 1_400_000
    assert contents(again.path) == FILES

"""A kill -9 at any point of an import costs next to nothing: the next run goes on from the bytes that are there.

The child is stopped first, at whatever it was doing, so that what it had fetched by then can be counted exactly: what
the hub sent, less what still lies in the kernel's queues.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from steps.cache import models_root
from steps.manifest_store import save_manifest
from tests.hub.fixture import RunningHub, running_hub
from tests.hub.server import HubOptions
from tests.importing.models import bytes_there, contents, noise, resolve, start_caching
from tests.kills.accounting import fetched_until_now

POINTS = 20
KILLS = 40
FILES = {
    "config.json": b"{}",
    "model-00001-of-00002.safetensors": noise(30_000_000, 1),
    "model-00002-of-00002.safetensors": noise(18_000_000, 2),
}
SIZE = sum(len(content) for content in FILES.values())


@pytest.fixture
def paced_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHub]:
    """A hub slow enough for a kill to meet its point."""
    (tmp_path / "hub").mkdir()
    with running_hub(HubOptions(tmp_path / "hub", bytes_per_second=20_000_000)) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def test_kill_at_twenty_points_keeps_what_was_fetched(paced_hub: RunningHub, tmp_path: Path) -> None:
    paced_hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    digest = save_manifest(manifest)
    sent_before = there_before = 0
    for point in range(1, POINTS + 1):
        target = SIZE * point // (POINTS + 1)
        child = start_caching(tmp_path / "step", digest)
        assert paced_hub.ledger.wait_for_bytes(sent_before + max(1, target - there_before))
        os.kill(child.pid, signal.SIGSTOP)
        fetched = there_before + fetched_until_now(paced_hub) - sent_before
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        paced_hub.set_faults()
        sent, there = paced_hub.ledger.counts().total_bytes, bytes_there(manifest)
        assert there >= 0.95 * fetched, f"point {point}: {there} of {fetched} bytes kept"
        assert not (models_root() / "model").exists(), "a killed import must leave no model folder"
        sent_before, there_before = sent, there
    child = start_caching(tmp_path / "step", digest)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    last = paced_hub.ledger.counts().total_bytes - sent_before
    assert last == SIZE - there_before, "the last run fetches exactly what is missing"
    assert contents(models_root() / "model") == FILES
    outputs = tmp_path / "step" / "outputs"
    assert int((outputs / "fetched_bytes").read_text()) == last
    assert int((outputs / "reused_bytes").read_text()) == SIZE - last


def test_kill_near_the_end_fetches_next_to_nothing_again(paced_hub: RunningHub, tmp_path: Path) -> None:
    paced_hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    digest = save_manifest(manifest)
    child = start_caching(tmp_path / "step", digest)
    assert paced_hub.ledger.wait_for_bytes(SIZE - 50_000)
    os.kill(child.pid, signal.SIGSTOP)
    fetched = fetched_until_now(paced_hub)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    paced_hub.set_faults()
    sent = paced_hub.ledger.counts().total_bytes
    child = start_caching(tmp_path / "step", digest)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    assert paced_hub.ledger.counts().total_bytes - sent <= SIZE - 0.95 * fetched
    assert contents(models_root() / "model") == FILES


@pytest.mark.timeout(1500)  # hundreds of processes, on a machine that may have much else to do
def test_kills_at_random_moments_show_no_partial_model_and_cost_next_to_nothing() -> None:
    """Files of every kind, and moments of every kind; `python -m tests.kills` alone kills a thousand times."""
    command = [sys.executable, "-m", "tests.kills", "--count", str(KILLS), "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"kills     {KILLS} in "), done.stdout

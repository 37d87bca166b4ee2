"""An import that is told to stop stops at once, says nothing frightening, and leaves what it has."""

import signal
import subprocess
import sys
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


STOPS_ITSELF = """
import asyncio, signal, sys
from steps.__main__ import main
from steps.contract import CATALOGUE, StepInputs, step

async def be_stopped():
    try:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(60)
    finally:
        print("in order")

async def work():
    async with asyncio.TaskGroup() as group:
        group.create_task(be_stopped())
        group.create_task(asyncio.sleep(60))

@step("stops-itself", title="Stops itself", description="For this test.")
def stops_itself(inputs: StepInputs) -> None:
    asyncio.run(work())

CATALOGUE["stops-itself"] = "__main__:stops_itself"
sys.exit(main(["stops-itself", sys.argv[1]]))
"""


def test_signal_that_lands_inside_a_task_cancels_the_work_in_order(tmp_path: Path) -> None:
    parameters = tmp_path / "parameters.json"
    parameters.write_text("[]")
    child = subprocess.run(
        [sys.executable, "-c", STOPS_ITSELF, str(parameters)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (child.returncode, child.stdout, child.stderr) == (143, "in order\n", "")

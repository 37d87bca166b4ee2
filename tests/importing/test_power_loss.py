"""After a power cut no visible model is damaged, and the next import goes on from the bytes that the disk has."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.cache.holes import STALE_BYTES, bytes_before_hole
from steps.cache.store import ObjectStore
from steps.manifest_store import save_manifest
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import bytes_there, contents, noise, resolve, start_caching
from tests.kills.__main__ import NOT_RUN
from tests.kills.writeback import FORCED
from tests.not_run import not_run

MIB = 1 << 20
CUTS = 10


def take(path: Path, start: int, size: int) -> None:
    """Make a hole of bytes, as a power cut leaves one where the disk never had them."""
    command = ["fallocate", "--punch-hole", "--offset", str(start), "--length", str(size), str(path)]
    subprocess.run(command, check=True)


@pytest.mark.timeout(1500)  # many processes, on a machine that may have much else to do
@pytest.mark.parametrize("kind", ["ext4", *(["xfs"] if shutil.which("mkfs.xfs") else [])])
def test_power_cuts_at_random_moments_leave_no_damaged_model(kind: str) -> None:
    command = [sys.executable, "-m", "tests.kills", "--power", kind, "--count", str(CUTS), "--seed", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == NOT_RUN:
        not_run(done.stderr.strip(), "run as root, with mkfs.ext4 and loop devices")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"kills     {CUTS} in "), done.stdout
    assert f"where the disk had {FORCED}" in done.stdout, "which must all be there after a cut"


def test_recorded_bytes_that_the_disk_never_had_are_fetched_again_at_once(hub: RunningHub, tmp_path: Path) -> None:
    files = {"model.safetensors": noise(48 * MIB, 1)}
    hub.add("acme/model", files)
    manifest = resolve("hf://acme/model")
    hub.set_faults(Fault("hold", times=0, after=46 * MIB))
    child = start_caching(tmp_path / "step", save_manifest(manifest))
    assert hub.ledger.wait_for_bytes(46 * MIB)
    child.kill()
    child.communicate()
    hub.set_faults()
    there, partial = bytes_there(manifest), ObjectStore(models_root()).partial(manifest.files[0])
    take(partial, 5 * MIB, MIB)
    imported = import_model(manifest, "model")
    assert contents(imported.path) == files
    assert 48 * MIB - there < imported.fetched_bytes <= 48 * MIB - there + 3 * MIB, "the segment's end, and no more"


def test_bytes_before_a_hole_are_there_but_the_last_of_them(tmp_path: Path) -> None:
    place = tmp_path / "partial"
    place.write_bytes(noise(8 * MIB, 1))
    take(place, 5 * MIB, MIB)
    with place.open("rb") as file:
        assert bytes_before_hole(file.fileno(), MIB, 8 * MIB) == 4 * MIB - STALE_BYTES
        assert bytes_before_hole(file.fileno(), 6 * MIB, 8 * MIB) == 2 * MIB, "nothing is missing behind it"
        assert bytes_before_hole(file.fileno(), 0, 5 * MIB) == 5 * MIB, "nor before it"
        assert bytes_before_hole(file.fileno(), 5 * MIB + 10, 6 * MIB) == 0


def test_bytes_that_were_forced_to_the_disk_are_there_up_to_a_hole(tmp_path: Path) -> None:
    place = tmp_path / "partial"
    place.write_bytes(noise(8 * MIB, 1))
    take(place, 5 * MIB, MIB)
    with place.open("rb") as file:
        assert bytes_before_hole(file.fileno(), MIB, 8 * MIB, synced=4 * MIB) == 4 * MIB
        assert bytes_before_hole(file.fileno(), MIB, 8 * MIB, synced=4 * MIB - 1000) == 4 * MIB - 1000
        assert bytes_before_hole(file.fileno(), MIB, 8 * MIB, synced=MIB) == 4 * MIB - STALE_BYTES
        assert bytes_before_hole(file.fileno(), MIB, 8 * MIB, synced=6 * MIB) == 4 * MIB - STALE_BYTES, (
            "the disk lost what it said it had"
        )

"""A download that is verified and read-only, but has not its name yet, is another's to finish, or everyone's."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from steps.cache import models_root
from steps.cache.locks import open_locked
from steps.cache.store import ObjectStore
from steps.manifest_store import save_manifest
from tests.hub.fixture import RunningHub
from tests.importing.models import contents, fetch, noise, resolve, start_caching, without_capabilities

FILES = {"config.json": b"{}", "model.safetensors": noise(3_000_000, 1)}
OPEN = """
import sys
from pathlib import Path
from steps.cache.locks import open_locked
print(open_locked(Path(sys.argv[1])))
"""
REMOVE = """
import sys
from pathlib import Path
from steps.cache.collection import remove_leftover
remove_leftover(Path(sys.argv[1]))
"""


def open_elsewhere(path: Path) -> str:
    """What `open_locked` says to another process that may do no more than others: a number, or None."""
    command = without_capabilities([sys.executable, "-c", OPEN, str(path)])
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A file as it is between the verification of a download and its new name."""
    path = tmp_path / "digest.partial"
    path.write_bytes(b"verified")
    path.chmod(0o444)
    return path


def test_what_another_process_finishes_is_left_to_it_and_stays_read_only(finished: Path) -> None:
    descriptor = os.open(finished, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert open_elsewhere(finished) == "None"
    finally:
        os.close(descriptor)
    assert finished.stat().st_mode & 0o777 == 0o444


def test_what_a_killed_process_has_finished_is_taken_over(finished: Path) -> None:
    assert int(open_elsewhere(finished)) > 2
    assert finished.stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_written_is_still_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o555)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        open_elsewhere(folder / "digest.partial")
    assert "PermissionError" in caught.value.stderr


def test_what_a_killed_process_has_finished_can_be_collected(finished: Path) -> None:
    subprocess.run(without_capabilities([sys.executable, "-c", REMOVE, str(finished)]), check=True)
    assert not finished.exists()


def test_an_object_has_its_seal_before_its_name(hub: RunningHub) -> None:
    """Seen at each rename by the interpreter's own audit: in between another process would take it for unsealed."""
    hub.add("acme/model", FILES)
    script = """
import sys
from pathlib import Path
def look(event, arguments):
    if event == "os.rename" and str(arguments[0]).endswith(".partial"):
        seals.append(Path(str(arguments[1]) + ".seal").exists())
seals = []
sys.addaudithook(look)
from tests.importing.models import fetch
fetch("hf://acme/model")
print(seals)
"""
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert told.strip() == "[True, True]"


def test_an_import_goes_on_from_there(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    folder = fetch("hf://acme/model").path
    store = ObjectStore(models_root())
    for file in manifest.files:
        store.path(file).rename(store.partial(file))
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    child = start_caching(tmp_path / "step", save_manifest(manifest))
    _, told = child.communicate()
    assert child.returncode == 0, told
    assert contents(folder) == FILES
    assert all(store.path(file).stat().st_mode & 0o777 == 0o444 for file in manifest.files)


def test_the_lock_is_one_for_all_descriptors(tmp_path: Path) -> None:
    path = tmp_path / "digest.partial"
    descriptor = open_locked(path)
    assert descriptor is not None
    assert open_locked(path) is None
    os.close(descriptor)

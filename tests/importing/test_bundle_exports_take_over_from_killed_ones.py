"""One export at a time writes to a place; what a killed one left there, file or folder, is in nobody's way."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from steps.errors import InvalidInputError
from steps.manifest import Manifest
from steps.manifest_store import save_manifest
from tests.importing.bundles import FILES, elsewhere, exported, go, imported, model
from tests.importing.models import contents

__all__ = ["elsewhere", "model"]

CHILD = """
import sys
from pathlib import Path
from steps.cache.bundle_export import export_bundle
from steps.manifest_store import load_manifest
def told(phase, completed, total):
    if phase == "writing":
        print(phase, flush=True)
        sys.stdin.readline()
target, kind, digest = sys.argv[1:]
export_bundle("tiny", load_manifest(digest), Path(target), is_folder=kind == "folder", on_progress=told)
"""


@pytest.mark.parametrize("second", ["file", "folder"])
@pytest.mark.parametrize("first", ["file", "folder"])
def test_an_export_waits_for_nobody_dead_and_disturbs_nobody_alive(
    model: Manifest, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    target = tmp_path / "bundle"
    command = [sys.executable, "-c", CHILD, str(target), first, save_manifest(model)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline(), "it writes, and waits"
    with pytest.raises(InvalidInputError, match="another export writes it"):
        exported(model, target, is_folder=second == "folder")
    assert list(tmp_path.glob(".bundle.partial")), "what is being written stays"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert not target.exists()
    exported(model, target, is_folder=second == "folder")
    assert target.is_dir() == (second == "folder")
    assert list(tmp_path.glob(".bundle*")) == [], "nothing is left beside it"
    go(elsewhere, monkeypatch)
    assert contents(imported(target).imported.path) == FILES


def test_a_failed_export_leaves_nothing(model: Manifest, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    for is_folder in (True, False):
        with pytest.raises(InvalidInputError, match="exists already"):
            exported(model, tmp_path / "bundle", is_folder=is_folder)
    assert list(tmp_path.glob(".bundle*")) == []

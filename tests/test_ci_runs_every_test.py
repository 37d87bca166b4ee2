"""A test that cannot run is told as such, and fails where `CI` is set: there nobody would miss it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SKIPS = """
import pytest
from tests.not_run import not_run

@pytest.fixture
def ring():
    not_run("no ring", "Run: make cluster-install")

def test_here():
    not_run("not installed: runc", "Run: make cluster-install")

def test_there(ring):
    pass

def test_everywhere():
    pass
"""


@pytest.mark.parametrize(("ci", "told"), [("", "1 passed, 2 skipped"), ("1", "1 failed, 1 passed, 1 error")])
def test_what_is_not_run_fails_where_ci_is_set(ci: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "test_skips.py").write_text(SKIPS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "-ra",
        "test_skips.py",
    ]
    environment = os.environ | {"CI": ci, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert told in done.stdout, done.stdout
    for lacking in ("no ring", "not installed: runc"):
        assert f"not run: {lacking}: Run: make cluster-install" in done.stdout, done.stdout
    assert (done.returncode == 0) == (not ci)


def test_what_is_left_to_the_cluster_is_in_the_folder_that_runs_there() -> None:
    """`make test` runs what is not marked, and `make test-cluster` one folder: a test elsewhere would run nowhere."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "cluster", "tests"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    marked = [line for line in done.stdout.splitlines() if "::" in line]
    assert marked and [line for line in marked if not line.startswith("tests/cluster/")] == [], done.stdout

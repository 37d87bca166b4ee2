"""A base image whose making was interrupted is made by the next attempt, with the real engine."""

import subprocess
import tarfile
from pathlib import Path

import pytest

from images.base import image_identity, import_archive
from images.engine import Engine, find_engine
from images.environment import EnvironmentProblem
from tests.not_run import not_run

pytestmark = pytest.mark.cluster  # for its engine; no node is needed
TAG = "localhost/interrupted:1"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """The engine that builds images here, with a storage of the test's own where it can have one."""
    try:
        found = find_engine("")
    except EnvironmentProblem as problem:
        not_run(problem.message, problem.remedy)
    places = ("--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run"), "--storage-driver", "vfs")
    return Engine(found.name, () if found.name == "docker" else places)


def test_an_import_that_was_cut_after_any_of_its_commands_succeeds_again(engine: Engine, tmp_path: Path) -> None:
    archive = tmp_path / "root.tar"
    with tarfile.open(archive, "w") as files:
        files.add(__file__, "test.py")
    commands = engine.import_commands(archive, TAG, {"LANG": "C.UTF-8"})
    for reached in range(1, len(commands) + 1):
        for command in commands[:reached]:
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        import_archive(engine, archive, TAG, tmp_path / "log")
        assert image_identity(engine, TAG)

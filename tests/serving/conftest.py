"""Every test here starts without deployments, restarts quickly, and must leave no process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from steps.serving import deployments, state
from steps.serving.identity import marked_processes


@pytest.fixture(autouse=True)
def no_process_stays(ome_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends what a test left running."""
    monkeypatch.setenv("OME_RESTART_PAUSE_SECONDS", "0.05")
    monkeypatch.setenv("OME_RESTART_LIMIT", "3")
    yield
    deployments.stop_all()
    assert not [process for folder in state.deployment_folders() for process in marked_processes(folder)]

"""Every test here has a home folder of its own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of this test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("OME_HOME", str(folder))
    monkeypatch.setenv("OME_STEP_GRACE_SECONDS", "0.5")
    return folder

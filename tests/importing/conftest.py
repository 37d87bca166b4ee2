"""A hub for each test, quick retries, and a step run as the child process it is on a cluster."""

import pytest

from tests.hub.fixture import hub

__all__ = ["hub"]


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries that cost no time; a reserve that a small disk can hold."""
    monkeypatch.setenv("OME_BACKOFF_SECONDS", "0.01")
    monkeypatch.setenv("OME_DISK_RESERVE", "1Mi")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)

"""A hub for each test, and quick retries."""

import pytest

from tests.hub.fixture import hub
from tests.importing.conftest import quick_retries

__all__ = ["hub", "quick_retries"]


@pytest.fixture(autouse=True)
def no_peers_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test names."""
    for name in ("OME_PEERS", "OME_PEER_ADDRESS", "OME_PEER_KEY", "OME_DOWNLOAD_LIMIT", "OME_UPLOAD_LIMIT"):
        monkeypatch.delenv(name, raising=False)

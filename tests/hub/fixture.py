"""The hub inside a test: `with running_hub(folder) as hub`, or the pytest fixture `hub` over an empty folder.

It runs in a thread of the test process, so that a test reads its ledger and sets its faults directly. For speed
measurements start `python -m tests.hub` as a child instead: `child_hub`.
"""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hub.faults import Fault
from tests.hub.ledger import Ledger
from tests.hub.server import HubOptions, HubServer

START_SECONDS = 30


class RunningHub:
    """A hub that listens in another thread."""

    def __init__(self, server: HubServer) -> None:
        self._server = server

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is to be set to."""
        return self._server.url

    @property
    def ports(self) -> frozenset[int]:
        """Of both origins."""
        return frozenset(int(url.rpartition(":")[2]) for url in (self._server.url, self._server.store_url))

    @property
    def folder(self) -> Path:
        """Holds the repositories; files may be added while the hub runs."""
        return self._server.options.folder

    @property
    def ledger(self) -> Ledger:
        """What was asked and sent."""
        return self._server.ledger

    def set_faults(self, *faults: Fault) -> None:
        """Replace all faults."""
        self._server.faults.set(faults)

    def add(self, repository: str, files: Mapping[str, bytes], settings: str = "") -> Path:
        """Write a repository's files, and its `.hub.yaml` when there are settings; return its folder."""
        folder = self.folder / repository
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        if settings or "/" not in repository:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".hub.yaml").write_text(settings)
        return folder


@contextmanager
def running_hub(options: HubOptions) -> Iterator[RunningHub]:
    """A hub in a thread, stopped at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="test hub", daemon=True)
    thread.start()
    server = HubServer(options)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(START_SECONDS)
    try:
        yield RunningHub(server)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(START_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_SECONDS)
        loop.close()


@contextmanager
def child_hub(folder: Path, *arguments: str) -> Iterator[str]:
    """A hub in a process of its own, for speed measurements: gives its URL."""
    command = [sys.executable, "-m", "tests.hub", "--folder", str(folder), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHub]:
    """An empty hub that HF_ENDPOINT names, with no token and a home folder of its own.

    Use it by `from tests.hub.fixture import hub` in a conftest.py.
    """
    monkeypatch.setenv("OME_HOME", str(tmp_path / "home"))
    for name in ("HF_TOKEN", "HF_TOKEN_PATH", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (tmp_path / "hub").mkdir()
    with running_hub(HubOptions(tmp_path / "hub")) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running

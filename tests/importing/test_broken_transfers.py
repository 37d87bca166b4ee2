"""Transfers that stall, break or are told to slow down go on within the same import, from the byte they had."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from steps.cache import import_model
from steps.errors import IntegrityError, NetworkError, RateLimitedError
from steps.manifest import Manifest
from steps.sources import open_source, read_range
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub, running_hub
from tests.hub.server import HubOptions
from tests.importing.models import contents, entry, fetch, noise, resolve

WEIGHTS = noise(3_000_000, 1)
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS}
STORED = "lfs/acme/model/model.safetensors"


def listed(hub: RunningHub, settings: str = "") -> Manifest:
    """The model, at the hub."""
    hub.add("acme/model", FILES, settings=settings)
    return resolve("hf://acme/model")


@contextmanager
def full_server() -> Iterator[str]:
    """The URL of a server that has as many connections to accept as its kernel keeps."""
    with socket.socket() as server, ExitStack() as stack:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(8):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def read(manifest: Manifest, start: int, end: int) -> bytes:
    """A range of the weights, as their header is read."""
    return read_range(open_source(manifest.uri), entry(manifest, "model.safetensors"), start, end)


def test_short_body_is_resumed_from_where_it_ended(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    hub.set_faults(Fault("short", path="lfs/*", after=700_000, times=2))
    assert contents(fetch("hf://acme/model").path) == FILES
    assert hub.ledger.counts().bytes[STORED] == len(WEIGHTS)


def test_stall_is_cut_and_resumed(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", FILES)
    monkeypatch.setenv("OME_STALL_SECONDS", "0.5")
    hub.set_faults(Fault("stall", path="lfs/*", after=500_000))
    assert contents(fetch("hf://acme/model").path) == FILES
    assert hub.ledger.counts().bytes[STORED] == len(WEIGHTS)


def test_stall_for_good_is_a_network_error(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", FILES)
    monkeypatch.setenv("OME_STALL_SECONDS", "0.2")
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "2")
    hub.set_faults(Fault("stall", path="lfs/*", times=0))
    with pytest.raises(NetworkError, match=r"model\.safetensors: no byte came"):
        fetch("hf://acme/model")


def test_a_source_that_takes_no_connection_is_told_as_such(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = listed(hub)
    monkeypatch.setenv("OME_STALL_SECONDS", "0.4")  # three quarters of which are for a connection
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    with full_server() as url, pytest.raises(NetworkError, match=r"no connection was made within 0\.3 s"):
        monkeypatch.setenv("HF_ENDPOINT", url)
        import_model(manifest, "model")


@pytest.mark.parametrize("status", [500, 502, 503])
def test_server_errors_are_tried_again(hub: RunningHub, status: int) -> None:
    manifest = listed(hub)
    hub.set_faults(Fault("status", path="*model.safetensors", status=status, times=3))
    assert contents(import_model(manifest, "model").path) == FILES


def test_expired_address_of_the_store_is_asked_for_again(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    hub.set_faults(Fault("status", path="lfs/*", status=403, skip=1, times=1))
    assert contents(fetch("hf://acme/model").path) == FILES
    assert hub.ledger.counts().requests["acme/model/model.safetensors"] >= 2


@pytest.mark.parametrize("status", [429, 503])
def test_a_source_that_says_how_long_to_wait_is_waited_for(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    manifest = listed(hub)
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "2")
    hub.set_faults(Fault("status", path="*", status=status, retry_after=0, times=10))
    assert contents(import_model(manifest, "model").path) == FILES


def test_a_store_that_says_how_long_to_wait_is_asked_again_itself(hub: RunningHub) -> None:
    manifest = listed(hub)
    hub.set_faults(Fault("status", path=STORED, status=429, retry_after=0, times=3))
    assert read(manifest, 100, 5000) == WEIGHTS[100:5000]
    asked = hub.ledger.counts().requests
    assert (asked["acme/model/model.safetensors"], asked[STORED]) == (1, 4)


def test_rate_limit_storm_ends_with_its_class_and_the_time_asked_for(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = listed(hub)
    monkeypatch.setenv("OME_RATE_LIMIT_SECONDS", "5")
    hub.set_faults(Fault("status", path="*", status=429, retry_after=3600, times=0))
    with pytest.raises(RateLimitedError, match="HTTP 429") as caught:
        import_model(manifest, "model")
    assert caught.value.retry_after_seconds == 3600
    assert "token" in caught.value.remedy


def test_rate_limit_storm_while_listing(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", FILES)
    monkeypatch.setenv("OME_RATE_LIMIT_SECONDS", "5")
    hub.set_faults(Fault("status", path="api/*", status=429, retry_after=3600, times=0))
    with pytest.raises(RateLimitedError, match="hf://acme/model"):
        resolve("hf://acme/model")


def test_what_was_fetched_before_a_final_failure_is_kept(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", FILES)
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    monkeypatch.setenv("OME_CONNECTIONS", "1")
    manifest = resolve("hf://acme/model")
    hub.set_faults(Fault("short", path="lfs/*", after=600_000), Fault("status", path="*safetensors", skip=2, times=0))
    with pytest.raises(NetworkError):
        import_model(manifest, "model")
    hub.set_faults()
    hub.ledger.clear()
    again = import_model(manifest, "model")
    assert hub.ledger.counts().bytes[STORED] == len(WEIGHTS) - 600_000
    assert again.reused_bytes >= 600_000
    assert contents(again.path) == FILES


def test_reads_of_ranges_go_on_after_failures(hub: RunningHub) -> None:
    manifest = listed(hub)
    hub.set_faults(Fault("short", path="lfs/*", after=10), Fault("status", path="lfs/*", status=503))
    assert read(manifest, 100, 5000) == WEIGHTS[100:5000]
    assert read(manifest, len(WEIGHTS) - 5, len(WEIGHTS) + 100) == WEIGHTS[-5:]
    assert read(manifest, 7, 7) == b""


@pytest.mark.timeout(60)
def test_read_of_answers_without_a_byte_ends_after_the_attempts(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = listed(hub)
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "3")
    hub.set_faults(Fault("length", path="lfs/*", after=0, times=0))
    with pytest.raises(NetworkError, match=r"model\.safetensors: the answer ended 4900 bytes early"):
        read(manifest, 100, 5000)
    assert hub.ledger.counts().requests[STORED] == 3


def test_other_bytes_than_were_asked_for_are_never_taken(hub: RunningHub) -> None:
    manifest = listed(hub)
    hub.set_faults(Fault("elsewhere", path="lfs/*", after=50, times=2))
    assert read(manifest, 100, 5000) == WEIGHTS[100:5000]
    hub.set_faults(Fault("elsewhere", path="lfs/*", after=50, times=2))
    assert contents(import_model(manifest, "model").path) == FILES


def test_other_bytes_for_good_are_told_as_what_they_are(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = listed(hub)
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "2")
    hub.set_faults(Fault("elsewhere", path="lfs/*", after=50, times=0))
    with pytest.raises(NetworkError, match=r'asked for bytes from 100, got "bytes 150-4999/3000000"'):
        read(manifest, 100, 5000)


def test_read_of_a_file_of_another_size_than_was_listed_is_refused(hub: RunningHub) -> None:
    manifest = listed(hub, "listed: {model.safetensors: {size: 2999999}}")
    with pytest.raises(IntegrityError, match="has 3000000 bytes, the manifest says 2999999"):
        read(manifest, 100, 5000)


def test_source_that_ignores_ranges_still_serves(hub: RunningHub) -> None:
    manifest = listed(hub)
    hub.set_faults(Fault("whole", path="*", times=0))
    imported = import_model(manifest, "model")
    assert contents(imported.path) == FILES
    assert imported.fetched_bytes == len(WEIGHTS) + 2
    assert read(manifest, 2_000_000, 2_000_100) == WEIGHTS[2_000_000:2_000_100]


def test_source_that_ignores_ranges_and_is_slow_is_not_taken_for_stalled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last segment is twice the stall's time behind the first byte, and bytes come all the time."""
    monkeypatch.setenv("OME_CONNECTIONS", "1")
    monkeypatch.setenv("OME_STALL_SECONDS", "0.5")
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    (tmp_path / "slow").mkdir()
    with running_hub(HubOptions(tmp_path / "slow", bytes_per_second=2_500_000)) as slow:
        monkeypatch.setenv("HF_ENDPOINT", slow.url)
        slow.add("acme/model", FILES)
        slow.set_faults(Fault("whole", path="lfs/*", times=0))
        assert contents(fetch("hf://acme/model").path) == FILES

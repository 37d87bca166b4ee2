"""What a peer may ask for, and what becomes of what it gives: its word is checked as the source's is."""

import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from steps.errors import ClusterError
from steps.manifest import Manifest
from steps.manifest_store import save_manifest
from steps.swarm import PeerSettings, Swarm
from tests.hub.fixture import RunningHub
from tests.importing.models import contents, entry, noise, resolve
from tests.swarm.nodes import KEY, Node, free_addresses

FILES = {"config.json": b"{}", "good.safetensors": noise(6_000_000, 8), "weights.safetensors": noise(20_000_000, 7)}


@contextmanager
def a_node_that_says_it_has(manifest: Manifest, folder: Path, content: dict[str, bytes]) -> Iterator[Swarm]:
    """A peer that tells of all files of a manifest, and has this content of them."""
    files = sorted(manifest.files, key=lambda file: (file.algorithm, file.digest))
    folder.mkdir()
    for path, held in content.items():
        (folder / path).write_bytes(held)
    places = {number: (folder / file.path, folder / f"{file.path}.partial") for number, file in enumerate(files)}
    key = hashlib.sha256(f"peers of {manifest.digest} {KEY}".encode()).hexdigest()
    with Swarm(PeerSettings((), key, "127.0.0.1", 0), manifest.digest, files, places, 8) as swarm:
        for file in files:
            swarm.add(file, [(0, file.size)])
        swarm.holdings.complete()
        yield swarm


def test_what_a_peer_gives_damaged_is_fetched_once_more_from_the_source(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    digest = save_manifest(manifest)
    before = hub.ledger.counts().total_bytes
    own = free_addresses(1)[0]
    damaged = bytearray(FILES["weights.safetensors"])
    damaged[12_345_678] ^= 1
    with a_node_that_says_it_has(manifest, tmp_path / "peer", FILES | {"weights.safetensors": bytes(damaged)}) as peer:
        node = Node(tmp_path / "node", own, [f"127.0.0.1:{peer.port}"])
        node.start(digest)
        said = node.end()
    assert contents(node.model) == FILES
    assert "weights.safetensors" in said
    assert "other nodes gave some of it, it is fetched from its source" in said
    given = hub.ledger.counts().total_bytes - before
    assert 20_000_000 <= given <= 26_000_002, "the source gives what was damaged, and what had not come by then"


def test_a_peer_that_gave_damaged_bytes_is_not_asked_again(hub: RunningHub, tmp_path: Path) -> None:
    """Two requests at a time get a file in a quarter of a second: a few have come when the first is found damaged."""
    files = {f"part-{number:02}.safetensors": noise(1_000_000, number) for number in range(16)}
    hub.add("acme/model", files)
    manifest = resolve("hf://acme/model")
    digest = save_manifest(manifest)
    damaged = {path: content[:-1] + bytes([content[-1] ^ 1]) for path, content in files.items()}
    with a_node_that_says_it_has(manifest, tmp_path / "peer", damaged) as peer:
        limit = {"OME_DOWNLOAD_LIMIT": "4Mi"}
        node = Node(tmp_path / "node", free_addresses(1)[0], [f"127.0.0.1:{peer.port}"], limit)
        node.start(digest)
        said = node.end()
        assert 0 < peer.sent_bytes <= 8_000_000
    assert "they are not asked again" in said
    assert contents(node.model) == files


def test_a_peer_that_has_lost_its_files_is_done_without(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    digest = save_manifest(manifest)
    with a_node_that_says_it_has(manifest, tmp_path / "peer", {"good.safetensors": b"short"}) as peer:
        node = Node(tmp_path / "node", free_addresses(1)[0], [f"127.0.0.1:{peer.port}"])
        node.start(digest)
        node.end()
    assert contents(node.model) == FILES


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Authorization": "Bearer other"}, 403),
        ({"Authorization": ""}, 403),
        ({"Range": "bytes=0-99999999"}, 416),
        ({"Range": "bytes=9-3"}, 416),
        ({"Range": "bytes=0-"}, 416),
        ({}, 206),
    ],
)
def test_bytes_are_given_to_who_has_the_key_and_within_what_was_told(
    change: dict[str, str], status: int, hub: RunningHub, tmp_path: Path
) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    with a_node_that_says_it_has(manifest, tmp_path / "peer", FILES) as peer:
        number = peer.number(entry(manifest, "good.safetensors"))
        key = hashlib.sha256(f"peers of {manifest.digest} {KEY}".encode()).hexdigest()
        headers = {"Authorization": f"Bearer {key}", "Range": "bytes=5-9", **change}
        url = f"http://127.0.0.1:{peer.port}/manifests/{manifest.digest}"
        assert _asked(f"{url}/files/{number}", headers)[0] == status
        if status == 206:
            assert _asked(f"{url}/files/{number}", headers)[1] == FILES["good.safetensors"][5:10]
            assert _asked(f"{url}/files/99", headers)[0] == 416
            assert _asked(f"http://127.0.0.1:{peer.port}/manifests/other/files/{number}", headers)[0] == 404
            told = json.loads(_asked(f"{url}/holdings", headers)[1])
            assert told["isComplete"] is True
            assert told["files"][str(number)] == [[0, 6_000_000]]


def test_a_node_that_cannot_answer_fetches_all_by_itself_unless_a_swarm_is_asked_for(
    hub: RunningHub, tmp_path: Path
) -> None:
    hub.add("acme/model", FILES)
    digest = save_manifest(resolve("hf://acme/model"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        node = Node(tmp_path / "node", address, [address])
        node.start(digest, "auto")
        assert f"peers cannot be answered at {address}" in node.end()
        assert contents(node.model) == FILES
        node = Node(tmp_path / "other", address, [address])
        node.start(digest, "swarm")
        with pytest.raises(AssertionError, match="set distribution to direct"):
            node.end()


def test_an_address_that_is_taken_says_what_to_do(tmp_path: Path) -> None:
    with Swarm(PeerSettings((), "key", "127.0.0.1", 0), "digest", [], {}, 8) as first:
        taken = PeerSettings((), "key", "127.0.0.1", first.port)
        with (
            pytest.raises(ClusterError, match=f"127.0.0.1:{first.port}") as refused,
            Swarm(taken, "digest", [], {}, 8),
        ):
            pass
    assert "OME_PEER_ADDRESS" in refused.value.remedy


def _asked(url: str, headers: dict[str, str]) -> tuple[int, bytes]:
    try:
        with urlopen(Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, b""

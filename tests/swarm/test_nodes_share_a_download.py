"""Several nodes import one model at once: each ends with all of it, and the source gives each byte about once."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from steps.manifest_store import save_manifest
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub, running_hub
from tests.hub.server import HubOptions
from tests.importing.models import contents, noise, resolve
from tests.swarm.nodes import Node, free_addresses, make_nodes

FILES = {
    "config.json": b"{}",
    "empty.txt": b"",
    "model-00001-of-00002.safetensors": noise(24_000_000, 1),
    "model-00002-of-00002.safetensors": noise(9_000_000, 2),
    **{f"small/{n}.json": noise(2_000, 100 + n) for n in range(50)},
}
MOST_HELD_BACK = 1 << 20
"""Of what a hub may still send when it holds, what it does not."""
SIZE = sum(len(content) for content in FILES.values())


@pytest.fixture
def paced_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHub]:
    """A hub with a link of its own, which is what nodes share."""
    (tmp_path / "hub").mkdir()
    with running_hub(HubOptions(tmp_path / "hub", bytes_per_second=8_000_000)) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        running.add("acme/model", FILES)
        yield running


def start_together(hub: RunningHub, nodes: Sequence[Node], digest: str) -> None:
    """Begin on all nodes; the source gives nothing until each can be asked by the others."""
    hub.set_faults(Fault("hold"))
    for node in nodes:
        node.start(digest)
    for node in nodes:
        node.wait_until_it_answers()
    hub.set_faults()


def asked_of(hub: RunningHub, begun_at: int) -> int:
    """Bytes that the hub has sent since."""
    return hub.ledger.counts().total_bytes - begun_at


def test_nodes_that_begin_together_ask_the_source_for_each_byte_about_once(
    paced_hub: RunningHub, tmp_path: Path
) -> None:
    digest = save_manifest(resolve("hf://acme/model"))
    before = paced_hub.ledger.counts().total_bytes
    nodes = make_nodes(tmp_path, 4)
    start_together(paced_hub, nodes, digest)
    for node in nodes:
        node.end()
        assert contents(node.model) == FILES
        assert node.output("fetched_bytes") >= SIZE
    # A node that waited for its peers for a second on a busy machine may ask for something a second time.
    assert asked_of(paced_hub, before) < 1.5 * SIZE
    assert sum(node.output("received_bytes") for node in nodes) > 2 * SIZE


def test_direct_distribution_asks_the_source_for_everything(paced_hub: RunningHub, tmp_path: Path) -> None:
    digest = save_manifest(resolve("hf://acme/model"))
    before = paced_hub.ledger.counts().total_bytes
    nodes = make_nodes(tmp_path, 2)
    for node in nodes:
        node.start(digest, "direct")
    for node in nodes:
        node.end()
        assert node.output("received_bytes") == 0
    assert asked_of(paced_hub, before) == 2 * SIZE


def test_a_node_that_comes_late_gets_what_the_others_have_from_them(paced_hub: RunningHub, tmp_path: Path) -> None:
    digest = save_manifest(resolve("hf://acme/model"))
    before = paced_hub.ledger.counts().total_bytes
    first, second, late = make_nodes(tmp_path, 3)
    paced_hub.set_faults(Fault("hold", after=before + SIZE // 2))
    first.start(digest)
    second.start(digest)
    assert paced_hub.ledger.wait_for_bytes(before + SIZE // 2 - MOST_HELD_BACK)
    late.start(digest)
    late.wait_until_it_answers()
    paced_hub.set_faults()
    for node in (first, second, late):
        node.end()
        assert contents(node.model) == FILES
    assert late.output("received_bytes") > SIZE // 2
    assert asked_of(paced_hub, before) < 1.5 * SIZE


def test_nodes_go_on_without_one_that_is_lost_and_it_goes_on_where_it_was(
    paced_hub: RunningHub, tmp_path: Path
) -> None:
    digest = save_manifest(resolve("hf://acme/model"))
    before = paced_hub.ledger.counts().total_bytes
    nodes = make_nodes(tmp_path, 3)
    lost, *others = nodes
    start_together(paced_hub, nodes, digest)
    assert paced_hub.ledger.wait_for_bytes(before + SIZE // 2)
    lost.kill()
    assert not lost.model.exists()
    for node in others:
        node.end()
        assert contents(node.model) == FILES
    lost.start(digest)
    lost.end()
    assert contents(lost.model) == FILES
    assert lost.output("fetched_bytes") < SIZE, "what it had fetched before is kept"


def test_a_node_with_another_key_gets_and_gives_nothing(paced_hub: RunningHub, tmp_path: Path) -> None:
    digest = save_manifest(resolve("hf://acme/model"))
    before = paced_hub.ledger.counts().total_bytes
    addresses = free_addresses(2)
    node = Node(tmp_path / "node", addresses[0], addresses)
    stranger = Node(tmp_path / "stranger", addresses[1], addresses, {"OME_PEER_KEY": "of somebody else"})
    for each in (node, stranger):
        each.start(digest)
    for each in (node, stranger):
        each.end()
        assert contents(each.model) == FILES
        assert each.output("received_bytes") == 0
    assert asked_of(paced_hub, before) == 2 * SIZE


def test_nothing_between_nodes_goes_through_a_proxy(paced_hub: RunningHub, tmp_path: Path) -> None:
    digest = save_manifest(resolve("hf://acme/model"))
    nowhere = free_addresses(1)[0]
    proxied = {"HTTP_PROXY": f"http://{nowhere}", "http_proxy": f"http://{nowhere}", "NO_PROXY": "127.0.0.1"}
    addresses = free_addresses(2, "127.0.0.2")
    nodes = [Node(tmp_path / f"node-{n}", address, addresses, proxied) for n, address in enumerate(addresses)]
    start_together(paced_hub, nodes, digest)
    for node in nodes:
        node.end()
        assert contents(node.model) == FILES
    assert sum(node.output("received_bytes") for node in nodes) > 0


def test_a_cap_on_what_comes_is_kept(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", FILES)
    digest = save_manifest(resolve("hf://acme/model"))
    (node,) = make_nodes(tmp_path, 1, {"OME_DOWNLOAD_LIMIT": "8Mi"})
    began = time.monotonic()
    node.start(digest)
    node.end()
    assert contents(node.model) == FILES
    assert time.monotonic() - began >= SIZE / (8 << 20) - 0.5, "faster than the cap"

"""Two nodes in one process: who hears of whom, and how long one that has finished stays."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from steps.manifest import FileEntry
from steps.swarm import PeerSettings, Swarm
from tests.swarm.nodes import free_addresses

FILE = FileEntry(path="weights", size=1000, algorithm="sha256", digest="a" * 64, location="weights")
SECONDS = 60


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends what a test began."""
    with ExitStack() as kept:
        yield kept


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def two(stack: ExitStack, folder: Path) -> tuple[Swarm, Swarm]:
    """Two nodes that know of each other."""
    addresses = tuple((host, int(port)) for host, _, port in (a.rpartition(":") for a in free_addresses(2)))
    places = {0: (folder / "weights", folder / "weights.partial")}
    made = [
        stack.enter_context(Swarm(PeerSettings(addresses, "key", *address), "m", [FILE], places, 8))
        for address in addresses
    ]
    until(lambda: all(len(swarm.peers) == 1 for swarm in made))
    return made[0], made[1]


def lingering(swarm: Swarm) -> threading.Thread:
    """A node that has finished, and stays as long as it is needed."""
    thread = threading.Thread(target=swarm.linger)
    thread.start()
    return thread


@pytest.mark.parametrize("ends", [Swarm.linger, Swarm.__exit__], ids=["has finished too", "is lost"])
def test_who_has_finished_stays_until_the_other_is_done(
    ends: Callable[[Swarm], None], stack: ExitStack, tmp_path: Path
) -> None:
    one, other = two(stack, tmp_path)
    thread = lingering(one)
    until(lambda: other.peers[0].is_complete)
    assert thread.is_alive()
    ends(other)
    thread.join(SECONDS)
    assert not thread.is_alive()


def test_alone_nobody_stays(stack: ExitStack, tmp_path: Path) -> None:
    ((host, _, port),) = (a.rpartition(":") for a in free_addresses(1))
    address = (host, int(port))
    alone = stack.enter_context(Swarm(PeerSettings((address,), "key", *address), "m", [FILE], {}, 8))
    thread = lingering(alone)
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert alone.peers == []


def test_a_node_with_two_addresses_is_one_peer(stack: ExitStack, tmp_path: Path) -> None:
    (own, other) = ((host, int(port)) for host, _, port in (a.rpartition(":") for a in free_addresses(2)))
    stack.enter_context(Swarm(PeerSettings((), "key", "", other[1]), "m", [FILE], {}, 8))
    addresses = (("127.0.0.1", other[1]), ("127.0.0.2", other[1]), ("no..name", 1))
    node = stack.enter_context(Swarm(PeerSettings(addresses, "key", *own), "m", [FILE], {}, 8))
    until(lambda: len(node.peers) == 1 and len(node._following._asked) == 2)
    assert len(node.peers) == 1


def test_a_swarm_that_has_ended_knows_of_nobody(stack: ExitStack, tmp_path: Path) -> None:
    one, other = two(stack, tmp_path)
    other.add(FILE, [(0, 1000)])
    until(lambda: one.is_to_be_had(FILE, 0))
    one.__exit__()
    assert one.peers == [] and not one.is_to_be_had(FILE, 0)

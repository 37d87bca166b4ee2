"""What a node fetches next, and from where."""

import random
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from steps.swarm.choice import (
    LEAST_BYTES,
    READ_ANYWAY_SECONDS,
    REQUESTS_OF_A_PEER,
    TAKE_OVER_SECONDS,
    Choice,
    Missing,
    choose,
    turns_of,
)
from steps.swarm.holdings import Holdings, Told
from steps.swarm.peer import STALE_FETCH_SECONDS, Peer

MEBIBYTE = 1 << 20
SEGMENT = 4 * MEBIBYTE


def piece(segment: int, file: int = 0, done: int = 0) -> Missing:
    first = segment * SEGMENT
    return Missing(file, segment, first, first + done, first + SEGMENT)


def peer(
    instance: str, *has: tuple[int, int], fetching: tuple[int, ...] = (), is_complete: bool = False, at: float = 0
) -> Peer:
    """A peer that has bytes of file 0 and fetches segments of it."""
    holdings = Holdings(instance)
    holdings.add(0, has)
    for segment in fetching:
        holdings.fetch((0, segment * SEGMENT))
    if is_complete:
        holdings.complete()
    made = Peer(f"http://{instance}")
    made.hear(holdings.since(0), at)
    return made


def chosen(missing: list[Missing], peers: list[Peer], own: str = "b", **given: object) -> Choice | None:
    settings: dict[str, object] = {"idle_seconds": 0.0, "reads_source": True, "readers": 8, "now": 1.0} | given
    return choose(missing, own, peers, **settings)  # type: ignore[arg-type]  # named as the parameters are


def test_alone_everything_comes_from_the_source_in_order() -> None:
    missing = [piece(0), piece(1)]
    assert chosen(missing, []) == Choice(missing[0], SEGMENT, None)


def test_what_a_peer_has_is_not_asked_of_the_source() -> None:
    having = peer("a", (SEGMENT, 2 * SEGMENT))
    found = chosen([piece(0), piece(1)], [having])
    assert found == Choice(piece(1), 2 * SEGMENT, having)


def test_a_beginning_of_a_segment_is_taken_when_it_is_worth_a_request() -> None:
    having = peer("a", (0, 2 * MEBIBYTE))
    assert chosen([piece(0)], [having]) == Choice(piece(0), 2 * MEBIBYTE, having)
    assert chosen([piece(0)], [peer("a", (0, LEAST_BYTES - 1))], reads_source=False) is None
    rest = piece(0, done=SEGMENT - 10)
    assert chosen([rest], [peer("a", (0, SEGMENT))], reads_source=False) is not None


def test_a_beginning_that_is_not_worth_a_request_keeps_nobody_from_the_source() -> None:
    begun = peer("a")
    own = piece(1)  # whose turn it is
    begun.hear(Told(instance="a", version=9, files={0: [(SEGMENT, SEGMENT + 10)]}), 0)
    assert chosen([own], [begun]) == Choice(own, own.end, None)
    others = piece(0)
    taken = chosen([others], [peer("a", (0, 10))], idle_seconds=TAKE_OVER_SECONDS)
    assert taken == Choice(others, others.end, None, is_taken_over=True)


def test_what_the_fewest_have_comes_first() -> None:
    found = chosen([piece(0), piece(1)], [peer("a", (0, SEGMENT)), peer("c", (0, 2 * SEGMENT))], reads_source=False)
    assert found is not None and found.missing == piece(1)


def test_nodes_take_different_parts_of_what_one_has() -> None:
    missing = [piece(segment) for segment in range(40)]
    having = [peer("a", (0, 40 * SEGMENT))]
    found = [chosen(missing, having, own, reads_source=False) for own in ("b", "c", "d", "e")]
    assert len({each.missing.segment for each in found if each is not None}) > 1


def test_the_peer_that_answers_fewest_of_our_requests_is_asked() -> None:
    busy, free = peer("a", (0, SEGMENT)), peer("c", (0, SEGMENT))
    busy.requests = 1
    found = chosen([piece(0)], [busy, free])
    assert found is not None and found.peer is free
    busy.requests = free.requests = REQUESTS_OF_A_PEER
    assert chosen([piece(0)], [busy, free], reads_source=False) is None, "more would only share its link"


def test_a_peer_whose_request_failed_is_left_alone_for_a_while() -> None:
    failed = peer("a", (0, SEGMENT))
    failed.avoid(1.0)
    found = chosen([piece(1)], [failed])
    assert found is not None and found.peer is None
    later = chosen([piece(0)], [failed], now=10.0)
    assert later is not None and later.peer is failed


def test_a_peer_that_is_not_trusted_gives_nothing_and_holds_nobody_up() -> None:
    damaging = peer("a", (0, SEGMENT), fetching=(1,), at=0.0)
    damaging.distrust()
    missing = [piece(0), piece(1)]
    assert chosen(missing, [damaging], reads_source=False) is None
    found = chosen([piece(0), piece(1)], [damaging], own="b", idle_seconds=5.0, now=100.0)
    assert found is not None and found.peer is None
    held_up = chosen([piece(1)], [damaging], own="b", idle_seconds=5.0)
    assert held_up is not None and held_up.peer is None, "what it says that it fetches is no use"


def test_no_two_nodes_have_the_same_turn() -> None:
    names = ["a", "b", "c"]
    first: dict[int, str] = {}
    for own in names:
        others = [peer(name) for name in names if name != own]
        for segment in range(6):
            found = chosen([piece(segment)], others, own)
            if found is not None:
                assert first.setdefault(segment, own) == own
    assert sorted(first) == list(range(6))
    assert sorted(first.values()) == ["a", "a", "b", "b", "c", "c"]


def test_what_a_peer_fetches_is_waited_for_until_it_stops_growing() -> None:
    fetching = peer("a", fetching=(0,), at=0.0)
    assert chosen([piece(0)], [fetching], idle_seconds=5.0) is None
    assert chosen([piece(0)], [fetching], idle_seconds=5.0, now=STALE_FETCH_SECONDS + 1) is not None


def test_a_node_without_a_turn_takes_over_from_the_end_after_a_while() -> None:
    others = [peer("a")]
    missing = [piece(segment) for segment in range(0, 6, 2)]  # of "a" all
    assert [chosen([each], others) for each in missing] == [None, None, None]
    assert chosen(missing, others, idle_seconds=TAKE_OVER_SECONDS) == Choice(
        missing[-1], missing[-1].end, None, is_taken_over=True
    )


def test_a_node_that_does_not_read_the_source_begins_when_nobody_brings_anything() -> None:
    others = [peer("a")]
    assert chosen([piece(0)], others, readers=1, idle_seconds=TAKE_OVER_SECONDS) is None
    assert chosen([piece(0)], others, readers=1, idle_seconds=READ_ANYWAY_SECONDS) is not None


def test_who_is_complete_has_no_turn() -> None:
    assert turns_of("b", [peer("a", is_complete=True), peer("c")], 8) == ["b", "c"]


@dataclass
class Simulated:
    """A node of a swarm whose clock is a counter: what it has, and what it is fetching."""

    name: str
    has: set[int] = field(default_factory=set)
    fetching: int | None = None


@given(st.integers(1, 6), st.integers(1, 25), st.integers(1, 8), st.integers(0, 2**32))
def test_every_node_gets_every_segment_and_the_source_gives_each_once(
    nodes: int, segments: int, readers: int, seed: int
) -> None:
    """Nodes act in any order, see what the others have as it is, and fetch one segment at a time."""
    chance = random.Random(seed)
    swarm = [Simulated(f"n{number}") for number in range(nodes)]
    from_source: list[int] = []
    for _ in range(40 * nodes * segments):
        acting = chance.choice(swarm)
        if acting.fetching is not None:
            acting.has.add(acting.fetching)
            acting.fetching = None
            continue
        missing = [piece(segment) for segment in range(segments) if segment not in acting.has]
        if not missing:
            continue
        peers = [
            peer(
                other.name,
                *((s * SEGMENT, (s + 1) * SEGMENT) for s in other.has),
                fetching=(other.fetching,) if other.fetching is not None else (),
                is_complete=len(other.has) == segments,
            )
            for other in swarm
            if other is not acting
        ]
        found = chosen(missing, peers, acting.name, readers=readers)
        if found is None:
            continue
        if found.peer is None:
            from_source.append(found.missing.segment)
            acting.fetching = found.missing.segment
        else:
            acting.has.add(found.missing.segment)
    assert all(node.has == set(range(segments)) for node in swarm)
    assert sorted(from_source) == list(range(segments))

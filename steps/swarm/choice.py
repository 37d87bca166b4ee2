"""What a node fetches next, and from where: from a peer that has it, or from the source when its turn has come. Pure.

The segments of each file go round among the nodes that read the source, so that no two ask it for the same bytes; what
one has fetched, the others take from it and from each other, the rarest first. A node that finds nothing to do for a
while takes over what nobody fetches, from the end of what is open: it meets the node whose turn it was in the middle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from steps.swarm.peer import Peer

LEAST_BYTES = 256 << 10
"""Less of a segment is not asked of a peer, unless it is all that is missing of it: requests cost too."""
REQUESTS_OF_A_PEER = 2
"""At once, of one node: more would only share the peer's link among themselves, and keep this node from others."""
LOOKED_AT = 64
"""Of the segments that can be had, the first of which are compared: there are thousands of small files."""
TAKE_OVER_SECONDS = 1.0
READ_ANYWAY_SECONDS = 5.0
"""After so long without anything to do, a node that does not read the source begins to."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing of a segment that nobody here fetches.

    Attributes:
        file: Number of its file.
        segment: Its number in the file.
        first: The segment's first byte.
        start, end: The missing bytes.
    """

    file: int
    segment: int
    first: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What to fetch.

    Attributes:
        missing: Of which segment.
        end: Byte of the file to stop at.
        peer: From whom; None for the source.
        is_taken_over: Whether it was another node's turn.
    """

    missing: Missing
    end: int
    peer: Peer | None
    is_taken_over: bool = False


def choose(
    missing: Sequence[Missing],
    own: str,
    peers: Sequence[Peer],
    *,
    idle_seconds: float,
    reads_source: bool,
    readers: int,
    now: float,
) -> Choice | None:
    """What to fetch next; None when it is better to wait.

    Args:
        missing: What may be fetched now, in the order in which it is wanted.
        own: The instance of this node.
        peers: Those that are alive.
        idle_seconds: For how long nothing was found.
        reads_source: Whether one more request of the source is allowed.
        readers: How many nodes read the source at once.
        now: Seconds, on the clock that the peers were heard by.
    """
    turns = turns_of(own, peers, readers)
    if reads_source:  # before anything else: what the source gives next is what all others wait for
        for piece in missing:
            if turns[(piece.file + piece.segment) % len(turns)] == own and _is_nobodys(piece, peers, now):
                return Choice(piece, piece.end, None)
    if found := _from_a_peer(missing, own, peers, now):
        return found
    patience = TAKE_OVER_SECONDS if own in turns else READ_ANYWAY_SECONDS
    if not reads_source or idle_seconds < patience:
        return None
    last = next((piece for piece in reversed(missing) if _is_nobodys(piece, peers, now)), None)
    return Choice(last, last.end, None, is_taken_over=True) if last is not None else None


def _from_a_peer(missing: Sequence[Missing], own: str, peers: Sequence[Peer], now: float) -> Choice | None:
    """What the fewest peers have, of equals another for each node: so that they have it for each other soon.

    In order, all would ask the one that has it for the same at once, and its link would give it to each of them.
    """
    able = [peer for peer in peers if peer.may_be_asked(now) and peer.requests < REQUESTS_OF_A_PEER]
    best: tuple[int, int] | None = None
    found: Choice | None = None
    looked_at = 0
    for piece in missing:
        having = [(peer, end) for peer in able if (end := _given_end(piece, peer)) is not None]
        if not having:
            continue
        salt = crc32(f"{own} {piece.file} {piece.segment}".encode())
        if best is None or (len(having), salt) < best:
            best = len(having), salt
            turned = having[salt % len(having) :] + having[: salt % len(having)]
            peer, end = min(turned, key=lambda each: each[0].requests)
            found = Choice(piece, end, peer)
        looked_at += 1
        if looked_at == LOOKED_AT:
            break
    return found


def _is_nobodys(piece: Missing, peers: Sequence[Peer], now: float) -> bool:
    """Whether no peer gives enough of it, and none is fetching it."""
    return not any(
        peer.fetches((piece.file, piece.first), now)
        or (peer.may_be_asked(now) and _given_end(piece, peer) is not None)
        for peer in peers
    )


def _given_end(piece: Missing, peer: Peer) -> int | None:
    """Where what a peer has of it ends; None when that is not worth a request."""
    end = min(piece.end, peer.end_from(piece.file, piece.start))
    return end if end == piece.end or end - piece.start >= LEAST_BYTES else None


def turns_of(own: str, peers: Sequence[Peer], readers: int) -> Sequence[str]:
    """Who reads the source, in the order of their turns: the same on all nodes that know of each other."""
    lacking = [peer.instance for peer in peers if not peer.is_complete]
    return sorted([own, *lacking])[: max(1, readers)]

"""What a node fetches next, and from where: from a peer that has it, or from the source when its turn has come. Pure.

The segments of each file go round among the nodes that read the source, so that no two ask it for the same bytes; what
one has fetched, the others take from it and from each other. A node that finds nothing to do for a while takes over
what nobody fetches, from the end of what is open: it meets the node whose turn it was in the middle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from steps.swarm.peer import Peer

LEAST_BYTES = 1 << 20
"""Less of a segment is not asked of a peer, unless it is all that is missing of it: requests cost too."""
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
    """

    missing: Missing
    end: int
    peer: Peer | None


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
    for piece in missing:
        best: tuple[int, int] | None = None
        chosen: tuple[Peer, int] | None = None
        for place, peer in enumerate(peers):
            if peer.avoided_until > now:
                continue
            end = min(piece.end, peer.end_from(piece.file, piece.start))
            if end == piece.end or end - piece.start >= LEAST_BYTES:
                rank = (peer.requests, (piece.file + piece.segment + place) % len(peers))  # the load goes round too
                if best is None or rank < best:
                    best, chosen = rank, (peer, end)
        if chosen is not None:
            return Choice(piece, chosen[1], chosen[0])
    if not reads_source:
        return None
    free = [piece for piece in missing if not any(p.fetches((piece.file, piece.first), now) for p in peers)]
    turns = turns_of(own, peers, readers)
    for piece in free:
        if turns[(piece.file + piece.segment) % len(turns)] == own:
            return Choice(piece, piece.end, None)
    patience = TAKE_OVER_SECONDS if own in turns else READ_ANYWAY_SECONDS
    if free and idle_seconds >= patience:
        return Choice(free[-1], free[-1].end, None)
    return None


def turns_of(own: str, peers: Sequence[Peer], readers: int) -> Sequence[str]:
    """Who reads the source, in the order of their turns: the same on all nodes that know of each other."""
    lacking = [peer.instance for peer in peers if not peer.is_complete]
    return sorted([own, *lacking])[: max(1, readers)]

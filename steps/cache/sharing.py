"""What a download fetches next where its nodes share: asks the swarm, and tells it what has come.

Called by `steps.cache.download`. What a peer gave and turns out damaged is fetched once more, from the source alone;
those that gave bytes of it are not asked again.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from steps.amounts import format_bytes
from steps.cache.small_transfer import SmallTransfer
from steps.cache.store import ObjectStore
from steps.cache.transfer import Transfer
from steps.errors import ClusterError
from steps.manifest import FileEntry, Manifest
from steps.sources.patience import TransferSettings
from steps.swarm import PeerSettings, Swarm
from steps.swarm.choice import LEAST_BYTES, Missing
from steps.swarm.peer import Peer


@dataclass(frozen=True)
class Share:
    """Something to fetch.

    Attributes:
        transfer: Of which file.
        segment: Which of its segments.
        end: Byte of the file to stop at.
        peer: From whom; None for the source.
        is_taken_over: Whether it was another node's turn.
    """

    transfer: Transfer | SmallTransfer
    segment: int
    end: int
    peer: Peer | None
    is_taken_over: bool = False


class Sharing:
    """A download's view of its swarm.

    Args:
        swarm: The peers.
        lead_bytes: How far before what has been hashed a segment may begin.
    """

    def __init__(self, swarm: Swarm, lead_bytes: int) -> None:
        self.swarm = swarm
        self._lead_bytes = lead_bytes
        self._source_requests = 0
        self._own_shares = 0
        self._givers: dict[tuple[str, str], set[Peer]] = {}
        self._source_only: set[tuple[str, str]] = set()
        self._told: dict[tuple[Transfer | SmallTransfer, int], int] = {}

    def is_shared(self, file: FileEntry) -> bool:
        """Whether peers may give its bytes: its digest must tell whether they are right."""
        return file.algorithm != "version" and _key(file) not in self._source_only

    def begin(self, transfer: Transfer | SmallTransfer) -> None:
        """A transfer begins; an earlier run may have left something of it."""
        if ranges := transfer.there():
            self.swarm.add(transfer.file, ranges)

    def next(self, transfers: Sequence[Transfer | SmallTransfer], connections: int) -> Share | None:
        """Take the best segment out of those that nobody fetches; None when it is better to wait.

        Args:
            transfers: Those under way.
            connections: Requests that the source gets at once of a node alone.
        """
        missing, by_number = [], {}
        for transfer in transfers:
            number = self.swarm.number(transfer.file)
            by_number[number] = transfer
            for segment in transfer.open_segments(self._lead_bytes):
                missing.append(Missing(number, segment, transfer.first(segment), *transfer.missing(segment)))
        if not missing:
            return None
        if self._own_shares:
            self.swarm.is_at_work()
        may_read = self._source_requests < self.swarm.source_requests(connections)
        choice = self.swarm.choose(missing, reads_source=may_read)
        if choice is None:
            return None
        transfer = by_number[choice.missing.file]
        transfer.pending.remove(choice.missing.segment)
        return Share(transfer, choice.missing.segment, choice.end, choice.peer, choice.is_taken_over)

    def start(self, share: Share) -> None:
        """A share is fetched from now on."""
        self._own_shares += not share.is_taken_over
        if share.peer is not None:
            share.peer.requests += 1
        else:
            self._source_requests += 1
            self.swarm.holdings.fetch((self.swarm.number(share.transfer.file), share.transfer.first(share.segment)))

    def came(self, share: Share, count: int) -> None:
        """Bytes of it came: peers are told from time to time."""
        if share.peer is not None:
            self.swarm.received_bytes += count
            self._givers.setdefault(_key(share.transfer.file), set()).add(share.peer)
        if isinstance(share.transfer, SmallTransfer):
            return
        first, (end, last) = share.transfer.first(share.segment), share.transfer.missing(share.segment)
        place = share.transfer, share.segment
        if end == last or end - self._told.get(place, first) >= LEAST_BYTES:
            self._told[place] = end
            self.swarm.add(share.transfer.file, [(first, end)])

    def stop(self, share: Share) -> None:
        """A share is no longer fetched; what is missing of it can be fetched by another."""
        self._own_shares -= not share.is_taken_over
        if share.peer is not None:
            share.peer.requests -= 1
        else:
            self._source_requests -= 1
            self.swarm.holdings.let_go((self.swarm.number(share.transfer.file), share.transfer.first(share.segment)))
        start, end = share.transfer.missing(share.segment)
        if start < end:
            share.transfer.pending.appendleft(share.segment)

    def is_to_be_had(self, share: Share) -> bool:
        """Whether a peer has the next byte of it by now."""
        return self.swarm.is_to_be_had(share.transfer.file, share.transfer.missing(share.segment)[0])

    def finish(self, file: FileEntry) -> None:
        """A file is whole and verified; what its source told no digest of is nothing for others."""
        if file.algorithm == "version":
            return
        self.swarm.add(file, [(0, file.size)])
        self._givers.pop(_key(file), None)
        self._told = {place: end for place, end in self._told.items() if place[0].file is not file}

    def is_worth_another(self, file: FileEntry) -> bool:
        """A file is damaged. Whether the source may have what a peer had not; then it alone is asked.

        Which of the peers that gave bytes of it has damaged ones is not known: none of them is asked again.
        """
        self.swarm.holdings.forget(self.swarm.number(file))
        givers = self._givers.pop(_key(file), set())
        if not givers:
            return False
        for peer in givers:
            peer.distrust()
        self._source_only.add(_key(file))
        return True


def join_swarm(
    stack: ExitStack, store: ObjectStore, manifest: Manifest, missing: Sequence[FileEntry], peers: PeerSettings
) -> Swarm | None:
    """This node's part in the swarm of a manifest, until the stack ends; its peers can have what is here already.

    None when this node cannot answer peers and need not.

    Raises:
        ClusterError: when it cannot and must.
    """
    distinct = {_key(file): file for file in manifest.files}
    files = [distinct[key] for key in sorted(distinct)]
    places = {number: (store.path(file), store.partial(file)) for number, file in enumerate(files)}
    if peers.is_required and (unshared := [file for file in files if file.algorithm == "version"]):
        sys.stderr.write(_warning(unshared, files))
    swarm = Swarm(peers, manifest.digest, files, places, TransferSettings.from_environment().connections)
    lacking = {_key(file) for file in missing}
    for file in files:
        if _key(file) not in lacking and file.algorithm != "version":
            swarm.add(file, [(0, file.size)])
    try:
        return stack.enter_context(swarm)
    except ClusterError as error:
        if peers.is_required:
            raise
        sys.stderr.write(f"{error.message}; all is fetched from the source\n")
        return None


def _warning(unshared: Sequence[FileEntry], files: Sequence[FileEntry]) -> str:
    """What a swarm that was asked for does not share."""
    size, total = (format_bytes(sum(file.size for file in each)) for each in (unshared, files))
    return (
        f"warning: distribution: swarm: {size} of {total} have no digest that their source tells ({unshared[0].path} "
        f"is one of {len(unshared)} files): each node fetches them from the source; where they were uploaded in "
        "parts, spec.storage.parameters.partSize can name their size\n"
    )


def _key(file: FileEntry) -> tuple[str, str]:
    return file.algorithm, file.digest

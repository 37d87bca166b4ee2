"""What a process that was stopped had fetched, and what of it lies on the disk."""

import threading
from pathlib import Path

from steps.cache.holes import bytes_before_hole
from steps.cache.journal import read_journal
from steps.cache.store import ObjectStore
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub


def bytes_on_the_way(ports: frozenset[int]) -> int:
    """Bytes that the hub has given to the kernel and no process has taken: not fetched yet. Known on Linux only."""
    table = Path("/proc/net/tcp")
    count = 0
    for line in table.read_text().splitlines()[1:] if table.exists() else []:
        _, local, remote, _, queues, *_ = line.split()
        to_send, to_read = (int(queue, 16) for queue in queues.split(":"))
        count += to_send if int(local.partition(":")[2], 16) in ports else 0
        count += to_read if int(remote.partition(":")[2], 16) in ports else 0
    return count


def fetched_until_now(hub: RunningHub) -> int:
    """Bytes that stopped processes have taken in all, once the hub sends no more: it is held from here on."""
    hub.set_faults(Fault("hold", times=0))
    sent = settled(hub, 0.06)  # longer than an acknowledgement is delayed, which counts bytes twice
    return sent - bytes_on_the_way(hub.ports)


def settled(hub: RunningHub, seconds: float = 0.01) -> int:
    """Bytes that the hub has sent in all, once it has sent no more for a while."""
    pause, before, sent = threading.Event(), -1, hub.ledger.counts().total_bytes
    while sent != before:
        pause.wait(seconds)
        before, sent = sent, hub.ledger.counts().total_bytes
    return sent


def bytes_in_store(root: Path) -> int:
    """Bytes under a models root that no import need fetch again: objects, and what there is of other downloads."""
    store = ObjectStore(root)
    return sum(path.stat().st_size for path in store.objects()) + sum(map(_bytes_of, store.partials()))


def _bytes_of(partial: Path) -> int:
    """What the record of a download says, less what is a hole."""
    size = partial.stat().st_size
    segment_bytes, done = read_journal(partial.with_suffix(".progress"), size) or (0, [])
    with partial.open("rb") as file:
        starts = [segment * segment_bytes for segment in range(len(done))]
        return sum(
            bytes_before_hole(file.fileno(), start, start + count)
            for start, count in zip(starts, done, strict=True)
            if count
        )

"""What a process that was stopped had fetched, and what of it lies on the disk."""

import threading
from collections.abc import Iterator
from pathlib import Path

from steps.cache.holes import bytes_before_hole
from steps.cache.journal import Record, read_journal
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
    return sum(path.stat().st_size for path in store.objects()) + sum(
        _bytes_of(partial, record) for partial, record in _downloads(store)
    )


def is_forced(root: Path) -> bool:
    """Whether all that downloads have recorded has been forced to the disk."""
    store = ObjectStore(root)
    return all(record.done == record.synced for _, record in _downloads(store))


def _bytes_of(partial: Path, record: Record) -> int:
    """What the record of a download says, less what is a hole."""
    starts = [segment * record.segment_bytes for segment in range(len(record.done))]
    with partial.open("rb") as file:
        return sum(
            bytes_before_hole(file.fileno(), start, start + done, synced)
            for start, done, synced in zip(starts, record.done, record.synced, strict=True)
            if done
        )


def _downloads(store: ObjectStore) -> Iterator[tuple[Path, Record]]:
    """Those under way that have a record."""
    for partial in store.partials():
        if record := read_journal(partial.with_suffix(".progress"), partial.stat().st_size):
            yield partial, record

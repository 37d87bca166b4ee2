"""Brings files into the store from where their source says they are: local ones first, then those of the network."""

import asyncio
from collections.abc import Callable, Iterable

from steps.cache.download import Download
from steps.cache.local_files import take_local
from steps.cache.segment_fetch import RemoteTask
from steps.cache.store import ObjectStore
from steps.manifest import FileEntry
from steps.sources import LocalAddress
from steps.sources.patience import TransferSettings
from steps.sources.source import Address
from steps.swarm import Swarm


def fetch_files(
    store: ObjectStore,
    subject: str,
    addressed: Iterable[tuple[FileEntry, Address]],
    on_local: Callable[[int], None],
    on_remote: Callable[[int, int], None],
    swarm: Swarm | None = None,
) -> int:
    """Make the objects of files that are not there; return the bytes that were copied or came over the network.

    Args:
        store: Where the objects go.
        subject: Begins the messages of errors, such as `hf://org/name`.
        addressed: Files, each digest once, and where each is.
        on_local: Told each number of bytes that was hashed of local files.
        on_remote: Told how many bytes of the others are there, and how many of them came over the network.
        swarm: Other nodes that fetch the same; None to fetch all from the source.

    Raises:
        OmeError: the first failure that further attempts do not help.
        OSError: of the disk.
    """
    copied, remote = 0, []
    for file, address in addressed:
        if isinstance(address, LocalAddress):
            copied += take_local(store, file, address.path, on_local)
        else:
            remote.append(RemoteTask(file, address))
    if not remote:
        return copied

    def progressed(there: int) -> None:
        on_remote(there, download.fetched_bytes)

    download = Download(store, remote, subject, TransferSettings.from_environment(), progressed, swarm)
    asyncio.run(download.run())
    return copied + download.fetched_bytes

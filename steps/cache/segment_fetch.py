"""Fetches one segment of a file: from its source, going on after failures, or as much of it as a peer gives.

Called by `steps.cache.download`, which chooses the segments.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from steps.cache.connection import RemoteFile, open_session
from steps.cache.sharing import Share, Sharing
from steps.cache.small_transfer import SmallTransfer
from steps.cache.stored_file import StoredFile
from steps.cache.transfer import Transfer
from steps.cache.turns import Turns
from steps.errors import NetworkError, OmeError
from steps.manifest import FileEntry
from steps.pace import DOWNLOAD_LIMIT, pace_from_environment
from steps.sources.patience import Patience, TransferSettings, Waits
from steps.sources.source import RemoteAddress, StoredAddress
from steps.swarm.client import open_peer_session

if TYPE_CHECKING:
    from aiohttp import ClientSession

LOOK_SECONDS = 1.0
"""Who waits for a turn at the source looks so often whether a peer has what is wanted."""


@dataclass(frozen=True)
class RemoteTask:
    """A file to fetch, and from where."""

    file: FileEntry
    address: RemoteAddress | StoredAddress


@dataclass(eq=False)
class Active:
    """A transfer, and where its bytes come from.

    Attributes:
        task: What it is for.
        transfer: What is there.
        remote: Its source.
        is_shared: Whether peers may give its bytes.
    """

    task: RemoteTask
    transfer: Transfer | SmallTransfer
    remote: RemoteFile | StoredFile
    is_shared: bool


class SegmentFetcher:
    """The connections of a download. An asynchronous context manager.

    Args:
        subject: Begins the messages of errors, such as `hf://org/name`.
        settings: Connections, attempts, stall.
        sharing: What the peers are told; None without any.

    Attributes:
        fetched_bytes: What came over the network so far.
    """

    def __init__(self, subject: str, settings: TransferSettings, sharing: Sharing | None) -> None:
        self.fetched_bytes = 0
        self._subject = subject
        self._settings = settings
        self._sharing = sharing
        self._waits = Waits()
        self._turns = Turns(settings.connections, self._waits)
        self._pace = pace_from_environment(DOWNLOAD_LIMIT)
        self._stack = AsyncExitStack()
        self._session: ClientSession
        self._peer_session: ClientSession

    async def __aenter__(self) -> Self:
        self._session = await self._stack.enter_async_context(open_session(self._settings))
        if self._sharing is not None:
            self._peer_session = await self._stack.enter_async_context(open_peer_session())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def source_requests(self) -> int:
        """How many requests the source gets at once now."""
        return self._turns.at_once

    def remote(self, task: RemoteTask) -> RemoteFile | StoredFile:
        """A file at its source."""
        subject, stall = f"{self._subject} {task.file.path}", self._settings.stall_seconds
        if isinstance(task.address, StoredAddress):
            return StoredFile(task.file, task.address, subject, stall, self._pace)
        return RemoteFile(self._session, task.file, task.address, subject, stall, self._pace)

    async def fetch(self, active: Active, share: Share) -> None:
        """Fetch a share; what a peer does not give is left to be chosen again.

        Raises:
            OmeError: of the source, when further attempts do not help.
        """
        sharing = self._sharing if active.is_shared else None
        if sharing is None:
            await self._from_source(active, share, None)
            return
        sharing.start(share)
        try:
            if share.peer is None:
                await self._from_source(active, share, sharing)
            else:
                await self._from_peer(active, share, sharing)
        finally:
            sharing.stop(share)

    async def _from_source(self, active: Active, share: Share, sharing: Sharing | None) -> None:
        patience, transfer, sink = Patience(self._settings, self._waits), active.transfer, self._sink(share, sharing)
        delay = 0.0
        while not await self._is_had_elsewhere(share, sharing, delay):
            start, end = transfer.missing(share.segment)
            try:
                with self._turns.taken():
                    await active.remote.fetch(start, end, sink)
            except OmeError as error:
                if transfer.missing(share.segment)[0] > start:
                    patience.succeeded()
                delay = patience.delay_after(error)
            else:
                return

    async def _is_had_elsewhere(self, share: Share, sharing: Sharing | None, seconds: float) -> bool:
        """Wait for a turn to ask the source, for so long at least; True as soon as a peer has what is wanted."""
        earliest = time.monotonic() + seconds
        while True:
            is_turn = await self._turns.come(earliest, LOOK_SECONDS if sharing is not None else None)
            if is_turn and not seconds:  # nothing has failed: that the source is asked was chosen just now
                return False
            if sharing is not None and sharing.is_to_be_had(share):
                return True
            if is_turn:
                return False

    async def _from_peer(self, active: Active, share: Share, sharing: Sharing) -> None:
        assert share.peer is not None  # noqa: S101 - for the type checker
        file = active.task.file
        subject = f"{self._subject} {file.path}"
        remote = sharing.swarm.remote(self._peer_session, share.peer, file, subject, self._pace)
        start, _ = active.transfer.missing(share.segment)
        try:
            await remote.fetch(start, share.end, self._sink(share, sharing))
        except NetworkError:
            share.peer.avoid(asyncio.get_running_loop().time())

    def _sink(self, share: Share, sharing: Sharing | None) -> Callable[[bytes], None]:
        write, segment = share.transfer.write, share.segment

        def sink(content: bytes) -> None:
            self.fetched_bytes += len(content)
            write(segment, content)
            if sharing is not None:
                sharing.came(share, len(content))

        return sink

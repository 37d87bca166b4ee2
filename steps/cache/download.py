"""The download engine: several ranged requests at once over the files of a manifest, in order, until all are objects.

A worker takes the next segment of the first file that has one. A file that another process is fetching is left to it
and looked at again later. Failures of one segment are tried again as `steps.sources.patience` says; the first final
one ends the download, and what has been fetched stays.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.cache.connection import RemoteFile, open_session
from steps.cache.journal import read_journal
from steps.cache.small_transfer import SmallTransfer
from steps.cache.store import ObjectStore
from steps.cache.stored_file import StoredFile
from steps.cache.transfer import Transfer, begin_transfer
from steps.errors import OmeError
from steps.manifest import FileEntry
from steps.sources.patience import Patience, TransferSettings
from steps.sources.source import RemoteAddress, StoredAddress

if TYPE_CHECKING:
    from aiohttp import ClientSession

LEAD_BYTES = 144 << 20
"""How far a file's next segment may begin ahead of what has been hashed. Hashing that falls further behind would read
from the disk what has left the page cache, and leave a core idle at the end; the next file is begun meanwhile."""
PAUSE_SECONDS = 0.01
REPORT_SECONDS = 0.2
LOOK_AGAIN_SECONDS = 0.1


@dataclass(frozen=True)
class RemoteTask:
    """A file to fetch, and from where."""

    file: FileEntry
    address: RemoteAddress | StoredAddress


@dataclass(eq=False)
class _Active:
    """A transfer, and where its bytes come from."""

    transfer: Transfer | SmallTransfer
    remote: RemoteFile | StoredFile


class Download:
    """Fetches files into a store.

    Args:
        store: Where the objects go.
        tasks: Files that are not there yet, each digest once.
        subject: Begins the messages of errors, such as `hf://org/name`.
        settings: Connections, attempts, stall.
        on_progress: Called a few times a second with the bytes of `tasks` that are there.

    Attributes:
        fetched_bytes: What came over the network so far.
    """

    def __init__(
        self,
        store: ObjectStore,
        tasks: Sequence[RemoteTask],
        subject: str,
        settings: TransferSettings,
        on_progress: Callable[[int], None],
    ) -> None:
        self.fetched_bytes = 0
        self._store = store
        self._waiting = list(tasks)
        self._subject = subject
        self._settings = settings
        self._on_progress = on_progress
        self._active: list[_Active] = []
        self._open: set[Transfer | SmallTransfer] = set()
        begun = {partial.stem for partial in store.partials()}
        self._begun = {task.file.digest for task in tasks if task.file.digest in begun}
        self._there = 0
        self._look_again = 0.0

    async def run(self) -> None:
        """Fetch everything.

        Raises:
            OmeError: the first failure that further attempts do not help.
            OSError: of the disk.
        """
        reporter = asyncio.create_task(self._report())
        try:
            async with open_session(self._settings) as session, asyncio.TaskGroup() as group:
                for _ in range(self._settings.connections):
                    group.create_task(self._work(session, group))
        except BaseExceptionGroup as failures:
            raise _first(failures) from None
        finally:
            reporter.cancel()
            for transfer in list(self._open):
                self._close(transfer)
        self._on_progress(self._there)

    async def _work(self, session: "ClientSession", group: asyncio.TaskGroup) -> None:
        while True:
            active = self._next(session, group)
            if active is not None:
                await self._fetch(active, active.transfer.pending.popleft())
                if active.transfer.is_complete and active in self._active:
                    self._active.remove(active)
                    group.create_task(self._finish(active.transfer))
            elif self._waiting or any(active.transfer.pending for active in self._active):
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    def _next(self, session: "ClientSession", group: asyncio.TaskGroup) -> _Active | None:
        """A transfer that has a segment to fetch: one under way, or the next file that nobody else has."""
        for active in self._active:
            if active.transfer.pending and not active.transfer.is_ahead(LEAD_BYTES):
                return active
        now = asyncio.get_running_loop().time()
        if now < self._look_again or len(self._active) >= self._settings.connections:
            return None
        for task in list(self._waiting):
            if self._store.has(task.file):
                self._waiting.remove(task)
                self._there += task.file.size
                continue
            transfer = begin_transfer(self._store, task.file, self._settings.connections)
            if transfer is None:
                self._begun.add(task.file.digest)
                continue
            self._waiting.remove(task)
            self._open.add(transfer)
            if transfer.is_complete:
                group.create_task(self._finish(transfer))
                continue
            self._active.append(_Active(transfer, self._remote(session, task)))
            return self._active[-1]
        self._look_again = now + LOOK_AGAIN_SECONDS
        return None

    def _remote(self, session: "ClientSession", task: RemoteTask) -> RemoteFile | StoredFile:
        subject, stall = f"{self._subject} {task.file.path}", self._settings.stall_seconds
        if isinstance(task.address, StoredAddress):
            return StoredFile(task.file, task.address, subject, stall)
        return RemoteFile(session, task.file, task.address, subject, stall)

    async def _fetch(self, active: _Active, segment: int) -> None:
        """Fetch what is missing of a segment, going on after failures."""
        patience = Patience(self._settings)
        transfer = active.transfer

        def sink(content: bytes) -> None:
            self.fetched_bytes += len(content)
            transfer.write(segment, content)

        while True:
            start, end = transfer.missing(segment)
            try:
                await active.remote.fetch(start, end, sink)
            except OmeError as error:
                if transfer.missing(segment)[0] > start:
                    patience.succeeded()
                delay = patience.delay_after(error)
            else:
                return
            await asyncio.sleep(delay)

    async def _finish(self, transfer: Transfer | SmallTransfer) -> None:
        """Verify and commit in a thread; when cancelled, wait for that thread before its files are closed."""
        work = asyncio.ensure_future(asyncio.to_thread(transfer.finish))
        try:
            await asyncio.shield(work)
            self._there += transfer.file.size
        except asyncio.CancelledError:
            transfer.stop()
            await asyncio.wait([work])
            raise
        finally:
            self._close(transfer)

    def _close(self, transfer: Transfer | SmallTransfer) -> None:
        if transfer in self._open:
            self._open.remove(transfer)
            transfer.close()

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            elsewhere = 0
            for task in self._waiting:
                if task.file.digest not in self._begun:  # thousands have no record, and are not looked for
                    continue
                known = read_journal(self._store.progress(task.file), task.file.size)
                elsewhere += sum(known[1]) if known is not None else 0
            self._on_progress(self._there + elsewhere + sum(transfer.total for transfer in self._open))


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure to tell of: a classed one before others."""
    flat: list[BaseException] = []
    for failure in failures.exceptions:
        flat.append(_first(failure) if isinstance(failure, BaseExceptionGroup) else failure)
    return next((failure for failure in flat if isinstance(failure, OmeError)), flat[0])

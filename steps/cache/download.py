"""The download engine: several ranged requests at once over the files of a manifest, in order, until all are objects.

A worker takes the next segment of the first file that has one, or where nodes share (`steps.cache.sharing`) the one
that the swarm chooses. A file that another process is fetching is left to it and looked at again later. Failures of
one segment are tried again as `steps.sources.patience` says; the first final one ends the download, and what has been
fetched stays.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence

from steps.cache.journal import read_journal
from steps.cache.segment_fetch import Active, RemoteTask, SegmentFetcher
from steps.cache.sharing import Share, Sharing
from steps.cache.small_finish import SmallFinish
from steps.cache.small_transfer import SMALL_BYTES, SmallTransfer
from steps.cache.store import ObjectStore
from steps.cache.syncing import Sync, sync_now_and_then
from steps.cache.transfer import Transfer, begin_transfer
from steps.errors import IntegrityError, OmeError
from steps.sources.patience import TransferSettings
from steps.swarm import Swarm

LEAD_BYTES = 144 << 20
"""How far a file's next segment may begin ahead of what has been hashed. Hashing that falls further behind would read
from the disk what has left the page cache, and leave a core idle at the end; the next file is begun meanwhile."""
PAUSE_SECONDS = 0.01
REPORT_SECONDS = 0.2
LOOK_AGAIN_SECONDS = 0.1
CHOOSE_AGAIN_SECONDS = 0.02
"""What peers have is looked through so often while there is nothing to take: it is long for a large model."""
SMALL_AT_ONCE = 64
"""Small files that are open at once where nodes share: each waits for its turn, or for a peer to have it."""


class Download:
    """Fetches files into a store.

    Args:
        store: Where the objects go.
        tasks: Files that are not there yet, each digest once.
        subject: Begins the messages of errors, such as `hf://org/name`.
        settings: Connections, attempts, stall.
        on_progress: Called a few times a second with the bytes of `tasks` that are there.
        swarm: Other nodes that import the same; None to fetch all from the source.
    """

    def __init__(
        self,
        store: ObjectStore,
        tasks: Sequence[RemoteTask],
        subject: str,
        settings: TransferSettings,
        on_progress: Callable[[int], None],
        swarm: Swarm | None = None,
    ) -> None:
        self._sharing = Sharing(swarm, LEAD_BYTES) if swarm is not None else None
        self._segments = SegmentFetcher(subject, settings, self._sharing)
        self._store = store
        self._small = SmallFinish(store)
        self._waiting = list(tasks)
        self._settings = settings
        self._on_progress = on_progress
        self._active: list[Active] = []
        self._open: set[Transfer | SmallTransfer] = set()
        begun = {partial.stem for partial in store.partials()}
        self._begun = {task.file.digest for task in tasks if task.file.digest in begun}
        self._there = 0
        self._look_again = self._choose_again = 0.0

    @property
    def fetched_bytes(self) -> int:
        """What came over the network so far, from the source and from other nodes."""
        return self._segments.fetched_bytes

    async def run(self) -> None:
        """Fetch everything.

        Raises:
            OmeError: the first failure that further attempts do not help.
            OSError: of the disk.
        """
        beside = [asyncio.create_task(self._report()), asyncio.create_task(sync_now_and_then(self._syncs))]
        try:
            async with self._segments, asyncio.TaskGroup() as group:
                for _ in range(self._settings.connections):
                    group.create_task(self._work(group))
        except BaseExceptionGroup as failures:
            raise _first(failures) from None
        finally:
            for task in beside:
                task.cancel()
            for transfer in list(self._open):
                self._close(transfer)
        self._on_progress(self._there)

    async def _work(self, group: asyncio.TaskGroup) -> None:
        while True:
            work = self._next(group)
            if work is not None:
                active, share = work
                await self._segments.fetch(active, share)
                if active.transfer.is_complete and active in self._active:
                    self._active.remove(active)
                    group.create_task(self._finish(active, group))
            elif self._waiting or any(active.transfer.pending for active in self._active):
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    def _next(self, group: asyncio.TaskGroup) -> "tuple[Active, Share] | None":
        """Something to fetch: of a transfer under way, or of the next file that nobody else has."""
        if found := self._of_active():
            return found
        while self._begin(group):
            if found := self._of_active():
                return found
        return None

    def _of_active(self) -> "tuple[Active, Share] | None":
        for active in self._active:
            transfer = active.transfer
            if not active.is_shared and transfer.pending and not transfer.is_ahead(LEAD_BYTES):
                segment = transfer.pending.popleft()
                return active, Share(transfer, segment, transfer.missing(segment)[1], None)
        if self._sharing is None:
            return None
        now = asyncio.get_running_loop().time()
        if now < self._choose_again:
            return None
        shared = {active.transfer: active for active in self._active if active.is_shared}
        share = self._sharing.next(list(shared), self._segments.source_requests)
        if share is None:  # in a large swarm a look takes long: the less often
            after = asyncio.get_running_loop().time()
            self._choose_again = after + max(CHOOSE_AGAIN_SECONDS, 4 * (after - now))
            return None
        return shared[share.transfer], share

    def _begin(self, group: asyncio.TaskGroup) -> bool:
        """Begin the transfer of the next file that nobody else has; False when there is none, or no room for it."""
        now = asyncio.get_running_loop().time()
        if now < self._look_again:
            return False
        for task in list(self._waiting):
            if not self._has_room(task):
                return False
            if self._store.has(task.file):
                self._waiting.remove(task)
                self._there += task.file.size
                if self._sharing is not None:
                    self._sharing.finish(task.file)
                continue
            transfer = begin_transfer(self._store, task.file, self._settings.connections)
            if transfer is None:
                self._begun.add(task.file.digest)
                continue
            self._waiting.remove(task)
            self._open.add(transfer)
            is_shared = self._sharing is not None and self._sharing.is_shared(task.file)
            active = Active(task, transfer, self._segments.remote(task), is_shared)
            if self._sharing is not None and is_shared:
                self._sharing.begin(transfer)
            if transfer.is_complete:
                group.create_task(self._finish(active, group))
                continue
            self._choose_again = 0.0
            self._active.append(active)
            return True
        self._look_again = now + LOOK_AGAIN_SECONDS
        return False

    def _has_room(self, task: RemoteTask) -> bool:
        if task.file.size <= SMALL_BYTES and self._small.is_full:
            return False
        if self._sharing is not None and task.file.size <= SMALL_BYTES:
            return len(self._active) < SMALL_AT_ONCE
        large = self._active if self._sharing is None else [a for a in self._active if a.task.file.size > SMALL_BYTES]
        return len(large) < self._settings.connections

    async def _finish(self, active: Active, group: asyncio.TaskGroup) -> None:
        """Verify and commit in a thread; when cancelled, wait for that thread before its files are closed."""
        transfer = active.transfer
        if isinstance(transfer, SmallTransfer):
            work = asyncio.ensure_future(self._small.finish(transfer))
        else:
            work = asyncio.ensure_future(asyncio.to_thread(transfer.finish))
        try:
            await asyncio.shield(work)
            self._there += transfer.file.size
            if self._sharing is not None:
                self._sharing.finish(transfer.file)
        except IntegrityError as error:
            if self._sharing is None or not active.is_shared or not self._sharing.is_worth_another(transfer.file):
                raise
            sys.stderr.write(
                f"{error.message}; other nodes gave some of it, it is fetched from its source, and they are not asked "
                "again\n"
            )
            self._close(transfer)
            self._waiting.append(active.task)
            self._look_again = 0.0
            for _ in range(self._settings.connections):  # those that there were may have ended
                group.create_task(self._work(group))
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

    def _syncs(self) -> Iterator[Sync]:
        """Of small files there are none: they are written at once, and forced to the disk as they end."""
        for transfer in list(self._open):
            if isinstance(transfer, Transfer) and (sync := transfer.sync()):
                yield sync

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            elsewhere = 0
            for task in self._waiting:
                if task.file.digest not in self._begun:  # thousands have no record, and are not looked for
                    continue
                known = read_journal(self._store.progress(task.file), task.file.size)
                elsewhere += sum(known.done) if known is not None else 0
            self._on_progress(self._there + elsewhere + sum(transfer.total for transfer in self._open))


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure to tell of: a classed one before others."""
    flat: list[BaseException] = []
    for failure in failures.exceptions:
        flat.append(_first(failure) if isinstance(failure, BaseExceptionGroup) else failure)
    return next((failure for failure in flat if isinstance(failure, OmeError)), flat[0])

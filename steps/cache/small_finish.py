"""The ends of small files: all that have come while the disk was busy are verified and made objects together.

Each for itself waits for the disk twice, which for thousands takes longer than to fetch them. For one event loop;
called by `steps.cache.download`.
"""

import asyncio
from collections.abc import Mapping, Sequence

from steps.cache.small_transfer import SmallTransfer
from steps.cache.store import ObjectStore, Verified
from steps.errors import IntegrityError

MOST_BYTES = 2 << 20
"""No more small files are begun while so much is whole and waits for the disk: a kill costs it."""
_LEAST_EACH = 16 << 10
"""What the smallest counts as: each holds an open file."""

Failure = IntegrityError | OSError


class SmallFinish:
    """Ends the small transfers of a download.

    Args:
        store: Where the objects go.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._waiting_bytes = 0
        self._batch: list[SmallTransfer] | None = None
        self._work: asyncio.Task[Mapping[SmallTransfer, Failure]] | None = None

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the disk that no more is to be begun."""
        return self._waiting_bytes >= MOST_BYTES

    async def finish(self, transfer: SmallTransfer) -> None:
        """Make the object, once the disk has it; goes on when cancelled.

        Raises:
            IntegrityError: when the bytes are not those that the manifest names.
            OSError: when the disk does not take them, or those that end with them.
        """
        if self._batch is None:
            self._batch = []
            self._work = asyncio.create_task(self._end(self._batch, self._work))
        assert self._work is not None  # noqa: S101 - for the type checker
        self._batch.append(transfer)
        counted = max(transfer.total, _LEAST_EACH)
        self._waiting_bytes += counted
        try:
            failures = await asyncio.shield(self._work)
        finally:
            self._waiting_bytes -= counted
        if transfer in failures:
            raise failures[transfer]

    async def _end(
        self, batch: list[SmallTransfer], before: "asyncio.Task[Mapping[SmallTransfer, Failure]] | None"
    ) -> Mapping[SmallTransfer, Failure]:
        if before is not None:
            await asyncio.wait([before])
        self._batch = None  # what comes from now on is the next
        return await asyncio.to_thread(_finish_together, self._store, batch)


def _finish_together(store: ObjectStore, transfers: Sequence[SmallTransfer]) -> Mapping[SmallTransfer, Failure]:
    """What some failed with; what the disk refuses to one it refuses to all."""
    failures: dict[SmallTransfer, Failure] = {}
    verified: list[Verified] = []
    try:
        for transfer in transfers:
            try:
                verified.append(transfer.verify())
            except IntegrityError as error:
                failures[transfer] = error
        store.commit(*verified)
    except OSError as error:
        return dict.fromkeys(transfers, error)
    return failures

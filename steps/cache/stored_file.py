"""One ranged read after another of one object, through its store's own client.

The engine in `steps.cache.download` decides which ranges, and when to try again.
"""

import asyncio
from collections.abc import Callable

from steps.errors import NetworkError, OverloadedError
from steps.manifest import FileEntry
from steps.pace import Pace
from steps.sources.http_answers import changed
from steps.sources.source import StoredAddress
from steps.sources.store_answers import store_error
from steps.sources.store_digests import quoted
from steps.watchdog import fed

CHUNK_BYTES = 1
"""How much the client gathers before it hands over: nothing, for it drops what it has gathered if an answer breaks."""


class StoredFile:
    """One object of a store. Several reads may run at once.

    Args:
        file: Which file.
        address: Its object, and the client that reads it and renews its credentials.
        subject: Begins the messages of errors.
        stall_seconds: A read that brings no byte for so long is cut.
        pace: Caps what comes; None for no cap.
    """

    def __init__(
        self, file: FileEntry, address: StoredAddress, subject: str, stall_seconds: float, pace: Pace | None = None
    ) -> None:
        self._file = file
        self._address = address
        self._subject = subject
        self._stall_seconds = stall_seconds
        self._pace = pace

    async def fetch(self, start: int, end: int, sink: Callable[[bytes], None]) -> None:
        """Give bytes [start, end) to `sink`, in order, as they come.

        Raises:
            OmeError: classed; what `sink` got before is good.
        """
        import obstore

        address = self._address
        try:
            async with asyncio.timeout(self._stall_seconds) as watchdog:
                take = fed(watchdog, self._stall_seconds, sink)
                options: obstore.GetOptions = {"range": (start, end), "if_match": address.etag or None}
                answer = await obstore.get_async(address.store, address.key, options=options)
                if answer.meta["size"] != self._file.size or quoted(answer.meta["e_tag"]) not in (address.etag, ""):
                    raise changed(self._subject)
                left = end - start
                async for chunk in answer.stream(min_chunk_size=CHUNK_BYTES):
                    take(chunk[:left])
                    left -= min(left, len(chunk))
                    if self._pace is not None:
                        await self._pace.take(len(chunk))
                if left:
                    raise NetworkError(f"{self._subject}: the answer ended {left} bytes early")
        except TimeoutError:
            raise OverloadedError(f"{self._subject}: no byte came for {self._stall_seconds:g} s") from None
        except (obstore.exceptions.BaseError, FileNotFoundError, PermissionError, ConnectionError) as error:
            raise store_error(error, self._subject, address.credentials) from None

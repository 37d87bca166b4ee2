"""One ranged request after another of one file that a peer has."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from steps.errors import NetworkError
from steps.pace import Pace
from steps.swarm.following import authorization
from steps.swarm.peer import Peer
from steps.watchdog import fed

if TYPE_CHECKING:
    from aiohttp import ClientSession

STALL_SECONDS = 10.0
"""Shorter than that of a source: the bytes can be had elsewhere."""


class PeerFile:
    """A file at a peer.

    Args:
        session: The client.
        peer: Who has it.
        path: Of the file at the peer's server.
        key: What shows that this node is one of the import.
        subject: Begins the messages of errors.
        pace: Caps what comes; None for no cap.
    """

    def __init__(
        self, session: "ClientSession", peer: Peer, path: str, key: str, subject: str, pace: Pace | None
    ) -> None:
        self._session = session
        self._peer = peer
        self._path = path
        self._key = key
        self._subject = subject
        self._pace = pace

    async def fetch(self, start: int, end: int, sink: Callable[[bytes], None]) -> None:
        """Give bytes [start, end) to `sink`, in order, as they come.

        Raises:
            NetworkError: whatever went wrong; what `sink` got before holds as far as the file's digest says so.
        """
        import aiohttp

        headers = authorization(self._key) | {"Range": f"bytes={start}-{end - 1}"}
        left = end - start
        try:
            async with (
                asyncio.timeout(STALL_SECONDS) as watchdog,
                self._session.get(f"{self._peer.url}{self._path}", headers=headers, allow_redirects=False) as answer,
            ):
                if answer.status != 206:
                    raise NetworkError(f"{self._subject}: {self._peer.url} answered with status {answer.status}")
                if answer.headers.get("Content-Range") != f"bytes {start}-{end - 1}/*":
                    raise NetworkError(f"{self._subject}: {self._peer.url} answered with other bytes")
                take = fed(watchdog, STALL_SECONDS, sink)
                async for content, _ in answer.content.iter_chunks():
                    if content:
                        take(content[:left])
                        left -= min(left, len(content))
                        if not left:
                            break
                        if self._pace is not None:
                            await self._pace.take(len(content))
        except TimeoutError:
            raise NetworkError(f"{self._subject}: {self._peer.url} sent nothing for {STALL_SECONDS:g} s") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise NetworkError(f"{self._subject}: {self._peer.url} ({type(error).__name__})") from None
        if left:
            raise NetworkError(f"{self._subject}: the answer of {self._peer.url} ended {left} bytes early")

"""One ranged request after another for one file: redirects, the token's origin, changed files, and classed failures.

The engine in `steps.cache.download` decides which ranges, and when to try again.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from steps.errors import NetworkError, OverloadedError, RateLimitedError
from steps.manifest import FileEntry
from steps.pace import Pace
from steps.sources.http_answers import changed, lost_in_redirects, public_url
from steps.sources.patience import TransferSettings
from steps.sources.ranged_request import REDIRECTS, RangedRequest
from steps.sources.source import RemoteAddress
from steps.watchdog import fed

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

CONNECT_SECONDS = 30.0
BUFFER_BYTES = 1 << 18


def open_session(settings: TransferSettings) -> "ClientSession":
    """A client for all connections of a download; to be closed by the caller."""
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
        timeout=aiohttp.ClientTimeout(
            total=None,
            sock_connect=_connect_seconds(settings.stall_seconds),
        ),
        auto_decompress=False,
        read_bufsize=BUFFER_BYTES,
        trust_env=True,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity", "User-Agent": "ome-pipelines"},
    )


class RemoteFile:
    """One file at its source. Several requests may run at once; the redirect is asked for once.

    Args:
        session: The client.
        file: Which file.
        address: Where it is.
        subject: Begins the messages of errors.
        stall_seconds: A request that brings no byte for so long is cut.
        pace: Caps what comes; None for no cap.
    """

    def __init__(
        self,
        session: "ClientSession",
        file: FileEntry,
        address: RemoteAddress,
        subject: str,
        stall_seconds: float,
        pace: Pace | None = None,
    ) -> None:
        self._stall_seconds = stall_seconds
        self._pace = pace
        self._session = session
        self._file = file
        self._address = address
        self._subject = subject
        self._stored_at = ""
        self._is_direct = False
        self._store_etags: dict[str, str] = {}
        self._locating = asyncio.Lock()

    async def fetch(self, start: int, end: int, sink: Callable[[bytes], None]) -> None:
        """Give bytes [start, end) to `sink`, in order, as they come.

        Raises:
            OmeError: classed; what `sink` got before is good.
        """
        import aiohttp

        try:
            async with asyncio.timeout(self._stall_seconds) as watchdog, await self._open(start, end) as answer:
                await self._take(answer, start, end, watchdog, sink)
        except aiohttp.ConnectionTimeoutError:
            self._stored_at = ""
            seconds = _connect_seconds(self._stall_seconds)
            raise OverloadedError(f"{self._subject}: no connection was made within {seconds:g} s") from None
        except TimeoutError:
            self._stored_at = ""
            raise OverloadedError(f"{self._subject}: no byte came for {self._stall_seconds:g} s") from None
        except aiohttp.ClientError as error:
            self._stored_at = ""
            raise NetworkError(f"{self._subject}: {_reason(error)}") from None
        except ConnectionError as error:
            raise NetworkError(f"{self._subject}: the connection broke ({error})") from None

    async def _open(self, start: int, end: int) -> "ClientResponse":
        """An answer with a body to take; while nobody knows where the bytes are, one request at a time asks."""
        if not self._is_located:
            async with self._locating:
                if not self._is_located:
                    return await self._request(start, end)
        return await self._request(start, end)

    @property
    def _is_located(self) -> bool:
        return bool(self._stored_at) or self._is_direct

    async def _request(self, start: int, end: int) -> "ClientResponse":
        from yarl import URL

        address = self._address
        if address.renew is not None:  # may ask a server: the other transfers go on meanwhile
            address = await asyncio.to_thread(address.renew)
        url = self._stored_at or address.url
        for _ in range(REDIRECTS):
            request = RangedRequest(self._subject, self._file, address, url, start, end)
            pinned = {} if request.is_own_origin else self._pinned(url)
            answer = await self._session.get(
                URL(url, encoded=True), headers=request.headers | pinned, allow_redirects=False
            )
            try:
                if there := request.sent_on_to(answer.status, answer.headers):
                    url = self._stored_at = there
                    answer.release()
                    continue
                if not request.is_own_origin:
                    self._note_etag(public_url(url), answer.headers.get("ETag", ""))
            except BaseException as error:
                if not isinstance(error, RateLimitedError):  # it is the right place to ask, later
                    self._stored_at = ""
                answer.close()
                raise
            self._is_direct = request.is_own_origin
            return answer
        self._stored_at = ""
        raise lost_in_redirects(self._subject, REDIRECTS, url, address.named_by)

    def _pinned(self, url: str) -> dict[str, str]:
        """What asks a store for the bytes that it gave before."""
        etag = self._store_etags.get(public_url(url), "")
        return {"If-Match": etag} if etag else {}

    def _note_etag(self, place: str, etag: str) -> None:
        if not etag or etag.startswith("W/"):
            return
        if self._store_etags.setdefault(place, etag) != etag:
            raise changed(self._subject)

    async def _take(
        self, answer: "ClientResponse", start: int, end: int, watchdog: asyncio.Timeout, sink: Callable[[bytes], None]
    ) -> None:
        skip, left = start if answer.status == 200 else 0, end - start

        def keep(content: bytes) -> None:
            nonlocal skip, left
            wanted = content[skip : skip + left]
            skip = max(0, skip - len(content))
            if wanted:
                sink(wanted)
                left -= len(wanted)

        take = fed(watchdog, self._stall_seconds, keep)  # what is skipped comes too
        async for content, _ in answer.content.iter_chunks():  # as they came; iter_any would join, which copies
            if content:
                take(content)
                if self._pace is not None:
                    await self._pace.take(len(content))
            if left == 0:
                if answer.status == 200:
                    answer.close()
                return
        raise NetworkError(f"{self._subject}: the answer ended {left} bytes early")


def _connect_seconds(stall_seconds: float) -> float:
    """Less than without a byte is waited for, which counts from before: or a silence would be told instead."""
    return min(CONNECT_SECONDS, 0.75 * stall_seconds)


def _reason(error: Exception) -> str:
    """An aiohttp error in words that hold no query of a URL, where signatures are."""
    from aiohttp import ClientConnectorError, ClientPayloadError, ServerDisconnectedError

    if isinstance(error, ClientConnectorError):
        return f"{error.host}:{error.port} cannot be reached ({error.os_error.strerror or error.os_error})"
    if isinstance(error, ClientPayloadError):
        return "the answer ended early"
    if isinstance(error, ServerDisconnectedError):
        return "the source closed the connection"
    return f"the transfer failed ({type(error).__name__})"

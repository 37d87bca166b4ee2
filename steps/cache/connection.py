"""One ranged request after another for one file: redirects, the token's origin, changed files, and classed failures.

The engine in `steps.cache.download` decides which ranges, and when to try again.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from steps.errors import NetworkError
from steps.manifest import FileEntry
from steps.pace import Pace
from steps.sources.http_answers import (
    changed,
    error_of,
    expired,
    has_token,
    is_other_digest,
    lost_in_redirects,
    of_other_size,
    origin_of,
    public_url,
)
from steps.sources.patience import TransferSettings
from steps.sources.source import RemoteAddress
from steps.watchdog import fed

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

REDIRECTS = 5
CONNECT_SECONDS = 30.0
BUFFER_BYTES = 1 << 18


def open_session(settings: TransferSettings) -> "ClientSession":
    """A client for all connections of a download; to be closed by the caller."""
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
        timeout=aiohttp.ClientTimeout(
            total=None,
            sock_connect=min(CONNECT_SECONDS, settings.stall_seconds),
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
                await self._take(answer, start, end, fed(watchdog, self._stall_seconds, sink))
        except TimeoutError:
            self._stored_at = ""
            raise NetworkError(f"{self._subject}: no byte came for {self._stall_seconds:g} s") from None
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

        address = self._address.renew() if self._address.renew is not None else self._address
        url = self._stored_at or address.url
        for _ in range(REDIRECTS):
            is_own_origin = origin_of(url) == origin_of(address.url)
            headers = {"Range": f"bytes={start}-{end - 1}"}
            if is_own_origin:
                headers |= address.headers
            elif public_url(url) in self._store_etags:
                headers["If-Match"] = self._store_etags[public_url(url)]
            answer = await self._session.get(URL(url, encoded=True), headers=headers, allow_redirects=False)
            try:
                if is_own_origin and is_other_digest(answer.headers, address.etag):
                    raise changed(self._subject)
                if answer.status in (301, 302, 303, 307, 308) and "Location" in answer.headers:
                    url = self._stored_at = urljoin(url, answer.headers["Location"])
                    answer.release()
                    continue
                is_known = is_own_origin and has_token(address.headers)
                self._check(answer, start, is_known=is_known, is_own_origin=is_own_origin)
                if not is_own_origin:
                    self._note_etag(public_url(url), answer.headers.get("ETag", ""))
            except BaseException:
                answer.close()
                raise
            self._is_direct = is_own_origin
            return answer
        self._stored_at = ""
        raise lost_in_redirects(self._subject, REDIRECTS, url, address.named_by)

    def _check(self, answer: "ClientResponse", start: int, *, is_known: bool, is_own_origin: bool) -> None:
        if answer.status == 206:
            span = answer.headers.get("Content-Range", "")
            if not span.startswith(f"bytes {start}-"):
                raise NetworkError(f'{self._subject}: asked for bytes from {start}, got "{span}"')
            total = span.rpartition("/")[2]
            if total.isdigit() and int(total) != self._file.size:
                raise of_other_size(self._subject, int(total), self._file.size)
            return
        if answer.status == 200:
            return
        if not is_own_origin:
            self._stored_at = ""
            if answer.status in (401, 403):
                raise expired(self._subject)
        credentials = self._address.credentials
        raise error_of(answer.status, answer.headers, self._subject, has_token=is_known, credentials=credentials)

    def _note_etag(self, place: str, etag: str) -> None:
        if not etag or etag.startswith("W/"):
            return
        if self._store_etags.setdefault(place, etag) != etag:
            raise changed(self._subject)

    async def _take(self, answer: "ClientResponse", start: int, end: int, sink: Callable[[bytes], None]) -> None:
        skip = start if answer.status == 200 else 0
        left = end - start
        async for content, _ in answer.content.iter_chunks():  # as they came; iter_any would join, which copies
            if skip:
                skip, content = max(0, skip - len(content)), content[skip:]
            if content:
                content = content[:left]
                sink(content)
                left -= len(content)
                if self._pace is not None:
                    await self._pace.take(len(content))
            if left == 0:
                if answer.status == 200:
                    answer.close()
                return
        raise NetworkError(f"{self._subject}: the answer ended {left} bytes early")


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

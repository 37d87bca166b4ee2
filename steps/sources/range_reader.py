"""Synchronous reads of ranges over HTTP: redirects, the token's origin, changed files, and classed failures.

For the few bytes of headers and configurations; whole files go through `steps.cache`.
"""

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from steps.errors import NetworkError, OmeError, RateLimitedError
from steps.manifest import FileEntry
from steps.sources.http_answers import lost_in_redirects, public_url
from steps.sources.patience import TransferSettings
from steps.sources.patient_reads import read_patiently
from steps.sources.ranged_request import REDIRECTS, RangedRequest
from steps.sources.source import RemoteAddress

if TYPE_CHECKING:
    from httpx2 import Client

CONNECT_SECONDS = 30.0
_REDIRECT_BYTES = 64 << 10


class RangeReader:
    """Reads ranges of files, and remembers where redirects led. Thread-safe."""

    def __init__(self, settings: TransferSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._stored_at: dict[str, str] = {}

    def read(
        self, subject: str, file: FileEntry, address: RemoteAddress, start: int, end: int, client: "Client"
    ) -> bytes:
        """Bytes [start, end) of a file, retried as the settings say; fewer when it ends before.

        Args:
            subject: Begins the messages of errors.
            file: Its size ends the range.
            address: Where it is.
            start: First byte.
            end: Byte after the last.
            client: Sends the requests.

        Raises:
            OmeError: of the class that fits.
        """

        def read_once(start: int, end: int, content: bytearray) -> None:
            self._read_once(subject, file, address, client, start, end, content)

        return read_patiently(self._settings, subject, file, start, end, read_once)

    def _read_once(
        self,
        subject: str,
        file: FileEntry,
        address: RemoteAddress,
        client: "Client",
        start: int,
        end: int,
        content: bytearray,
    ) -> None:
        import httpx2

        address = address.renew() if address.renew is not None else address
        with self._lock:
            url = self._stored_at.get(address.url, address.url)
        timeout = httpx2.Timeout(
            self._settings.stall_seconds, connect=min(CONNECT_SECONDS, self._settings.stall_seconds)
        )
        try:
            for _ in range(REDIRECTS):
                request = RangedRequest(subject, file, address, url, start, end)
                asked = client.stream("GET", url, headers=request.headers, timeout=timeout, follow_redirects=False)
                with asked as answer:
                    there = request.sent_on_to(answer.status_code, answer.headers)
                    is_short = _has_at_most(answer.headers, end - start if not there else _REDIRECT_BYTES)
                    chunks = answer.iter_raw()
                    if not there:
                        _take(chunks, start if answer.status_code == 200 else 0, end - start, content)
                    if is_short:  # one that is read to its end leaves the connection to the next request
                        deque(chunks, maxlen=0)
                    if not there:
                        return
                url = there
                with self._lock:
                    self._stored_at[address.url] = url
            raise lost_in_redirects(subject, REDIRECTS, url, address.named_by)
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            self._forget(address)
            raise unreachable(subject, url, error, address.named_by) from None
        except OmeError as error:
            if not isinstance(error, RateLimitedError):  # it is the right place to ask, later
                self._forget(address)
            raise

    def _forget(self, address: RemoteAddress) -> None:
        """Where it led, something is wrong: the next attempt asks the source itself."""
        with self._lock:
            self._stored_at.pop(address.url, None)


def unreachable(subject: str, url: str, error: Exception, named_by: str) -> NetworkError:
    """A server that does not answer.

    Args:
        subject: What was asked for.
        url: Where.
        error: What the client raised.
        named_by: The variable that names another server; "" for none.
    """
    other = f", and {named_by} where a mirror is used" if named_by else ""
    return NetworkError(
        f"{subject}: {public_url(url)} cannot be reached ({type(error).__name__}: {error})",
        remedy=f"Check the connection{other}; then run again.",
    )


def _has_at_most(headers: Mapping[str, str], count: int) -> bool:
    """Whether an answer says how long it is, and that it is no longer than that."""
    length = headers.get("content-length", "")
    return length.isdecimal() and int(length) <= count


def _take(chunks: Iterable[bytes], skip: int, count: int, content: bytearray) -> None:
    """Append `count` bytes of a body to `content`, after `skip`."""
    wanted = len(content) + count
    for chunk in chunks:
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        content.extend(chunk[skip : skip + wanted - len(content)])
        skip = 0
        if len(content) >= wanted:
            return

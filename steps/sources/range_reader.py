"""Synchronous reads of ranges over HTTP: redirects, the token's origin, changed files, and classed failures.

For the few bytes of headers and configurations; whole files go through `steps.cache`.
"""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from steps.errors import NetworkError
from steps.manifest import FileEntry
from steps.sources.http_answers import (
    changed,
    error_of,
    expired,
    has_token,
    is_other_digest,
    lost_in_redirects,
    origin_of,
    public_url,
)
from steps.sources.patience import TransferSettings
from steps.sources.patient_reads import read_patiently
from steps.sources.source import RemoteAddress

if TYPE_CHECKING:
    from httpx2 import Client

CONNECT_SECONDS = 30.0
REDIRECTS = 5


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
            self._read_once(subject, address, client, start, end, content)

        return read_patiently(self._settings, subject, file, start, end, read_once)

    def _read_once(
        self, subject: str, address: RemoteAddress, client: "Client", start: int, end: int, content: bytearray
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
                is_own_origin = origin_of(url) == origin_of(address.url)
                headers = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
                if is_own_origin:
                    headers |= address.headers
                request = client.stream("GET", url, headers=headers, timeout=timeout, follow_redirects=False)
                with request as answer:
                    if is_own_origin and is_other_digest(answer.headers, address.etag):
                        raise changed(subject)
                    if answer.is_redirect:
                        url = urljoin(url, answer.headers["Location"])
                        with self._lock:
                            self._stored_at[address.url] = url
                        continue
                    if answer.status_code in (200, 206):
                        skip = start if answer.status_code == 200 else 0
                        _take(answer.iter_raw(), skip, end - start, content)
                        return
                    with self._lock:
                        self._stored_at.pop(address.url, None)
                    if not is_own_origin and answer.status_code in (401, 403):
                        raise expired(subject)
                    raise error_of(
                        answer.status_code,
                        answer.headers,
                        subject,
                        has_token=is_own_origin and has_token(address.headers),
                        credentials=address.credentials,
                    )
            with self._lock:
                self._stored_at.pop(address.url, None)
            raise lost_in_redirects(subject, REDIRECTS, url, address.named_by)
        except httpx2.TransportError as error:
            raise unreachable(subject, url, error, address.named_by) from None


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

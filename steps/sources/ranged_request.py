"""A request for bytes of a file over HTTP: what to send, and what its answer means. Pure.

The reads of headers (`steps.sources.range_reader`) and the download engine (`steps.cache.connection`) both send it,
each with its own client: a redirect, a changed file or bytes that were not asked for mean the same to both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from steps.errors import NetworkError
from steps.manifest import FileEntry
from steps.sources.http_answers import (
    changed,
    error_of,
    expired,
    has_token,
    is_other_digest,
    led_nowhere,
    of_other_size,
    origin_of,
)
from steps.sources.source import RemoteAddress

REDIRECTS = 5
"""How many are followed."""
_SENT_ON = frozenset({301, 302, 303, 307, 308})
_SPAN = re.compile(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19}|\*)", re.ASCII)
"""Which bytes of how many an answer has (RFC 9110, section 14.4)."""


@dataclass(frozen=True)
class RangedRequest:
    """One request.

    Attributes:
        subject: Begins the messages of errors.
        file: Of which file.
        address: Where it is.
        url: The address's own, or where it has sent us on to.
        start: First byte.
        end: Byte after the last.
    """

    subject: str
    file: FileEntry
    address: RemoteAddress
    url: str
    start: int
    end: int

    @property
    def is_own_origin(self) -> bool:
        """Whether it goes to the source itself, which alone gets the token."""
        return self.url == self.address.url or origin_of(self.url) == origin_of(self.address.url)

    @property
    def headers(self) -> dict[str, str]:
        """What to send."""
        own = self.address.headers if self.is_own_origin else {}
        return {"Range": f"bytes={self.start}-{self.end - 1}", "Accept-Encoding": "identity", **own}

    def sent_on_to(self, status: int, headers: Mapping[str, str]) -> str:
        """Where an answer says to ask instead; "" for one that has the bytes: from `start` on with 206, all with 200.

        Args:
            status: HTTP status code.
            headers: Of the answer, with case-insensitive keys.

        Raises:
            OmeError: for any other answer, of the class that fits.
        """
        if self.is_own_origin and is_other_digest(headers, self.address.etag):
            raise changed(self.subject)
        if status in _SENT_ON and "Location" in headers:
            return self._behind(headers["Location"])
        if status == 206:
            self._check_span(headers.get("Content-Range", ""))
            return ""
        if status == 200:
            return ""
        if not self.is_own_origin and status in (401, 403):
            raise expired(self.subject)
        is_known = self.is_own_origin and has_token(self.address.headers)
        raise error_of(status, headers, self.subject, has_token=is_known, credentials=self.address.credentials)

    def _behind(self, location: str) -> str:
        """The URL that a redirect names, from the one that was asked."""
        try:
            url = urljoin(self.url, location)
            scheme, host, _ = origin_of(url)
        except ValueError:  # such as a port that is no number
            scheme = host = ""
        if scheme not in ("http", "https") or not host:
            raise led_nowhere(self.subject, location, self.address.named_by)
        return url

    def _check_span(self, told: str) -> None:
        span = _SPAN.fullmatch(told)
        if span is None or int(span[1]) != self.start:
            raise NetworkError(f'{self.subject}: asked for bytes from {self.start}, got "{told[:200]}"')
        if span[2] != "*" and int(span[2]) != self.file.size:
            raise of_other_size(self.subject, int(span[2]), self.file.size)

"""Requests to object stores over one kept connection: what harnesses fill their servers with.

None of the libraries that the sources use, so that what a test puts there is what the test says.
"""

import http.client
from collections.abc import Callable, Mapping
from email.message import Message
from urllib.parse import quote, urlencode, urlsplit

UNRESERVED = "-_.~"
Sign = Callable[[str, str, Mapping[str, str], Mapping[str, str], bytes], Mapping[str, str]]
"""Of method, quoted path, query, headers and body: the headers to send."""


class StoreRefusedError(Exception):
    """The server did not do what a harness asked for."""


class PlainClient:
    """One connection; for one thread.

    Args:
        url: The server's, without a path.
        sign: Adds what the protocol asks for.
    """

    def __init__(self, url: str, sign: Sign) -> None:
        self.host = urlsplit(url).netloc
        self._sign = sign
        self._connection = http.client.HTTPConnection(self.host, timeout=60)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        is_quoted: bool = False,
    ) -> tuple[Message, bytes]:
        """Send one request; `path` is quoted here unless it is already.

        Returns:
            The answer's headers and body.

        Raises:
            StoreRefusedError: for a status that is no success.
        """
        quoted = path if is_quoted else quote(path, safe=f"/{UNRESERVED}")
        signed = self._sign(method, quoted, query or {}, {"host": self.host, **(headers or {})}, body)
        url = quoted + (f"?{urlencode(query, quote_via=quote, safe=UNRESERVED)}" if query else "")
        self._connection.request(method, url, body=body, headers=dict(signed))
        with self._connection.getresponse() as answer:
            content = answer.read()
        if not 200 <= answer.status < 300:
            raise StoreRefusedError(f"{method} {url}: HTTP {answer.status} {content[:500]!r}")
        return answer.headers, content

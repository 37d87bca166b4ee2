"""The HTTP client for peers. Not the source's: nothing between nodes goes through a proxy, or carries its tokens."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import ClientSession

CONNECT_SECONDS = 3.0
BUFFER_BYTES = 1 << 18


def open_peer_session() -> "ClientSession":
    """A client for all requests of a swarm; to be closed by the caller."""
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        auto_decompress=False,
        read_bufsize=BUFFER_BYTES,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity", "User-Agent": "ome-pipelines"},
    )

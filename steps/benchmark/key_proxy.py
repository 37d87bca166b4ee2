"""A proxy on loopback that adds the endpoint's real key, so that genai-bench, which writes keys to its logs, has none.

Started by `steps.benchmark.load` only when a key is given. It asks for a random key of its own, so that no other
program on the machine can borrow the real one, and hides the real one in error bodies that repeat it.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from steps.benchmark.secret_texts import SecretTexts

if TYPE_CHECKING:
    from aiohttp import ClientSession, web

_HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers", "transfer-encoding"}
    | {"upgrade", "host", "authorization", "content-length"}
)
MAX_REQUEST_BYTES: Final = 256 << 20
MAX_ERROR_BYTES: Final = 64 << 10


@asynccontextmanager
async def key_proxy(target: str, key: str, local_key: str) -> AsyncIterator[str]:
    """Serve on a free loopback port while the context is open.

    Args:
        target: Base URL of the endpoint.
        key: The real key.
        local_key: What callers must present instead.

    Yields:
        The proxy's base URL.
    """
    from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

    connector = TCPConnector(limit=0, force_close=False)
    timeout = ClientTimeout(total=None)
    async with ClientSession(connector=connector, timeout=timeout, auto_decompress=False, trust_env=True) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            return await _forward(request, session, target, key, local_key)

        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def _forward(
    request: "web.Request", session: "ClientSession", target: str, key: str, local_key: str
) -> "web.StreamResponse":
    from aiohttp import ClientError, web

    if request.headers.get("Authorization") != f"Bearer {local_key}":
        return _error(401, "this proxy serves one benchmark only")
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
    headers |= {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
    secrets = SecretTexts(key)
    try:
        async with session.request(
            request.method, target + request.path_qs, data=await request.read(), headers=headers, allow_redirects=False
        ) as answer:
            if answer.status >= 300:
                body = await answer.content.read(MAX_ERROR_BYTES)
                return web.Response(status=answer.status, text=secrets.hide(body.decode("utf-8", "replace")))
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            return response
    except (ClientError, OSError) as error:
        return _error(503, secrets.hide(f"{type(error).__name__}: {error}"))


def _error(status: int, message: str) -> "web.Response":
    from aiohttp import web

    return web.Response(
        status=status, text=json.dumps({"error": {"message": message}}), content_type="application/json"
    )

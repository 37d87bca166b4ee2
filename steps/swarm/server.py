"""Answers peers: what this node has of the model, and the bytes of it. Reads partial files while they grow.

`GET /manifests/<digest>/holdings?since=<version>&instance=<of whom>` waits until there is something new, for a second
at most, and gives `Told`. `GET /manifests/<digest>/files/<number>` with a `Range` gives bytes that this node has told
of. Both ask for the key.
"""

import asyncio
import hmac
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from steps.pace import Pace
from steps.swarm.following import authorization
from steps.swarm.holdings import Holdings

if TYPE_CHECKING:
    from aiohttp import web

WAIT_SECONDS = 1.0
GATHER_SECONDS = 0.2
"""Something new comes many times a second, and telling each peer each time would cost more than fetching it."""
LOOK_SECONDS = 0.05
PACED_BYTES = 1 << 18
SENT_AT_ONCE = 16
"""Answers with bytes. More would share the link so thinly that peers took each for stalled."""
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})")

Places = Mapping[int, tuple[Path, Path]]
"""By file number: where its object is when it is whole, and where it grows before."""


class Answering:
    """The handlers, and how much they gave.

    Args:
        manifest: Digest of what is imported.
        key: What a peer must show.
        holdings: What this node has.
        places: Where its files are.
        pace: Caps what is given; None for no cap.

    Attributes:
        sent_bytes: What peers got.
        last_asked: When one last asked for bytes, in seconds of the monotonic clock.
        sending: How many requests for bytes are being answered.
    """

    def __init__(self, manifest: str, key: str, holdings: Holdings, places: Places, pace: Pace | None) -> None:
        self.sent_bytes = 0
        self.last_asked = time.monotonic()
        self.sending = 0
        self._manifest = manifest
        self._expected = authorization(key)["Authorization"].encode()
        self._holdings = holdings
        self._places = places
        self._pace = pace
        self._turns = asyncio.Semaphore(SENT_AT_ONCE)

    def application(self) -> "web.Application":
        """The server."""
        from aiohttp import web

        application = web.Application()
        application.router.add_get("/manifests/{manifest}/holdings", self._tell)
        application.router.add_get(r"/manifests/{manifest}/files/{file:\d{1,9}}", self._give)
        return application

    async def _tell(self, request: "web.Request") -> "web.StreamResponse":
        from aiohttp import web

        self._admit(request)
        holdings, known = self._holdings, request.query.get("since", "")
        since = int(known) if known.isdecimal() and request.query.get("instance") == holdings.instance else 0
        until = time.monotonic() + WAIT_SECONDS
        await asyncio.sleep(GATHER_SECONDS if since else 0)
        while since and holdings.version <= since and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
        return web.Response(text=holdings.since(since).model_dump_json(by_alias=True), content_type="application/json")

    async def _give(self, request: "web.Request") -> "web.StreamResponse":
        from aiohttp import web

        self._admit(request)
        file, asked = int(request.match_info["file"]), _RANGE.fullmatch(request.headers.get("Range", ""))
        start, end = (int(asked[1]), int(asked[2]) + 1) if asked is not None else (0, 0)
        if start >= end or file not in self._places or not self._holdings.has(file, start, end):
            raise web.HTTPRequestRangeNotSatisfiable
        opened = _opened(self._places[file])
        if opened is None:
            raise web.HTTPNotFound
        with opened:
            if os.fstat(opened.fileno()).st_size < end:
                raise web.HTTPNotFound
            answer = web.StreamResponse(status=206, headers={"Content-Range": f"bytes {start}-{end - 1}/*"})
            answer.content_length = end - start
            await answer.prepare(request)
            self.sending += 1
            try:
                async with self._turns:
                    await self._send(request, opened, start, end)
            except OSError:  # the peer is gone, or took what it needed
                if request.transport is not None:
                    request.transport.abort()
                return answer
            finally:
                self.sending -= 1
                self.last_asked = time.monotonic()
            await answer.write_eof()
            return answer

    async def _send(self, request: "web.Request", opened: BinaryIO, start: int, end: int) -> None:
        loop, step = asyncio.get_running_loop(), (end - start if self._pace is None else PACED_BYTES)
        for at in range(start, end, step):
            count = min(step, end - at)
            if self._pace is not None:
                await self._pace.take(count)
            if request.transport is None:
                raise ConnectionResetError
            await loop.sendfile(request.transport, opened, at, count)
            self.sent_bytes += count

    def _admit(self, request: "web.Request") -> None:
        from aiohttp import web

        shown = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(shown, self._expected):
            raise web.HTTPForbidden
        if request.match_info["manifest"] != self._manifest:
            raise web.HTTPNotFound


def _opened(places: tuple[Path, Path]) -> BinaryIO | None:
    """The file that has the bytes: it gets its last name while it is looked for, so that is looked at twice."""
    whole, growing = places
    for place in (whole, growing, whole):
        try:
            return place.open("rb", buffering=0)
        except FileNotFoundError:
            continue
    return None


async def serve(application: "web.Application", host: str, port: int, on_port: Callable[[int], None]) -> None:
    """Answer until cancelled.

    Args:
        application: What answers.
        host: Address to listen at; "" for all.
        port: 0 for any.
        on_port: Told the port.

    Raises:
        OSError: when the address cannot be had.
    """
    from aiohttp import web

    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host or None, port)
        await site.start()
        on_port(runner.addresses[0][1])
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()

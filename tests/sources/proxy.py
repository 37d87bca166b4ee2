"""A reverse proxy that stands before any test server: it does wrong on demand, and counts what passes.

The client's Host header, path and query go on as they were sent, so that signatures stay right; bodies are streamed.
A request is known by its target: the unquoted path without the first slash, with `api/` before it where it is no read
of a file. Faults name targets by pattern, the ledger counts by target.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from urllib.parse import unquote

import aiohttp
from aiohttp import web
from yarl import URL

from tests.hub.faults import Fault, FaultBox
from tests.hub.ledger import Ledger
from tests.hub.ranges import RangeNotSatisfiableError, parse_range

_CHUNK = 1 << 16
_OF_ONE_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"})
_NOT_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_BODY_FAULTS = frozenset({"stall", "short", "flip", "length"})
_HOLD_SECONDS = 0.01

Refuse = Callable[[Fault], tuple[Mapping[str, str], bytes]]
Rewrite = Callable[[str, bytes], bytes]
AnswerFirst = Callable[[web.Request], Awaitable[web.Response | None]]


def plain_refusal(fault: Fault) -> tuple[Mapping[str, str], bytes]:
    """Headers and body of a status fault where the protocol has no form of its own."""
    return patience(fault), f"fault: {fault.status} {fault.code}\n".encode()


def patience(fault: Fault) -> dict[str, str]:
    """The Retry-After header, where the fault has one."""
    return {"Retry-After": str(fault.retry_after)} if fault.retry_after >= 0 else {}


def is_no_read(request: web.Request) -> bool:
    """Whether a request is no GET of a file, in a protocol whose other requests are not GET and HEAD."""
    return request.method not in ("GET", "HEAD")


class FaultyProxy:
    """Passes requests on to one server; `handle` is its handler.

    Args:
        upstream: The server's URL, without a path.
        is_api: Whether a request is one about files (a listing, an upload) and not one of a file's bytes.
        refuse: How the protocol words a refusal.
        beside: Another proxy of the same source, whose faults and ledger are shared: stores that are redirected to.

    Attributes:
        faults: What goes wrong.
        ledger: What was asked for, and the bytes of bodies that were sent for reads.
        whole: Files by target, for the fault `whole`: a signature covers the range, so the server cannot be asked.
        rewrite: Changes what answers to `api/` requests say, given their target; None leaves them as they are.
        answer_first: Answers in the server's place where it gives an answer: for what a server leaves out.
    """

    def __init__(
        self,
        upstream: str,
        is_api: Callable[[web.Request], bool] = is_no_read,
        refuse: Refuse = plain_refusal,
        beside: "FaultyProxy | None" = None,
    ) -> None:
        self.upstream = upstream
        self.faults: FaultBox = beside.faults if beside is not None else FaultBox()
        self.ledger: Ledger = beside.ledger if beside is not None else Ledger()
        self.whole: dict[str, bytes] = beside.whole if beside is not None else {}
        self.rewrite: Rewrite | None = None
        self.answer_first: AnswerFirst | None = None
        self._is_api = is_api
        self._refuse = refuse
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections to the server."""
        if self._session is not None:
            await self._session.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        raw = request.raw_path.partition("?")[0]
        target = ("api/" if self._is_api(request) else "") + unquote(raw).removeprefix("/")
        self.ledger.request(target)
        self.faults.arrived(target)
        fault = self.faults.take(target, frozenset({"status", "loop"}))
        if fault is not None and fault.kind == "loop":
            return web.Response(status=302, headers={"Location": str(request.url)})
        if fault is not None:
            return self._refusal(fault)
        if self.answer_first is not None and (answered := await self.answer_first(request)) is not None:
            return answered
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in _OF_ONE_HOP]
        try:
            async with self._client().request(
                request.method,
                URL(self.upstream + request.raw_path, encoded=True),
                headers=headers,
                data=request.content.iter_chunked(_CHUNK) if request.can_read_body else None,
                allow_redirects=False,
                skip_auto_headers=_NOT_ADDED,
            ) as answer:
                return await self._pass_on(request, answer, target)
        except aiohttp.ClientError as error:
            return web.Response(status=502, text=f"the server behind the proxy: {type(error).__name__}\n")

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _refusal(self, fault: Fault) -> web.Response:
        headers, body = self._refuse(fault)
        return web.Response(status=fault.status, headers=headers, body=body)

    async def _pass_on(self, request: web.Request, answer: aiohttp.ClientResponse, target: str) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, reason=answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in _OF_ONE_HOP:
                response.headers.add(name, value)
        if target.startswith("api/") and self.rewrite is not None and request.method == "GET":
            body = self.rewrite(target, await answer.read())
            response.content_length = len(body)
            await response.prepare(request)
            await response.write(body)
            return response
        is_read = request.method == "GET" and answer.status in (200, 206) and not target.startswith("api/")
        if is_read and target in self.whole and self.faults.take(target, frozenset({"whole"})) is not None:
            return await self._send_whole(request, response, target)
        if not is_read:
            await response.prepare(request)
            async for chunk in answer.content.iter_chunked(_CHUNK):
                await response.write(chunk)
            await response.write_eof()
            return response
        with suppress(ConnectionResetError, BrokenPipeError):
            await self._send(request, response, answer, target)
        return response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, answer: aiohttp.ClientResponse, target: str
    ) -> None:
        """Send a file's bytes, wrongly where a fault says so."""
        fault = self.faults.take(target, _BODY_FAULTS)
        limit = fault.after if fault is not None and fault.kind != "flip" else None
        if fault is not None and fault.kind == "length" and response.content_length is not None:
            response.content_length = min(fault.after, response.content_length)
        await response.prepare(request)
        start, sent = _start(request, answer), 0
        async for received in answer.content.iter_chunked(_CHUNK):
            chunk = received if limit is None else received[: limit - sent]
            if fault is not None and fault.kind == "flip":
                chunk = _flipped(chunk, fault.after - start - sent)
            while chunk:
                part = chunk[: await self._allowed(request, target, len(chunk))]
                if not part:
                    return
                self.ledger.sent(target, len(part))  # before it is: who has it all may look at once
                await response.write(part)
                sent, chunk = sent + len(part), chunk[len(part) :]
            if sent == limit:
                break
        if fault is not None and fault.kind == "stall" and sent == limit:
            while _is_open(request):
                await asyncio.sleep(_HOLD_SECONDS)
        if fault is not None and fault.kind in ("stall", "short") and sent == limit:
            if request.transport is not None:
                request.transport.close()
            return
        await response.write_eof()

    async def _send_whole(self, request: web.Request, response: web.StreamResponse, target: str) -> web.StreamResponse:
        response.set_status(200)
        response.headers.popall("Content-Range", None)
        response.content_length = len(self.whole[target])
        await response.prepare(request)
        with suppress(ConnectionResetError, BrokenPipeError):
            self.ledger.sent(target, len(self.whole[target]))
            await response.write(self.whole[target])
        return response

    async def _allowed(self, request: web.Request, target: str, count: int) -> int:
        """How many of `count` bytes may go now; waits while a `hold` stands, 0 when the client has gone."""
        while (held := self.faults.standing(target, "hold")) is not None:
            left = held.after - self.ledger.counts().total_bytes
            if left > 0:
                return min(left, count)
            if not _is_open(request):
                return 0
            await asyncio.sleep(_HOLD_SECONDS)
        return count


def _is_open(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


def _start(request: web.Request, answer: aiohttp.ClientResponse) -> int:
    """Where in the file the body begins."""
    if answer.status != 206:
        return 0
    span = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    with suppress(RangeNotSatisfiableError):
        asked = parse_range(f"bytes={span[0]}", int(span[2]) if span[2].isdigit() else 1 << 62)
        return asked[0] if asked is not None else 0
    return 0


def _flipped(chunk: bytes, at: int) -> bytes:
    if not 0 <= at < len(chunk):
        return chunk
    return chunk[:at] + bytes([chunk[at] ^ 0xFF]) + chunk[at + 1 :]

"""A proxy before an API server that counts requests and cuts one of them off: what a crash at that call looks like.

It speaks plain HTTP to the controller and TLS to the API server, in a thread of its own. Reads and events pass by
uncounted; watches can be cut all at once, or told that their version is too old; a page of a list can be held back.
"""

import asyncio
import json
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, Self

import aiohttp
from aiohttp import web

When = Literal["before", "after"]
Fate = Literal["passed on", "refused", "cut off", "cut off within"]


@dataclass
class Cut:
    """Where to cut: the n-th write about an object, or any, before it is passed on or after it was carried out.

    Attributes:
        at: From 1.
        about: The object's name; "" for any object.
        lasts: Whether all that comes after it is cut too, as after a crash, or only the one answer is lost.
        writes: Those counted so far.
        happened: Set when it was cut.
    """

    at: int
    about: str
    when: When
    lasts: bool = True
    writes: list[str] = field(default_factory=list)
    happened: threading.Event = field(default_factory=threading.Event)


class Behind(Protocol):
    """What the proxy needs of an API server: where it is, who signed its certificate, and who asks."""

    @property
    def url(self) -> str:
        """`https://`, host and port."""

    @property
    def certificate_authority(self) -> Path:
        """For the proxy, which checks."""

    @property
    def kubeconfig(self) -> Path:
        """As JSON, with the token of the user as whom the controller works."""


class HeldPage:
    """A page of a list that is held back until it is said what becomes of it.

    Attributes:
        plural: What is listed.
        asked: Set when the page was asked for.
        fate: What becomes of it.
    """

    def __init__(self, plural: str, loop: asyncio.AbstractEventLoop) -> None:
        self.plural = plural
        self.asked = threading.Event()
        self.fate: asyncio.Future[Fate] = loop.create_future()
        self._loop = loop

    def let(self, fate: Fate) -> None:
        """Hold it no longer: it is passed on to the API server, refused with 503, or cut off, at once or within."""
        self._loop.call_soon_threadsafe(self.fate.set_result, fate)


class CuttingProxy:
    """Use it as a context.

    Args:
        server: The API server behind it.
        folder: For its kubeconfig.

    Attributes:
        kubeconfig: Of a controller that goes through the proxy.
        created: Path and name of all that was created but events, in order.
        refused: Method and path of all writes that the API server refused.
        uncounted: Plurals; writes about them are no calls to cut at.
        deaf_to: Names; writes about them are hung up on, while all else passes.
        expire: Plurals whose next watch is answered with 410.
        expire_within: Plurals whose next watch begins well, and then says that its version is too old, as API servers
            do of versions that their cache does not have.
    """

    def __init__(self, server: Behind, folder: Path) -> None:
        self._server = server
        self._cut: Cut | None = None
        self._held: HeldPage | None = None
        self._watches: set[asyncio.Task[object]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.kubeconfig = folder / "proxy.conf"
        self.created: list[str] = []
        self.refused: list[str] = []
        self.uncounted: set[str] = {"events"}
        self.deaf_to: set[str] = set()
        self.expire: set[str] = set()
        self.expire_within: set[str] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        config = json.loads(self._server.kubeconfig.read_text())
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{port}"}
        self.kubeconfig.write_text(json.dumps(config))
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut_at(self, at: int, about: str, when: When) -> Cut:
        """Cut the n-th write from now on that names an object, and everything after it until `mend`."""
        self._cut = Cut(at, about, when)
        return self._cut

    def lose_answer(self, at: int) -> Cut:
        """Carry out the n-th write from now on, and break its connection before the answer; all else passes."""
        self._cut = Cut(at, "", "after", lasts=False)
        return self._cut

    def cut_all(self) -> None:
        """Cut everything until `mend`."""
        self._cut = Cut(0, "", "before")
        self._cut.happened.set()

    def mend(self) -> None:
        """Pass everything on again."""
        self._cut = None

    def hold_page(self, plural: str) -> HeldPage:
        """Hold back the next page that is asked for by a token: one that is not the first of its list."""
        self._held = HeldPage(plural, self._loop)
        return self._held

    def cut_watches(self) -> None:
        """End every open watch in the middle, as a broken connection does."""

        async def cut() -> None:
            for task in self._watches:
                task.cancel()

        asyncio.run_coroutine_threadsafe(cut(), self._loop).result(30)

    async def _start(self) -> int:
        context = ssl.create_default_context(cafile=self._server.certificate_authority)
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return int(self._runner.addresses[0][1])

    async def _stop(self) -> None:
        await self._runner.cleanup()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._session.close()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        is_watch = request.query.get("watch") == "true"
        if is_watch and (plural := request.path.rsplit("/", 1)[1]) in self.expire | self.expire_within:
            return self._expired(plural)
        if request.method != "GET" and request.path.rsplit("/", 1)[1] in self.deaf_to:
            return self._hang_up(request)
        held = self._held
        if held is not None and "continue" in request.query and request.path.endswith(f"/{held.plural}"):
            self._held = None
            held.asked.set()
            if (fate := await held.fate) != "passed on":
                return await self._fail(request, fate)
        cut = self._cut
        if cut is not None and self._is_cut(cut, request, await request.text()):
            if cut.when == "after" and not cut.happened.is_set():
                await (await self._ask(request)).read()
            cut.happened.set()
            return self._hang_up(request)
        response = await self._ask(request)
        answer = web.StreamResponse(status=response.status, headers={"Content-Type": response.content_type})
        if is_watch:
            task = asyncio.current_task()
            assert task is not None
            self._watches.add(task)
            task.add_done_callback(self._watches.discard)
        await answer.prepare(request)
        try:
            async for chunk in response.content.iter_any():
                await answer.write(chunk)
        except (asyncio.CancelledError, ConnectionError):
            return self._hang_up(request)
        finally:
            response.close()
        return answer

    def _expired(self, plural: str) -> web.StreamResponse:
        status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
        if plural in self.expire:
            self.expire.discard(plural)
            return web.json_response(status, status=410)
        self.expire_within.discard(plural)
        return web.Response(
            text=json.dumps({"type": "ERROR", "object": status}) + "\n", content_type="application/json"
        )

    async def _fail(self, request: web.Request, fate: Fate) -> web.StreamResponse:
        if fate == "refused":
            status = {"kind": "Status", "code": 503, "reason": "ServiceUnavailable", "message": "please come again"}
            return web.json_response(status, status=503)
        if fate == "cut off within":
            body = await (await self._ask(request)).read()
            answer = web.StreamResponse(headers={"Content-Type": "application/json"})
            await answer.prepare(request)
            await answer.write(body[: len(body) // 2])
        return self._hang_up(request)

    def _is_cut(self, cut: Cut, request: web.Request, body: str) -> bool:
        if cut.happened.is_set():
            return cut.lasts
        return self._counts(cut, request, body)

    def _counts(self, cut: Cut, request: web.Request, body: str) -> bool:
        if request.method == "GET" or any(_is_of(request, plural) for plural in self.uncounted):
            return False
        is_about = request.path.endswith((f"/{cut.about}", f"/{cut.about}/status")) or f'"{cut.about}"' in body
        if cut.about and not is_about:
            return False
        cut.writes.append(f"{request.method} {request.path}")
        return len(cut.writes) == cut.at

    async def _ask(self, request: web.Request) -> aiohttp.ClientResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in {"host", "content-length"}}
        body = await request.read()
        response = await self._session.request(
            request.method, f"{self._server.url}{request.path_qs}", headers=headers, data=body or None,
            timeout=aiohttp.ClientTimeout(total=None),
        )  # fmt: skip
        if request.method == "POST" and response.status == 201 and not _is_of(request, "events"):
            self.created.append(f"{request.path} {json.loads(body)['metadata']['name']}")
        if request.method != "GET" and response.status >= 400:
            self.refused.append(f"{request.method} {request.path}: {response.status}")
        return response

    def _hang_up(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


def _is_of(request: web.Request, plural: str) -> bool:
    return f"/{plural}/" in f"{request.path}/"

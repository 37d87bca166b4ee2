"""One watch: lists objects of one kind, then follows what changes, for ever, whatever breaks in between.

`controller.engine` runs one `Watch` for each `Watched`. Lists come in pages; a version too old (HTTP 410) lists again,
and what was deleted meanwhile is found by what the list lacks. A kind that is not served is waited for.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import aiohttp
import orjson

from controller.actions import Key, Object
from controller.api import JSON, Api, ApiError
from controller.metrics import Metrics
from controller.resources import Watched
from controller.store import Change, Store, version_of
from steps.cluster.resource_types import object_path

IDLE_SECONDS = 150.0
"""Bookmarks come every minute, the first one after up to two: a connection that is silent for longer may be lost."""
WATCH_SECONDS = (300, 600)
"""The API server ends a watch somewhere in between; then it is taken up again."""
PAGE = 100
"""Objects in one page of a list. More take longer, not less: what is decoded then leaves the processor's caches, and a
finished run is tens of kilobytes."""
ABSENT_SECONDS = 5.0
"""Wait before a kind that is not served is asked for again."""
HELD_SECONDS = 5.0
"""A watch that held for so long was well: what ends it is its first failure again."""

_METADATA = "as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_log = logging.getLogger(__name__)


class Watch:
    """Keeps one kind of objects in the store as the API server has them.

    Args:
        api: The API server.
        source: The watch's number in the store.
        watched: What it lists and watches.
        store: Where objects go.
        changed: Called with each change, in order.
        metrics: Counts lists and lost connections.
        first_delay_seconds: Back-off after a failure; doubles up to half a minute.
        idle_seconds: Silence after which a watch is taken up anew.
        page: Objects in one page of a list.
    """

    def __init__(
        self,
        api: Api,
        source: int,
        watched: Watched,
        store: Store,
        changed: Callable[[Change], None],
        metrics: "WatchMetrics",
        first_delay_seconds: float = 0.2,
        idle_seconds: float = IDLE_SECONDS,
        page: int = PAGE,
    ) -> None:
        self._api = api
        self._source = source
        self._watched = watched
        self._store = store
        self._changed = changed
        self._metrics = metrics
        self._first_delay = first_delay_seconds
        self._idle_seconds = idle_seconds
        self._page_size = page
        self._version = ""
        self._failures = 0
        self.synced = asyncio.Event()
        self.problem = "is being listed"

    @property
    def name(self) -> str:
        """What is watched, for people."""
        return str(self._watched)

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._follow()
            except ApiError as error:
                await self._recover(error)

    async def _recover(self, error: ApiError) -> None:
        if error.is_silence:
            _log.debug("watch of %s: taken up anew after a silence", self.name, extra={"watch": self.name})
            return
        if error.is_expired:
            self._version = ""
            self._metrics.expired.add(1, self._watched.resource.kind)
            if self._failures == 0:
                self._failures = 1
                return
        if error.is_absent:
            self.problem = f"{self._watched.resource.api_version} is not served by this API server (is it installed?)"
            delay = ABSENT_SECONDS
        else:
            self.problem = error.message
            delay = min(30.0, self._first_delay * 2.0 ** min(self._failures, 20))
        self._failures += 1
        log = _log.warning if self._failures <= 1 or delay > 1 else _log.info
        log("watch of %s: %s", self.name, error.message, extra={"watch": self.name, "error": error.code})
        await asyncio.sleep(delay * (0.5 + 0.5 * random.random()))  # noqa: S311 - spreads load, keeps no secret

    async def _list(self) -> None:
        began = time.monotonic()
        seen: set[tuple[str, str]] = set()
        version, is_set_back = "", False
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                if not version:
                    version = page["metadata"].get("resourceVersion", "")
                    is_set_back = 0 < version_of(version) < self._metrics.newest.get(self._source, 0)
                for item in page.get("items") or ():
                    seen.add((item["metadata"].get("namespace", ""), item["metadata"]["name"]))
                    self._observe(item, is_authoritative=is_set_back)
        for change in self._store.remove_unseen(self._source, seen, 0 if is_set_back else version_of(version)):
            self._changed(change)
        self._go_on_from(version)
        self._metrics.lists.add(1, self._watched.resource.kind)
        if not self.synced.is_set():
            _log.info("%s: %d listed in %.3f s", self.name, len(seen), time.monotonic() - began)
        self.synced.set()
        self.problem = ""

    async def _pages(self) -> AsyncGenerator[Object]:
        """The pages of a list; the API server writes the next one while we go through one."""
        query = self._query() | {"limit": str(self._page_size)}
        coming: asyncio.Task[Object] | None = asyncio.create_task(self._page(query))
        try:
            while coming is not None:
                page = await coming
                coming = None
                if token := page["metadata"].get("continue"):
                    coming = asyncio.create_task(self._page(query | {"continue": token}))
                    await asyncio.sleep(0)  # it sets out; and others may go on between pages
                yield page
        finally:
            if coming is not None:
                coming.cancel()

    async def _page(self, query: Mapping[str, str]) -> Object:
        path = self._collection()
        return await self._api.call("list", path, query, accept=self._accept("List"), timeout_seconds=60.0)

    async def _follow(self) -> None:
        seconds = random.randint(*WATCH_SECONDS)  # noqa: S311 - spreads load, keeps no secret
        query = self._query() | {
            "watch": "true",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        began = time.monotonic()
        stream = self._api.stream(self._collection(), query, accept=self._accept(""), idle_seconds=self._idle_seconds)
        async with stream as content:
            self.problem = ""
            opened = time.monotonic()
            try:
                await self._read(content)
            finally:
                if time.monotonic() - opened > HELD_SECONDS:
                    self._failures = 0
        if time.monotonic() - began < 1.0:
            raise ApiError(f"{self.name}: the watch ended at once", status=0, reason="WatchEnded")

    async def _read(self, content: aiohttp.StreamReader) -> None:
        rest = b""
        async for chunk in content.iter_any():
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                self._event(orjson.loads(line))
            self._failures = 0

    def _event(self, event: dict[str, Any]) -> None:
        kind, item = event["type"], event["object"]
        if kind == "ERROR":
            status, reason = int(item.get("code", 0)), str(item.get("reason", ""))
            raise ApiError(f"{self.name}: {item.get('message', reason)}", status=status, reason=reason)
        version = item["metadata"]["resourceVersion"]
        if kind == "DELETED":
            key = Key(self._watched.resource.kind, item["metadata"].get("namespace", ""), item["metadata"]["name"])
            if change := self._store.remove(key, version_of(version)):
                self._changed(change)
        elif kind != "BOOKMARK":
            self._observe(item)
        self._go_on_from(version)

    def _observe(self, item: Object, *, is_authoritative: bool = False) -> None:
        item["kind"], item["apiVersion"] = self._watched.resource.kind, self._watched.resource.api_version
        change = self._store.observe(item, self._source, is_authoritative=is_authoritative)
        if change is not None:
            self._changed(change)

    def _go_on_from(self, version: str) -> None:
        self._version = version
        self._metrics.newest[self._source] = version_of(version)

    def _query(self) -> dict[str, str]:
        return {"labelSelector": self._watched.selector} if self._watched.selector else {}

    def _collection(self) -> str:
        return object_path(self._watched.resource, self._watched.namespace)

    def _accept(self, suffix: str) -> str:
        return f"{JSON};{_METADATA.format(suffix)}" if self._watched.metadata_only else JSON


class WatchMetrics:
    """What all watches of a process count."""

    def __init__(self, metrics: Metrics) -> None:
        self.lists = metrics.counter("ome_controller_lists_total", "Complete lists of a kind.", ("kind",))
        self.expired = metrics.counter(
            "ome_controller_watches_expired_total", "Watches whose version was too old (HTTP 410).", ("kind",)
        )
        self.newest: dict[int, int] = {}

"""The hub's endpoints: model info, tree, resolve, the second origin for large files, and the admin's.

Two ports, on 127.0.0.1 unless told otherwise. The first is the hub; large files are answered with a redirect to the
second, as the real hub redirects to its store, with a signed path that needs no token. A token that arrives at the
second is counted.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from aiohttp import web

from tests.hub.digests import DigestCache
from tests.hub.faults import Fault, FaultBox, parse_fault
from tests.hub.ledger import Ledger
from tests.hub.ranges import RangeNotSatisfiableError, matches, page, parse_range
from tests.hub.repository import HubFile, Repository, Revision
from tests.hub.sending import Sender

_NAME = re.compile(r"[\w.-]+")
ADMIN = "/.admin"


@dataclass(frozen=True)
class HubOptions:
    """How a hub behaves.

    Attributes:
        folder: Holds `<org>/<name>/<files>` (or `<name>/<files>` with a `.hub.yaml`).
        tokens: Those the hub knows; any other is refused.
        faults: What goes wrong from the start.
        page_size: Rows a page of the tree endpoint.
        bytes_per_second: Pace of all file bodies together, 0 for none.
        is_redirecting: Whether large files come from the second origin.
        digest_cache: Where digests are kept between runs, or None.
        host: The address to listen on.
        advertised_host: The name by which others reach it, when that is another than `host`: a Service's on a cluster.
        store_port: Of the second origin, 0 for a free one.
    """

    folder: Path
    tokens: tuple[str, ...] = ("hf_reader",)
    faults: tuple[Fault, ...] = ()
    page_size: int = 1000
    bytes_per_second: int = 0
    is_redirecting: bool = True
    digest_cache: Path | None = None
    host: str = "127.0.0.1"
    advertised_host: str = ""
    store_port: int = 0


class HubServer:
    """The two origins and what they share. `start` in a running event loop, `stop` in the same."""

    def __init__(self, options: HubOptions) -> None:
        self.options = options
        self.ledger = Ledger()
        self.faults = FaultBox(options.faults)
        self._sender = Sender(self.ledger, self.faults, options.bytes_per_second)
        self._digests = DigestCache(options.digest_cache)
        self._repositories: dict[str, Repository] = {}
        self._runners: list[web.AppRunner] = []
        self._signatures = 0
        self.url = ""
        self.store_url = ""

    async def start(self, port: int = 0) -> None:
        """Listen; `url` and `store_url` are known afterwards."""
        self.store_url = await self._listen(self._store, self.options.store_port)
        self.url = await self._listen(self._hub, port)

    async def stop(self) -> None:
        """Close all connections."""
        for runner in self._runners:
            await runner.cleanup()

    async def _listen(self, handler: object, port: int) -> str:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]  # bound coroutine methods
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, self.options.host, port)
        await site.start()
        self._runners.append(runner)
        return f"http://{self.options.advertised_host or self.options.host}:{runner.addresses[0][1]}"

    async def _hub(self, request: web.Request) -> web.StreamResponse:
        parts = [unquote(p) for p in request.rel_url.raw_path.strip("/").split("/")]
        if request.path.startswith(ADMIN):
            return await self._admin(request)
        if parts[:2] == ["api", "models"]:
            return self._api(request, parts[2:])
        if "resolve" in parts[1:3]:
            return await self._resolve(request, parts)
        return _problem(404, "EntryNotFound", f"no such page: {request.path}")

    def _api(self, request: web.Request, parts: list[str]) -> web.StreamResponse:
        at = next((i for i, p in enumerate(parts) if i in (1, 2) and p in ("revision", "tree")), len(parts))
        name = "/".join(parts[:at])
        self.ledger.request(f"api/{name}")
        refusal = self._answer_fault(request, f"api/{name}") or self._refuse(request, name, is_file=False)
        if refusal is not None:
            return refusal
        repository = self._repository(name)
        assert repository is not None
        revision = repository.revision(parts[at + 1] if len(parts) > at + 1 else "main")
        if revision is None:
            return _problem(404, "RevisionNotFound", f"Invalid rev id: {parts[at + 1]}")
        if at < len(parts) and parts[at] == "tree":
            return self._tree(request, revision)
        settings = repository.settings
        card = {"license": settings.licence} if settings.licence else {}
        tags = [f"license:{settings.licence}"] if settings.licence else []
        siblings = [f.sibling(is_long="blobs" in request.query) for f in revision.files]
        body: Mapping[str, object] = {
            "id": name, "modelId": name, "sha": revision.sha, "private": settings.private, "gated": settings.gated,
            "tags": tags, "cardData": card, "siblings": siblings,
        }  # fmt: skip
        return web.json_response(body)

    def _tree(self, request: web.Request, revision: Revision) -> web.StreamResponse:
        rows, cursor = page([f.row() for f in revision.files], request.query.get("cursor", ""), self.options.page_size)
        response = web.json_response(rows)
        if cursor:
            url = request.url.update_query(cursor=cursor)
            response.headers["Link"] = f'<{url}>; rel="next"'
        return response

    async def _resolve(self, request: web.Request, parts: list[str]) -> web.StreamResponse:
        at = parts.index("resolve")
        name, path = "/".join(parts[:at]), "/".join(parts[at + 2 :])
        target = f"{name}/{path}"
        self.ledger.request(target)
        refusal = self._answer_fault(request, target) or self._refuse(request, name, is_file=True)
        if refusal is not None:
            return refusal
        repository = self._repository(name)
        assert repository is not None
        revision = repository.revision(parts[at + 1])
        if revision is None:
            return _problem(404, "RevisionNotFound", f"Invalid rev id: {parts[at + 1]}")
        file = revision.file(path)
        if file is None:
            return _problem(404, "EntryNotFound", f"{path} does not exist in {name} at {revision.sha}")
        headers = {"X-Repo-Commit": revision.sha, "ETag": f'"{self._etag(target, file)}"', "Accept-Ranges": "bytes"}
        if file.xet_hash:
            tokens = f"{self.url}/api/models/{quote(name)}/xet-read-token/{revision.sha}"
            headers |= {"X-Xet-Hash": file.xet_hash, "Link": f'<{tokens}>; rel="xet-auth"'}
        if file.sha256:
            headers |= {"X-Linked-Size": str(file.size), "X-Linked-ETag": f'"{self._etag(target, file)}"'}
            if self.options.is_redirecting:
                signed = f"{self.store_url}/{revision.sha}/{quote(name)}/{quote(path)}?Signature={self._signature}"
                return web.Response(status=302, headers=headers | {"Location": signed})
        return await self._file(request, target, file, headers)

    async def _store(self, request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            self.ledger.leaked()
            return _problem(400, "", "Only one auth mechanism allowed")
        sha, _, target = request.path.strip("/").partition("/")
        counted = f"lfs/{target}"
        self.ledger.request(counted)
        refusal = self._answer_fault(request, counted)
        if refusal is not None:
            return refusal
        if self.faults.take(counted, frozenset({"expire"})) is not None:
            self._signatures += 1
        if request.query.get("Signature") != self._signature:
            return _problem(403, "", "the signature is missing or has expired")
        for name, repository in self._repositories.items():
            revision = repository.revision(sha) if target.startswith(f"{name}/") else None
            file = revision.file(target.removeprefix(f"{name}/")) if revision is not None else None
            if file is not None:
                headers = {"ETag": f'"{self._etag(counted, file)}"', "Accept-Ranges": "bytes"}
                return await self._file(request, counted, file, headers)
        return _problem(404, "", f"no such object: {target}")

    async def _file(
        self, request: web.Request, target: str, file: HubFile, headers: dict[str, str]
    ) -> web.StreamResponse:
        if not matches(request.headers.get("If-Match"), headers["ETag"].strip('"')):
            return web.Response(status=412, headers=headers)
        size = file.said_size or file.source.stat().st_size  # the listing may say another
        try:
            is_whole = self.faults.take(target, frozenset({"whole"})) is not None
            asked = None if is_whole else parse_range(request.headers.get("Range"), size)
        except RangeNotSatisfiableError:
            return web.Response(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
        if asked is not None and (elsewhere := self.faults.take(target, frozenset({"elsewhere"}))) is not None:
            asked = min(asked[0] + elsewhere.after, asked[1] - 1), asked[1]
        start, end = asked or (0, size)
        if asked is not None:
            headers = headers | {"Content-Range": f"bytes {start}-{end - 1}/{size}"}
        response = web.StreamResponse(status=206 if asked is not None else 200, headers=headers)
        response.content_type = "application/octet-stream"
        if request.method == "HEAD":
            response.content_length = end - start
            await response.prepare(request)
            return response
        return await self._sender.send(request, response, file.source, target, start, end)

    def _etag(self, target: str, file: HubFile) -> str:
        return file.etag[::-1] if self.faults.standing(target, "change") else file.etag

    def _repository(self, name: str) -> Repository | None:
        parts = name.split("/")
        if not 1 <= len(parts) <= 2 or not all(_NAME.fullmatch(p) and p.strip(".") for p in parts):
            return None
        folder = self.options.folder / name
        if not folder.is_dir() or (len(parts) == 1 and not (folder / ".hub.yaml").exists()):
            return None
        return self._repositories.setdefault(name, Repository(folder, self._digests))

    def _refuse(self, request: web.Request, name: str, *, is_file: bool) -> web.Response | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.options.tokens:
            return _problem(401, "", "Invalid credentials in Authorization header")
        repository = self._repository(name)
        if repository is None:
            return _problem(404, "RepoNotFound", "Repository not found")
        settings = repository.settings
        may_read = bool(token) and (not settings.tokens or token in settings.tokens)
        if settings.private and not may_read:
            return _problem(404 if token else 401, "RepoNotFound", "Repository not found")
        if settings.gated and is_file and not may_read:
            return _problem(403 if token else 401, "GatedRepo", f"Access to model {name} is restricted.")
        return None

    @property
    def _signature(self) -> str:
        return f"secret-{self._signatures}"

    def _answer_fault(self, request: web.Request, target: str) -> web.Response | None:
        """What is answered instead of what was asked for."""
        self.faults.arrived(target)
        fault = self.faults.take(target, frozenset({"status", "loop"}))
        if fault is None:
            return None
        if fault.kind == "loop":
            return web.Response(status=302, headers={"Location": str(request.url)})
        response = _problem(fault.status, fault.code, f"fault: {fault.status}")
        if fault.retry_after >= 0:
            response.headers["Retry-After"] = str(fault.retry_after)
        return response

    async def _admin(self, request: web.Request) -> web.StreamResponse:
        """GET counters; DELETE counters; PUT faults as a JSON list of texts; PUT and GET files/<repository>/<path>."""
        if request.path == f"{ADMIN}/counters" and request.method == "DELETE":
            self.ledger.clear()
        elif request.path == f"{ADMIN}/faults" and request.method == "PUT":
            self.faults.set(tuple(parse_fault(text) for text in json.loads(await request.text())))
        elif request.path.startswith(f"{ADMIN}/files/") and request.method == "PUT":
            await self._receive(request, self._place(request))
        elif request.path.startswith(f"{ADMIN}/files/"):
            place = self._place(request)
            return web.FileResponse(place) if place.is_file() else _problem(404, "", "no such file")
        return web.json_response(asdict(self.ledger.counts()))

    def _place(self, request: web.Request) -> Path:
        path = request.path.removeprefix(f"{ADMIN}/files/")
        target = (self.options.folder / path).resolve()
        if not target.is_relative_to(self.options.folder):
            raise web.HTTPBadRequest(text=f"{path} is outside the hub's folder")
        return target

    async def _receive(self, request: web.Request, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            async for chunk in request.content.iter_chunked(1 << 20):
                file.write(chunk)


def _problem(status: int, code: str, message: str) -> web.Response:
    headers = {"X-Error-Message": message}
    if code:
        headers["X-Error-Code"] = code
    return web.json_response({"error": message}, status=status, headers=headers)

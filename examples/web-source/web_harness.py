"""`x-web://` for the conformance suite of ome-pipelines: a web server of its own, with a proxy before it."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from tests.hub.faults import Fault
from tests.hub.ranges import RangeNotSatisfiableError, parse_range
from tests.sources.background import Background
from tests.sources.harness import PlainHarness, SourceHarness
from tests.sources.proxy import FaultyProxy

LIST = "SHA256SUMS"
TOKEN, WRONG_TOKEN = "web-reader", "web-stranger"


class WebServer:
    """Files by path, for those who have the token."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def handle(self, request: web.Request) -> web.Response:
        """GET and HEAD, with ranges."""
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401)
        content = self.files.get(request.path.removeprefix("/"))
        if content is None:
            return web.Response(status=404)
        try:
            asked = parse_range(request.headers.get("Range"), len(content))
        except RangeNotSatisfiableError:
            return web.Response(status=416)
        if asked is None:
            return web.Response(body=content, headers={"Content-Length": str(len(content))})
        start, end = asked
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}
        return web.Response(status=206, body=content[start:end], headers=headers)


class WebHarness(PlainHarness):
    """One folder.

    Args:
        server: Has the files.
        proxy: Before it.
        url: Of the proxy.
        folder: The model's.
    """

    name = "web"
    capabilities = frozenset(
        {
            "credentials", "digests", "faults", "folders", "listing rewrite", "neighbours", "removals", "throttling",
            "waiting times", "whole answers", "wire faults",
        }
    )  # fmt: skip
    credential_words = ("WEB_SOURCE_TOKEN",)
    secrets = (TOKEN, WRONG_TOKEN)
    environment: Mapping[str, str] = {"WEB_SOURCE_TOKEN": TOKEN}

    def __init__(self, server: WebServer, proxy: FaultyProxy, url: str, folder: str) -> None:
        super().__init__()
        self._server, self._proxy, self._folder = server, proxy, folder
        self._host = url.removeprefix("http://")
        self.ledger = proxy.ledger
        proxy.rewrite = None
        proxy.whole.clear()
        proxy.faults.set(())
        proxy.ledger.clear()

    @classmethod
    @contextmanager
    def serve(cls, background: Background, folder: Path) -> Iterator[Callable[[Path], SourceHarness]]:
        """One server; a folder for each test."""
        numbers, server = itertools.count(), WebServer()
        with background.serving(server.handle) as direct:
            proxy = FaultyProxy(direct, is_api=_is_about_files)
            with background.serving(proxy.handle) as url:
                yield lambda _: cls(server, proxy, url, f"model-{next(numbers)}")
                background.run(proxy.close())

    @property
    def uri(self) -> str:
        """The folder's."""
        return f"x-web://{self._host}/{self._folder}"

    @property
    def missing_uri(self) -> str:
        """Of a folder that nobody made."""
        return f"x-web://{self._host}/nobody-made-this"

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write files, and the list anew."""
        self._put(self._folder, files)

    def put_beside(self, files: Mapping[str, bytes]) -> None:
        """To another folder."""
        self._put(f"{self._folder}-other", files)

    def remove(self, path: str) -> None:
        """Delete it, and list the others."""
        del self._server.files[f"{self._folder}/{path}"]
        self._put(self._folder, {})

    def list_as(self, path: str, shown: str) -> None:
        """Rewrite the list, as sha256sum writes such a name."""
        mark = "\\" if "\\" in shown else ""
        name = shown.replace("\\", "\\\\")

        def rewrite(target: str, body: bytes) -> bytes:
            lines = body.decode().splitlines()
            return "\n".join(
                f"{mark}{line.removesuffix(path)}{name}" if line.endswith(f"  {path}") else line for line in lines
            ).encode()

        self._proxy.rewrite = rewrite

    def deny(self) -> Mapping[str, str]:
        """A token that the server does not know."""
        return {"WEB_SOURCE_TOKEN": WRONG_TOKEN}

    def target(self, path: str) -> str:
        """The file's path."""
        return f"{self._folder}/{path}"

    def set_faults(self, *faults: Fault) -> None:
        """Those of the proxy."""
        self._proxy.faults.set(faults)

    def _put(self, folder: str, files: Mapping[str, bytes]) -> None:
        for path, content in files.items():
            self._server.files[f"{folder}/{path}"] = content
            self._proxy.whole[f"{folder}/{path}"] = content
        mine = {name.removeprefix(f"{folder}/"): content for name, content in self._server.files.items()
                if name.startswith(f"{folder}/") and name != f"{folder}/{LIST}"}  # fmt: skip
        lines = [f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in mine.items()]
        self._server.files[f"{folder}/{LIST}"] = "".join(lines).encode()


def _is_about_files(request: web.Request) -> bool:
    return request.method == "HEAD" or request.path.endswith(f"/{LIST}")

"""`gs://` for the suite: fake-gcs-server in memory, with a proxy before it.

The server asks for no credentials, ignores If-Match, answers HTTP 500 for a bucket that is not there and takes objects
only through the JSON interface: the proxy answers in its place, as Google does, and checks an account's signatures
where a test has one.
`python -m tests.cluster build fake-gcs-server` builds it.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from yarl import URL

from tests.hub.faults import Fault
from tests.sources.background import Background, built, child, free_port
from tests.sources.gs_account import problem_of
from tests.sources.harness import SourceHarness
from tests.sources.plain_http import PlainClient
from tests.sources.proxy import FaultyProxy, patience
from tests.sources.store_harness import Store, StoreHarness

BUCKET = "models"


class GcsHarness(StoreHarness):
    """One prefix of a bucket.

    Args:
        store: The running server.
        corrections: What the proxy answers first.
    """

    name = "gs"
    credential_words = ("GOOGLE_APPLICATION_CREDENTIALS", "spec.storage.key")

    def __init__(self, store: Store, corrections: "_Corrections") -> None:
        super().__init__(store)
        self._corrections = corrections
        corrections.key, corrections.refused = None, []
        self._threads = threading.local()
        self.environment = {"STORAGE_EMULATOR_HOST": store.url}

    @classmethod
    @contextmanager
    def serve(cls, background: Background, folder: Path) -> Iterator[Callable[[Path], SourceHarness]]:
        """One server with one bucket."""
        program, port = built("fake-gcs-server"), free_port()
        direct = f"http://127.0.0.1:{port}"
        proxy = FaultyProxy(direct, is_api=_is_api, refuse=_refusal)
        corrections = _Corrections(direct)
        proxy.answer_first = corrections.answer
        with background.serving(proxy.handle) as url:
            command: list[str | Path] = [
                program, "--address", f"127.0.0.1:{port}", "--public-host", url.removeprefix("http://"),
                "--external-url", url,
            ]  # fmt: skip
            with child(command, port, folder / "log"):
                client = PlainClient(direct, _unsigned)
                made = json.dumps({"name": BUCKET}).encode()
                client.send("POST", "/storage/v1/b", headers={"content-type": "application/json"}, body=made)
                store = Store(BUCKET, direct, url, proxy)
                yield lambda _: cls(store, corrections)
            background.run(proxy.close())

    @property
    def uri(self) -> str:
        """The prefix."""
        return f"gs://{BUCKET}/{self.prefix}"

    @property
    def missing_uri(self) -> str:
        """In a bucket that nobody made."""
        return "gs://nobody-made-this/nobody-made-this"

    def put_key(self, key: str, content: bytes) -> None:
        """Upload in one request."""
        query = {"uploadType": "media", "name": key}
        headers = {"content-type": "application/octet-stream"}
        self._client.send("POST", f"/upload/storage/v1/b/{BUCKET}/o", query, headers, content)

    def put_parts(self, key: str, parts: list[bytes]) -> None:
        """Upload components and compose them: such an object has no MD5."""
        names = [f"components/{key}/{number}" for number in range(len(parts))]
        for name, content in zip(names, parts, strict=True):
            self.put_key(name, content)
        told = json.dumps({"sourceObjects": [{"name": name} for name in names]}).encode()
        headers = {"content-type": "application/json"}
        self._client.send("POST", f"{_object(key)}/compose", headers=headers, body=told, is_quoted=True)
        for name in names:
            self.delete_key(name)

    def delete_key(self, key: str) -> None:
        """Delete the object."""
        self._client.send("DELETE", _object(key), is_quoted=True)

    def open_for(self, key: RSAPublicKey) -> None:
        """Answer to one service account alone."""
        self._corrections.key = key

    @property
    def refused(self) -> list[str]:
        """Why requests were not answered, since the bucket was opened for an account."""
        return self._corrections.refused

    def deny(self) -> Mapping[str, str]:
        """Answer as a bucket that is closed to those without an account."""
        self.set_faults(Fault("status", status=401, code="AuthenticationRequired", times=0))
        return {}

    def allow(self) -> None:
        """Answer again."""
        self.set_faults()
        self._corrections.key = None

    @property
    def _client(self) -> PlainClient:
        """The calling thread's own."""
        if not hasattr(self._threads, "client"):
            self._threads.client = PlainClient(self.store.direct, _unsigned)
        client: PlainClient = self._threads.client
        return client


class _Corrections:
    """Answers what the server would answer wrongly.

    Args:
        direct: Its URL.

    Attributes:
        key: Of the only account that may read; None for everyone.
        refused: What was not of this account, and why.
    """

    def __init__(self, direct: str) -> None:
        self._direct = direct
        self.key: RSAPublicKey | None = None
        self.refused: list[str] = []

    async def answer(self, request: web.Request) -> web.Response | None:
        """What Google answers to others than the account, of a missing bucket, to a failed condition and to a PUT."""
        if self.key is not None and (problem := problem_of(request, self.key)):
            self.refused.append(problem)
            return _error(401, "AuthenticationRequired", "Authentication required.")
        bucket, name = _named(request)
        if bucket != BUCKET:
            return _error(404, "NoSuchBucket", "The specified bucket does not exist.")
        if request.method == "PUT":
            return await self._put(name, request)
        wanted = request.headers.get("If-Match", "")
        generation = request.headers.get("x-goog-if-generation-match") or request.query.get("ifGenerationMatch", "")
        if not name or request.method != "GET" or not (wanted or generation):
            return None
        address = URL(self._direct + request.raw_path.partition("?")[0], encoded=True)
        headers = {"Host": request.headers["Host"]}
        async with aiohttp.ClientSession() as session, session.head(address, headers=headers) as found:
            is_gone = found.status == 404
            is_same = wanted in ("", "*", found.headers.get("ETag")) and generation in (
                "", found.headers.get("X-Goog-Generation"),
            )  # fmt: skip
        return None if is_gone or is_same else _error(412, "PreconditionFailed", "A condition does not hold.")

    async def _put(self, name: str, request: web.Request) -> web.Response:
        """PUT of the XML interface, as an upload of the JSON interface."""
        address = URL(f"{self._direct}/upload/storage/v1/b/{BUCKET}/o").with_query(uploadType="media", name=name)
        headers = {"Content-Type": request.headers.get("Content-Type", "application/octet-stream")}
        body = await request.read()
        async with (
            aiohttp.ClientSession() as session,
            session.post(address, data=body, headers=headers, raise_for_status=True) as answer,
        ):
            stored = await answer.json()
        told = {"ETag": f'"{stored["etag"].strip(chr(34))}"', "x-goog-generation": str(stored["generation"])}
        return web.Response(headers=told)


def _object(key: str) -> str:
    """The address of an object in the JSON interface, where a slash of its name is quoted too."""
    return f"/storage/v1/b/{BUCKET}/o/{quote(key, safe='')}"


def _named(request: web.Request) -> tuple[str, str]:
    """Bucket and object of a request, in either interface."""
    path = request.raw_path.partition("?")[0].strip("/")
    for start in ("download/storage/v1/b/", "upload/storage/v1/b/", "storage/v1/b/"):
        if path.startswith(start):
            bucket, _, rest = path.removeprefix(start).partition("/")
            return unquote(bucket), unquote(rest.removeprefix("o").removeprefix("/"))
    bucket, _, name = path.partition("/")
    return unquote(bucket), unquote(name)


def _is_api(request: web.Request) -> bool:
    return request.method not in ("GET", "HEAD") or not _named(request)[1]


def _unsigned(
    _method: str, _path: str, _query: Mapping[str, str], headers: Mapping[str, str], _body: bytes
) -> Mapping[str, str]:
    return headers


def _refusal(fault: Fault) -> tuple[Mapping[str, str], bytes]:
    """An error as the XML interface words it."""
    code = fault.code or {429: "SlowDown", 403: "AccessDenied"}.get(fault.status, "InternalError")
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>fault: {fault.status}</Message></Error>"
    return {"Content-Type": "application/xml", **patience(fault)}, body.encode()


def _error(status: int, code: str, message: str) -> web.Response:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(status=status, body=body.encode(), content_type="application/xml")

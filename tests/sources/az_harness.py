"""`az://` for the suite: a container of Azurite, with a proxy before it. The account's key signs requests."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

from aiohttp import web

from tests.hub.faults import Fault
from tests.sources.az_server import serve_azurite
from tests.sources.background import Background
from tests.sources.harness import SourceHarness
from tests.sources.plain_http import PlainClient, Sign
from tests.sources.proxy import FaultyProxy, patience
from tests.sources.store_harness import Store, StoreHarness

ACCOUNT = "acme"
CONTAINER = "models"
KEY = base64.b64encode(b"test key of the account that reads").decode()
WRONG_KEY = base64.b64encode(b"test key of nobody at all").decode()
VERSION = "2023-11-03"
_SIGNED = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip


class AzureHarness(StoreHarness):
    """One prefix of a container."""

    # The names here have a "+", for which the test server refuses the signed HEAD that would say the digest.
    capabilities = StoreHarness.capabilities - {"digests"}

    name = "az"
    credential_words = ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN", "spec.storage.key")
    secrets = (KEY, WRONG_KEY)

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._threads = threading.local()
        self.environment = {
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": f"{store.url}/{ACCOUNT}",
        }

    @classmethod
    @contextmanager
    def serve(cls, background: Background, folder: Path) -> Iterator[Callable[[Path], SourceHarness]]:
        """One server with one container."""
        with serve_azurite(folder, ACCOUNT, KEY) as direct:
            proxy = FaultyProxy(direct, is_api=_is_api, refuse=_refusal)
            with background.serving(proxy.handle) as url:
                PlainClient(direct, signer(KEY)).send("PUT", f"/{ACCOUNT}/{CONTAINER}", {"restype": "container"})
                store = Store(CONTAINER, direct, url, proxy)
                yield lambda _: cls(store)
                background.run(proxy.close())

    @property
    def uri(self) -> str:
        """The prefix."""
        return f"az://{ACCOUNT}/{CONTAINER}/{self.prefix}"

    @property
    def missing_uri(self) -> str:
        """In a container that nobody made."""
        return f"az://{ACCOUNT}/nobody-made-this/nobody-made-this"

    def put_key(self, key: str, content: bytes) -> None:
        """Put Blob."""
        self._client.send("PUT", self._path(key), headers={"x-ms-blob-type": "BlockBlob"}, body=content)

    def put_parts(self, key: str, parts: list[bytes]) -> None:
        """Put Block and Put Block List: such a blob has no MD5."""
        told = ""
        for number, content in enumerate(parts):
            block = base64.b64encode(f"{number:06}".encode()).decode()
            self._client.send("PUT", self._path(key), {"comp": "block", "blockid": block}, body=content)
            told += f"<Latest>{block}</Latest>"
        whole = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{told}</BlockList>'.encode()
        self._client.send("PUT", self._path(key), {"comp": "blocklist"}, body=whole)

    def delete_key(self, key: str) -> None:
        """Delete Blob."""
        self._client.send("DELETE", self._path(key))

    def deny(self) -> Mapping[str, str]:
        """A key that is not the account's."""
        return {"AZURE_STORAGE_ACCOUNT_KEY": WRONG_KEY}

    def target(self, path: str) -> str:
        """The blob's path, after the account."""
        return f"{ACCOUNT}/{CONTAINER}/{self.prefix}/{path}"

    def throttled(self, *, times: int, retry_after: int, path: str = "*") -> Fault:
        """HTTP 503 with the code ServerBusy."""
        return Fault("status", path=path, status=503, code="ServerBusy", retry_after=retry_after, times=times)

    @staticmethod
    def _path(key: str) -> str:
        return f"/{ACCOUNT}/{CONTAINER}/{key}"

    @property
    def _client(self) -> PlainClient:
        """The calling thread's own."""
        if not hasattr(self._threads, "client"):
            self._threads.client = PlainClient(self.store.direct, signer(KEY))
        client: PlainClient = self._threads.client
        return client


def signer(key: str) -> Sign:
    """Authorization with the shared key. Rules from the Blob service REST API, "Authorize with Shared Key"."""

    def sign(
        method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Mapping[str, str]:
        sent = {name.lower(): value for name, value in headers.items()}
        sent |= {"x-ms-date": formatdate(usegmt=True), "x-ms-version": VERSION, "content-length": str(len(body))}
        sent.setdefault("content-type", "application/octet-stream")
        values = {**sent, "content-length": str(len(body)) if body else ""}
        lines = [method, *(values.get(name, "") for name in _SIGNED)]
        lines += [f"{name}:{values[name]}" for name in sorted(values) if name.startswith("x-ms-")]
        lines += [f"/{ACCOUNT}{path}", *(f"{name.lower()}:{query[name]}" for name in sorted(query))]
        digest = hmac.digest(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256)
        return {**sent, "authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"}

    return sign


def _is_api(request: web.Request) -> bool:
    is_about_container = "comp" in request.query or len(request.path.strip("/").split("/")) < 3
    return request.method not in ("GET", "HEAD") or is_about_container


def _refusal(fault: Fault) -> tuple[Mapping[str, str], bytes]:
    """An error as Azure words it."""
    code = fault.code or {429: "TooManyRequests", 403: "AuthenticationFailed"}.get(fault.status, "InternalError")
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>fault</Message></Error>'
    headers = {"Content-Type": "application/xml", "x-ms-error-code": code, "x-ms-request-id": "fault"}
    return headers | patience(fault), body.encode()

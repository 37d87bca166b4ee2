"""`oci://` for the suite: a bucket of the OCI server, with a proxy before it."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.hub.faults import Fault
from tests.sources.background import Background
from tests.sources.harness import SourceHarness
from tests.sources.oci_account import Account, make_account
from tests.sources.oci_objects import Bucket
from tests.sources.oci_server import OciServer
from tests.sources.proxy import FaultyProxy, patience
from tests.sources.store_harness import Store, StoreHarness

BUCKET = "models"
NAMESPACE = "acme"
PAGE_SIZE = 500


class OciHarness(StoreHarness):
    """One prefix of a bucket.

    Args:
        store: The running server.
        bucket: Its bucket, filled without requests.
        known: The reader's account.
        unknown: One that the server does not know.
        keys: Public keys that the server knows, by key id.
    """

    name = "oci"
    credential_words = ("OCI_CONFIG_FILE", "OCI_CONFIG_PROFILE", "spec.storage.parameters")

    def __init__(
        self, store: Store, bucket: Bucket, known: Account, unknown: Account, keys: dict[str, RSAPublicKey]
    ) -> None:
        super().__init__(store)
        self._public_key, self._keys = known.public_key, keys
        self._bucket = bucket
        self._unknown = unknown
        self.environment = {
            "OCI_CONFIG_FILE": str(known.config),
            "OCI_CONFIG_PROFILE": "DEFAULT",
            "OCI_OBJECT_STORAGE_ENDPOINT": store.url,
        }

    @classmethod
    @contextmanager
    def serve(cls, background: Background, folder: Path) -> Iterator[Callable[[Path], SourceHarness]]:
        """One server with one bucket."""
        known, unknown = make_account(folder), make_account(folder, number=1)
        keys = {known.key_id: known.public_key}
        server = OciServer(NAMESPACE, keys, page_size=PAGE_SIZE)
        server.buckets[BUCKET] = Bucket()
        with background.serving(server.handle) as direct:
            proxy = FaultyProxy(direct, is_api=_is_api, refuse=_refusal)
            with background.serving(proxy.handle) as url:
                store = Store(BUCKET, direct, url, proxy)
                yield lambda _: cls(store, server.buckets[BUCKET], known, unknown, keys)
                background.run(proxy.close())

    @property
    def uri(self) -> str:
        """The prefix, in the strict form."""
        return f"oci://n/{NAMESPACE}/b/{BUCKET}/o/{self.prefix}"

    @property
    def missing_uri(self) -> str:
        """In a bucket that nobody made."""
        return f"oci://n/{NAMESPACE}/b/nobody-made-this/o/nobody-made-this"

    def put_key(self, key: str, content: bytes) -> None:
        """As PutObject does."""
        self._bucket.put(key, content, _now())

    def put_parts(self, key: str, parts: list[bytes]) -> None:
        """As an upload in parts does."""
        upload = f"upload-{next(_UPLOADS)}"
        self._bucket.uploads[upload] = dict(enumerate(parts, 1))
        self._bucket.commit(key, upload, range(1, len(parts) + 1), _now())

    def delete_key(self, key: str) -> None:
        """As DeleteObject does."""
        del self._bucket.objects[key]

    def deny(self) -> Mapping[str, str]:
        """An account that the server does not know."""
        return {"OCI_CONFIG_FILE": str(self._unknown.config)}

    def trust(self, key_id: str, key: RSAPublicKey | None = None) -> None:
        """Have the server take a key, the reader's by default, for one of another name: a session's token."""
        self._keys[key_id] = key or self._public_key

    def distrust(self, key_id: str) -> None:
        """Have the server know a session's token no longer: it has ended."""
        del self._keys[key_id]

    def target(self, path: str) -> str:
        """The object's path."""
        return f"n/{NAMESPACE}/b/{BUCKET}/o/{self.prefix}/{path}"

    def throttled(self, *, times: int, retry_after: int, path: str = "*") -> Fault:
        """HTTP 429 with the code TooManyRequests."""
        return Fault("status", path=path, status=429, code="TooManyRequests", retry_after=retry_after, times=times)


_UPLOADS = itertools.count()


def _is_api(request: web.Request) -> bool:
    return request.method not in ("GET", "HEAD") or len(request.path.strip("/").split("/")) < 6


def _refusal(fault: Fault) -> tuple[Mapping[str, str], bytes]:
    """An error as the service words it."""
    body = {"code": fault.code or "InternalServerError", "message": f"fault: {fault.status}"}
    headers = {"Content-Type": "application/json", "opc-request-id": "FAULT"}
    return headers | patience(fault), json.dumps(body).encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

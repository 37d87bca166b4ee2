"""`s3://` for the suite: Versity's S3 gateway over a folder, with a proxy before it.

The gateway is a Go program that checks signatures and has ranges, If-Match, checksums and ETags of parts as S3 has
them; `python -m tests.cluster build versitygw` builds it into the cache.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import escape

from aiohttp import web

from tests.hub.faults import Fault
from tests.sources.background import Background, built, child, free_port
from tests.sources.harness import SourceHarness
from tests.sources.plain_http import PlainClient
from tests.sources.proxy import FaultyProxy, patience
from tests.sources.s3_signature import signer
from tests.sources.store_harness import Store, StoreHarness

BUCKET = "models"
REGION = "eu-west-3"
ACCESS_KEY = "test-reader"
SECRET_KEY = "test-secret-of-the-reader"
WRONG_SECRET = "test-secret-of-nobody"


@contextmanager
def serve_gateway(folder: Path) -> Iterator[str]:
    """Run the gateway; gives its URL."""
    program, port = built("versitygw"), free_port()
    for name in ("objects", "metadata"):
        (folder / name).mkdir()
    command: list[str | Path] = [
        program, "--region", REGION, "--address", f"127.0.0.1:{port}", "--metadata", folder / "metadata",
        "--objects", folder / "objects",
    ]  # fmt: skip
    with child(command, port, folder / "log", ROOT_ACCESS_KEY=ACCESS_KEY, ROOT_SECRET_KEY=SECRET_KEY):
        yield f"http://127.0.0.1:{port}"


class S3Harness(StoreHarness):
    """One prefix of a bucket of the gateway."""

    name = "s3"
    credential_words = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "spec.storage.key")
    secrets = (SECRET_KEY, WRONG_SECRET)

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._threads = threading.local()
        self.environment = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": store.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @classmethod
    @contextmanager
    def serve(cls, background: Background, folder: Path) -> Iterator[Callable[[Path], SourceHarness]]:
        """One gateway with one bucket."""
        with serve_gateway(folder) as direct:
            proxy = FaultyProxy(direct, is_api=is_listing, refuse=s3_refusal)
            with background.serving(proxy.handle) as url:
                store = Store(BUCKET, direct, url, proxy)
                PlainClient(direct, signer(ACCESS_KEY, SECRET_KEY, REGION)).send("PUT", f"/{BUCKET}")
                yield lambda _: cls(store)
                background.run(proxy.close())

    @property
    def uri(self) -> str:
        """The prefix."""
        return f"s3://{BUCKET}/{self.prefix}"

    @property
    def missing_uri(self) -> str:
        """In a bucket that nobody made."""
        return "s3://nobody-made-this/nobody-made-this"

    def put_key(self, key: str, content: bytes) -> None:
        """PutObject."""
        self._client.send("PUT", f"/{BUCKET}/{key}", body=content)

    def put_parts(self, key: str, parts: list[bytes]) -> None:
        """CreateMultipartUpload, UploadPart and CompleteMultipartUpload."""
        path = f"/{BUCKET}/{key}"
        _, begun = self._client.send("POST", path, {"uploads": ""})
        found = re.search(rb"<UploadId>([^<]+)</UploadId>", begun)
        assert found is not None, begun
        upload, told = found[1].decode(), ""
        for number, content in enumerate(parts, 1):
            query = {"partNumber": str(number), "uploadId": upload}
            headers, _ = self._client.send("PUT", path, query, body=content)
            etag = escape(headers["ETag"])
            told += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        whole = f"<CompleteMultipartUpload>{told}</CompleteMultipartUpload>".encode()
        self._client.send("POST", path, {"uploadId": upload}, body=whole)

    def delete_key(self, key: str) -> None:
        """DeleteObject."""
        self._client.send("DELETE", f"/{BUCKET}/{key}")

    def deny(self) -> Mapping[str, str]:
        """A secret that is not the key's."""
        return {"AWS_SECRET_ACCESS_KEY": WRONG_SECRET}

    def throttled(self, *, times: int, retry_after: int, path: str = "*") -> Fault:
        """HTTP 503 with the code SlowDown."""
        return Fault("status", path=path, status=503, code="SlowDown", retry_after=retry_after, times=times)

    @property
    def _client(self) -> PlainClient:
        """The calling thread's own."""
        if not hasattr(self._threads, "client"):
            self._threads.client = PlainClient(self.store.direct, signer(ACCESS_KEY, SECRET_KEY, REGION))
        client: PlainClient = self._threads.client
        return client


def is_listing(request: web.Request) -> bool:
    """Whether a request is about a bucket, or no read."""
    return request.method not in ("GET", "HEAD") or "/" not in request.path.strip("/")


def s3_refusal(fault: Fault) -> tuple[Mapping[str, str], bytes]:
    """An error as S3 words it."""
    code = fault.code or {429: "TooManyRequests", 403: "AccessDenied"}.get(fault.status, "InternalError")
    body = f"<Error><Code>{code}</Code><Message>fault: {fault.status}</Message><RequestId>1</RequestId></Error>"
    return {"Content-Type": "application/xml", **patience(fault)}, body.encode()

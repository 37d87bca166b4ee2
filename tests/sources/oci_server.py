"""A server of OCI's object-storage REST API: the part that models are read and written by, with signatures checked.

Namespace, buckets, listing in pages, objects with ranges and If-Match, and uploads in parts. What is refused is
refused with the service's own codes. Faults come from `tests.sources.proxy` before it; `throttle` is one of its own.
"""

import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from urllib.parse import unquote

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.hub.ranges import RangeNotSatisfiableError, parse_range
from tests.sources.oci_objects import FIELDS, Bucket, StoredObject
from tests.sources.oci_signature import is_body_as_signed, problem_of

LARGEST_PAGE = 1000


class OciServer:
    """One namespace; `handle` is its handler.

    Args:
        namespace: The tenancy's.
        keys: Public keys by key id (`tenancy/user/fingerprint`): who has one may read and write everything.
        page_size: Rows a page of a listing at most.

    Attributes:
        buckets: By name.
        closed: Buckets that nobody may see: the service answers as if they were not there.
        refused: What was not signed well, to be read by tests.
    """

    def __init__(self, namespace: str, keys: Mapping[str, RSAPublicKey], page_size: int = LARGEST_PAGE) -> None:
        self.namespace = namespace
        self.buckets: dict[str, Bucket] = {}
        self.closed: set[str] = set()
        self.refused: list[str] = []
        self._keys = keys
        self._page_size = page_size

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; every answer has a request id."""
        answer = await self._answer(request)
        answer.headers["opc-request-id"] = request.headers.get("opc-client-request-id") or uuid.uuid4().hex.upper()
        answer.headers["Date"] = formatdate(usegmt=True)
        return answer

    async def _answer(self, request: web.Request) -> web.Response:
        problem = problem_of(request.method, request.raw_path, request.headers, self._keys, time.time())
        body = await request.read()
        if not problem and not is_body_as_signed(request.headers, body):
            problem = "the body is not the one that was signed"
        if problem:
            self.refused.append(problem)
            message = "The required information to complete authentication was not provided or was incorrect."
            return refusal(401, "NotAuthenticated", message)
        parts = [unquote(part) for part in request.raw_path.partition("?")[0].strip("/").split("/")]
        if request.raw_path.partition("?")[0].endswith("/") and len(parts) > 6:
            parts.append("")
        if parts in (["n"], ["n", ""]):
            return web.json_response(self.namespace)
        if len(parts) < 4 or parts[0] != "n" or parts[2] != "b":
            return refusal(404, "NotFound", f"no such path: {request.path}")
        name = parts[3]
        bucket = self.buckets.get(name) if parts[1] == self.namespace and name not in self.closed else None
        if bucket is None:
            message = f"Either the bucket named '{name}' does not exist in the namespace '{parts[1]}' or you are not "
            return refusal(404, "BucketNotFound", message + "authorized to access it")
        rest = "/".join(parts[5:])
        if len(parts) == 4:
            return web.json_response({"namespace": self.namespace, "name": name}, headers={"etag": name})
        if parts[4] == "o" and not rest:
            return self._list(request, bucket)
        if parts[4] == "o":
            return self._object(request, bucket, rest, body)
        if parts[4] == "u":
            return self._upload(request, bucket, name, rest, body)
        return refusal(404, "NotFound", f"no such path: {request.path}")

    def _list(self, request: web.Request, bucket: Bucket) -> web.Response:
        query = request.query
        fields = [name for name in query.get("fields", "name").split(",") if name]
        unknown = [name for name in fields if name not in FIELDS]
        if unknown:
            return refusal(400, "InvalidParameter", f"fields: {unknown[0]} is not one of {', '.join(FIELDS)}")
        asked = query.get("limit", str(LARGEST_PAGE))
        if not asked.isdigit() or not 1 <= int(asked) <= LARGEST_PAGE:
            return refusal(400, "InvalidParameter", f"limit: {asked} is not between 1 and {LARGEST_PAGE}")
        limit = min(int(asked), self._page_size)
        rows = bucket.listed(query.get("prefix", ""), query.get("start", ""), limit, fields)
        return web.json_response(rows)

    def _object(self, request: web.Request, bucket: Bucket, name: str, body: bytes) -> web.Response:
        if request.method == "PUT":
            stored = bucket.put(name, body, _now())
            return web.Response(headers={"etag": stored.etag, "opc-content-md5": stored.md5})
        found = bucket.objects.get(name)
        if found is None:
            return refusal(404, "ObjectNotFound", f"The object '{name}' was not found")
        if request.method == "DELETE":
            del bucket.objects[name]
            return web.Response(status=204)
        wanted = request.headers.get("If-Match")
        if wanted is not None and wanted.strip('"') not in ("*", found.etag):
            return refusal(412, "IfMatchFailed", "The If-Match header does not match the entity tag of the object")
        return _content(request, found)

    def _upload(self, request: web.Request, bucket: Bucket, place: str, name: str, body: bytes) -> web.Response:
        if request.method == "POST" and not name:
            asked = json.loads(body)
            upload = str(uuid.uuid4())
            bucket.uploads[upload] = {}
            about = {"namespace": self.namespace, "bucket": place, "object": asked["object"], "uploadId": upload}
            return web.json_response(about | {"timeCreated": _now()})
        upload = request.query.get("uploadId", "")
        if upload not in bucket.uploads:
            return refusal(404, "NoSuchUpload", f"The upload '{upload}' was not found")
        if request.method == "PUT":
            number = int(request.query["uploadPartNum"])
            bucket.uploads[upload][number] = body
            return web.Response(headers={"etag": f"{upload}-{number}"})
        if request.method == "DELETE":
            del bucket.uploads[upload]
            return web.Response(status=204)
        numbers = [part["partNum"] for part in json.loads(body)["partsToCommit"]]
        if not set(numbers) <= set(bucket.uploads[upload]):
            return refusal(400, "InvalidUploadPart", "a part that is to be committed was not uploaded")
        stored = bucket.commit(name, upload, numbers, _now())
        return web.Response(headers={"etag": stored.etag, "opc-multipart-md5": stored.md5})


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error as the service words it."""
    return web.json_response({"code": code, "message": message}, status=status, headers=headers)


def _content(request: web.Request, found: StoredObject) -> web.Response:
    size = len(found.content)
    headers = {
        "etag": found.etag,
        "Accept-Ranges": "bytes",
        "Last-Modified": formatdate(datetime.fromisoformat(found.modified).timestamp(), usegmt=True),
        "storage-tier": "Standard",
        "Content-Type": "application/octet-stream",
    }
    try:
        asked = parse_range(request.headers.get("Range"), size)
    except RangeNotSatisfiableError:
        span = {"Content-Range": f"bytes */{size}"}
        return refusal(416, "InvalidRange", "The range lies outside the object", span)
    start, end = asked or (0, size)
    if asked is None:
        headers |= found.md5_header
    else:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 206 if asked is not None else 200
    if request.method == "HEAD":
        return web.Response(status=status, headers=headers | {"Content-Length": str(end - start)})
    return web.Response(status=status, headers=headers, body=found.content[start:end])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

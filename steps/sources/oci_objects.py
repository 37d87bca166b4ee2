"""`oci://`: the objects under a prefix of a bucket of OCI Object Storage, through its own SDK.

The SDK lists and signs; bytes come through `steps.cache` and `RangeReader` as from any other HTTP server, each request
with a signature of its own. A manifest pins each object by its ETag, and by its MD5 or that of its parts.
"""

import base64
import binascii
import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from crds.storage import SOURCE_PARAMETERS
from crds.storage_uri import OciUri
from steps.errors import NetworkError, NotFoundError, OmeError
from steps.manifest import DigestAlgorithm, FileEntry, Manifest
from steps.parts_digest import parts_digest
from steps.sources.http_answers import error_of, path_of, public_url
from steps.sources.listing import files_below, keep_files, manifest_without_revisions, refuse_revision
from steps.sources.oci_client import CREDENTIALS, ENDPOINT, has_tokens, open_client, signed_headers, without_token
from steps.sources.part_sizes import given_part_bytes, part_bytes
from steps.sources.patience import Patience, TransferSettings
from steps.sources.range_reader import RangeReader
from steps.sources.source import RemoteAddress, ResolveOptions

PAGE = 1000
"""Objects a page of a listing: the most that the service gives."""
_FIELDS = "name,size,etag,md5"
_IN_PARTS = re.compile(r"([A-Za-z0-9+/=]+)-([1-9][0-9]{0,4})", re.ASCII)
_MISSING = frozenset({"BucketNotFound", "NamespaceNotFound", "NotAuthorizedOrNotFound"})


class OciSource:
    """The objects under one prefix."""

    def __init__(self, uri: OciUri, parameters: Mapping[str, str]) -> None:
        import httpx2

        self._uri = uri
        self._parameters = {key: parameters[key] for key in SOURCE_PARAMETERS if parameters.get(key)}
        self._part_bytes = given_part_bytes(parameters)
        self._settings = TransferSettings.from_environment()
        self._client = open_client(uri, parameters)
        self._signing = threading.Lock()
        self._endpoint = str(self._client.base_client.endpoint).rstrip("/")
        self._reader = RangeReader(self._settings)
        self._http = httpx2.Client(timeout=self._settings.stall_seconds, headers={"User-Agent": "ome-pipelines"})

    def resolve(self, options: ResolveOptions) -> Manifest:
        """List the objects, and pin each as it is now."""
        refuse_revision(str(self._uri), self._uri.scheme, options)
        namespace = self._namespace()
        prefix = self._uri.prefix.strip("/")
        rows = {row.name: row for row in self._listed(namespace, f"{prefix}/" if prefix else "")}
        if not rows and prefix:  # the whole name of one object
            rows = {row.name: row for row in self._listed(namespace, prefix) if row.name == prefix}
            paths = {name.rpartition("/")[2]: name for name in rows}
        else:
            paths = files_below(prefix, {name: row.size for name, row in rows.items()})
        if not paths:
            raise NotFoundError(f"{self._uri}: there are no objects", remedy="Check the prefix and its spelling.")
        listing = [self._entry(namespace, path, rows[name]) for path, name in paths.items()]
        kept = keep_files(str(self._uri), listing, options)
        return manifest_without_revisions(str(self._uri), self._parameters, kept)

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """Bytes [start, end) of a file, retried as the settings say."""
        return self._reader.read(f"{self._uri} {file.path}", file, self.address(file), start, end, self._http)

    def address(self, file: FileEntry) -> RemoteAddress:
        """The object's URL; each request gets a signature of its own, which is good for minutes."""
        place, etag = json.loads(file.location)
        return RemoteAddress(
            url=self._endpoint + path_of(file.model_copy(update={"location": place})),
            headers={"If-Match": etag},
            etag=etag,
            credentials=CREDENTIALS,
            named_by=ENDPOINT,
            renew=lambda: self._signed(file),
        )

    def put(self, path: str, content: bytes, media_type: str) -> None:
        """Store an object below the prefix, in place of one that is there; whole or not at all."""
        name = f"{self._uri.prefix.strip('/')}/{path}".lstrip("/")
        self._ask(self._client.put_object, self._namespace(), self._uri.bucket, name, content, content_type=media_type)

    def _namespace(self) -> str:
        return self._uri.namespace or str(self._ask(self._client.get_namespace))

    def _signed(self, file: FileEntry) -> RemoteAddress:
        address = self.address(file)
        with self._signing:  # the SDK would let each thread ask for the next token
            signature = signed_headers(self._client, f"{self._uri} {file.path}", address.url)
        return replace(address, headers={**address.headers, **signature})

    def _listed(self, namespace: str, prefix: str) -> list[Any]:
        rows: list[Any] = []
        start = None
        while True:
            options = {"prefix": prefix, "fields": _FIELDS, "limit": PAGE} | ({"start": start} if start else {})
            page = self._ask(self._client.list_objects, namespace, self._uri.bucket, **options)
            rows += page.objects
            start = page.next_start_with
            if not start:
                return rows

    def _entry(self, namespace: str, path: str, row: Any) -> FileEntry:
        place = f"/n/{quote(namespace, safe='')}/b/{quote(self._uri.bucket, safe='')}/o/{quote(row.name)}"
        location = json.dumps([place, row.etag], separators=(",", ":"))
        algorithm, digest = _told(row.md5 or "", row.size, self._part_bytes)
        if digest:
            return FileEntry(path=path, size=row.size, algorithm=algorithm, digest=digest, location=location)
        name = json.dumps([self._endpoint, place, row.etag, row.size], separators=(",", ":"))
        digest = hashlib.sha256(name.encode()).hexdigest()
        return FileEntry(path=path, size=row.size, algorithm="version", digest=digest, location=location)

    def _ask(self, call: Any, *arguments: str | bytes, **options: Any) -> Any:
        """The data of an answer of the SDK, retried where that can help."""
        from oci import exceptions  # type: ignore[import-untyped]

        patience = Patience(self._settings)
        while True:
            try:
                return call(*arguments, **options).data
            except exceptions.ServiceError as error:
                known = self._refusal(error)
            except exceptions.BaseRequestException as error:
                known = NetworkError(
                    f"{self._uri}: {public_url(self._endpoint)} cannot be reached ({type(error).__name__})",
                    remedy=f"Check the connection, the region, and {ENDPOINT} where it is set; then run again.",
                )
            except Exception as error:
                if not has_tokens(self._client):
                    raise
                known = without_token(str(self._uri), error)
            time.sleep(patience.delay_after(known))

    def _refusal(self, error: Any) -> OmeError:
        from httpx2 import Headers

        if error.status == 404 and error.code in _MISSING:
            return NotFoundError(
                f"{self._uri}: the bucket does not exist, or these credentials may not see it (HTTP 404)",
                remedy=f"Check namespace, bucket and region. {CREDENTIALS}",
            )
        headers = Headers({str(name): str(value) for name, value in (error.headers or {}).items()})
        return error_of(error.status, headers, str(self._uri), has_token=True, credentials=CREDENTIALS)


def _told(md5: str, size: int, given_part_bytes: int | None) -> tuple[DigestAlgorithm, str]:
    """Algorithm and digest of what a listing says; "" for what cannot be checked.

    An object that was put in parts has the MD5 of the parts' MD5s, and their number after a dash
    (https://docs.oracle.com/iaas/api/#/en/objectstorage/20160918/Object/HeadObject, `opc-multipart-md5`).
    """
    in_parts = _IN_PARTS.fullmatch(md5)
    if in_parts is None:
        return "md5", _in_hex(md5)
    found, size = _in_hex(in_parts[1]), part_bytes(size, int(in_parts[2]), given_part_bytes)
    return "md5-parts", parts_digest(found, size) if found and size else ""


def _in_hex(told: str) -> str:
    """An MD5 in hexadecimal; "" for what is none."""
    try:
        found = base64.b64decode(told, validate=True)
    except binascii.Error:
        return ""
    return found.hex() if len(found) == hashlib.md5(usedforsecurity=False).digest_size else ""

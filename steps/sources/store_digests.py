"""Which digest of an object's content its store says, if any.

An ETag of S3 is the md5 of the content for objects that were put whole and are not encrypted with a customer's key,
and for those put in parts the md5 of the parts' md5s; for others it only names a version. Which it is, and Google's
and Azure's digests, stand in the answer to HEAD
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html, https://cloud.google.com/storage/docs/hashes-etags,
https://learn.microsoft.com/rest/api/storageservices/get-blob-properties).
"""

import asyncio
import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from crds.storage_uri import AzureUri, GcsUri, S3Uri
from steps.errors import NetworkError
from steps.parts_digest import parts_digest
from steps.sources.part_sizes import part_bytes
from steps.sources.store_client import BucketUri

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

AT_ONCE = 32
HEAD_SECONDS = 30
_ETAG = re.compile(r'"([0-9a-f]{32})(?:-([1-9][0-9]{0,4}))?"', re.ASCII)


@dataclass(frozen=True)
class StoredObject:
    """An object as a listing shows it.

    Attributes:
        key: Its name in the bucket.
        size: Bytes.
        etag: The store's name for its bytes, in quotes as If-Match has it: Azure's listings leave them out.
    """

    key: str
    size: int
    etag: str


def quoted(etag: str | None) -> str:
    """An ETag as HTTP has it; "" for none."""
    if not etag:
        return ""
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'


@dataclass(frozen=True)
class Digest:
    """What names an object's content.

    Attributes:
        algorithm: `md5`, `md5-parts`, or `version` where nothing is said of the content that can be checked.
        digest: As a manifest has it.
    """

    algorithm: Literal["md5", "md5-parts", "version"]
    digest: str


def content_digests(
    store: "S3Store | GCSStore | AzureStore",
    uri: BucketUri,
    objects: Sequence[StoredObject],
    given_part_bytes: int | None = None,
) -> list[Digest]:
    """The digests of objects, in their order.

    Where the store refuses to answer HEAD, the object is named by its version.

    Args:
        store: The client.
        uri: The prefix.
        objects: Those that are meant.
        given_part_bytes: As `steps.sources.part_sizes` has it.

    Raises:
        NetworkError: when it cannot be asked.
    """
    asked = [stored for stored in objects if not isinstance(uri, S3Uri) or _ETAG.fullmatch(stored.etag)]
    keys = [stored.key for stored in asked]
    if isinstance(uri, S3Uri) and store.config.get("skip_signature"):
        answers: dict[str, Mapping[str, str]] = {key: {} for key in keys}  # only with a signature can S3 decrypt
    else:
        answers = asyncio.run(_heads(_urls(store, uri, keys)))
    place = f"{store.config.get('endpoint', '')} {str(uri).removesuffix(uri.prefix)}".strip()
    return [digest_of(place, stored, answers.get(stored.key), given_part_bytes) for stored in objects]


def digest_of(
    place: str, stored: StoredObject, headers: Mapping[str, str] | None, given_part_bytes: int | None = None
) -> Digest:
    """The digest of one object.

    Args:
        place: The bucket's own URI.
        stored: The object.
        headers: Of the answer to HEAD, with case-insensitive keys; None when there is none.
        given_part_bytes: As `steps.sources.part_sizes` has it.
    """
    if headers is not None and place.rpartition(" ")[2].startswith("s3://"):
        told = _told_by_etag(stored, headers, given_part_bytes)
    else:
        told = _told_md5(headers) if headers is not None else None
    if told is not None:
        return told
    name = json.dumps([place, stored.key, stored.etag, stored.size], separators=(",", ":"))
    return Digest("version", hashlib.sha256(name.encode()).hexdigest())


def _told_by_etag(stored: StoredObject, headers: Mapping[str, str], given_part_bytes: int | None) -> Digest | None:
    encryption = headers.get("x-amz-server-side-encryption", "")
    found = _ETAG.fullmatch(stored.etag)
    if (
        found is None
        or encryption.startswith("aws:kms")
        or "x-amz-server-side-encryption-customer-algorithm" in headers
    ):
        return None
    if found[2] is None:
        return Digest("md5", found[1])
    size = part_bytes(stored.size, int(found[2]), given_part_bytes)
    return Digest("md5-parts", parts_digest(found[1], size)) if size else None


def _told_md5(headers: Mapping[str, str]) -> Digest | None:
    hashes = dict(part.strip().partition("=")[::2] for part in headers.get("x-goog-hash", "").split(","))
    try:
        content = base64.b64decode(hashes.get("md5") or headers.get("Content-MD5", ""), validate=True)
    except binascii.Error:
        return None
    return Digest("md5", content.hex()) if len(content) == hashlib.md5(usedforsecurity=False).digest_size else None


def _urls(store: "S3Store | GCSStore | AzureStore", uri: BucketUri, keys: Sequence[str]) -> dict[str, str]:
    """URLs that HEAD may be sent to, by key; none where nobody can sign them."""
    import obstore

    if isinstance(uri, GcsUri) and store.config.get("skip_signature"):
        base = str(store.config.get("base_url") or "https://storage.googleapis.com")
        return {key: f"{base}/{uri.bucket}/{quote(key)}" for key in keys}
    # Azure's signature is for rights, not for a method, and the client gives none for HEAD.
    method: Literal["GET", "HEAD"] = "GET" if isinstance(uri, AzureUri) else "HEAD"
    try:
        urls = obstore.sign(store, method, list(keys), timedelta(hours=1)) if keys else []
    except obstore.exceptions.BaseError:
        return {}
    return dict(zip(keys, urls, strict=True))


async def _heads(urls: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """The answers to HEAD by key; without those that are refused."""
    import aiohttp
    from yarl import URL

    answers: dict[str, Mapping[str, str]] = {}
    slots = asyncio.Semaphore(AT_ONCE)
    timeout = aiohttp.ClientTimeout(total=HEAD_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:

        async def ask(key: str, url: str) -> None:
            async with slots:
                try:
                    async with session.head(URL(url, encoded=True)) as answer:
                        status, headers = answer.status, answer.headers
                except (aiohttp.ClientError, TimeoutError) as error:
                    raise NetworkError(f"{key}: the store cannot be asked ({type(error).__name__})") from None
                if status == 429 or status >= 500:
                    raise NetworkError(f"{key}: the store failed (HTTP {status})")
                if status == 200:
                    answers[key] = headers

        await asyncio.gather(*(ask(key, url) for key, url in urls.items()))
    return answers

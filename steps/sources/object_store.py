"""`s3://`, `gs://` and `az://`: the objects under a prefix of a bucket, through the store's own protocol.

A manifest pins each object by the store's own name for its bytes (the ETag), which every read asks for again, and by a
digest of the content where the store says one that can be trusted (`steps.sources.store_digests`).
"""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from crds.storage import SOURCE_PARAMETERS
from crds.storage_uri import GcsUri
from steps.errors import AuthError, NotFoundError, OmeError
from steps.manifest import FileEntry, Manifest
from steps.sources.http_answers import changed
from steps.sources.listing import files_below, keep_files, manifest_without_revisions, refuse_revision
from steps.sources.part_sizes import given_part_bytes
from steps.sources.patience import Patience, TransferSettings
from steps.sources.patient_reads import read_patiently
from steps.sources.patterns import Kept
from steps.sources.source import ResolveOptions, StoredAddress
from steps.sources.store_answers import store_error
from steps.sources.store_client import CREDENTIALS, BucketUri, open_store
from steps.sources.store_digests import StoredObject, content_digests, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from obstore.store import AzureStore, GCSStore, S3Store

T = TypeVar("T")


class ObjectStoreSource:
    """The objects under one prefix."""

    def __init__(self, uri: BucketUri, parameters: Mapping[str, str]) -> None:
        self._uri = uri
        self._parameters = {key: parameters[key] for key in SOURCE_PARAMETERS if parameters.get(key)}
        self._part_bytes = given_part_bytes(parameters)
        self._settings = TransferSettings.from_environment()
        self._store: S3Store | GCSStore | AzureStore = open_store(uri, parameters)

    def resolve(self, options: ResolveOptions) -> Manifest:
        """List the objects, and pin each as it is now."""
        refuse_revision(str(self._uri), self._uri.scheme, options)
        objects = self._ask(self._listed)
        listing = (
            FileEntry(path=path, size=stored.size, algorithm="none", digest="", location=_location(stored))
            for path, stored in objects.items()
        )
        kept = keep_files(str(self._uri), listing, options)
        chosen = [objects[file.path] for file in kept.files]
        digests = self._ask(lambda: content_digests(self._store, self._uri, chosen, self._part_bytes))
        files = tuple(
            file.model_copy(update={"algorithm": digest.algorithm, "digest": digest.digest})
            for file, digest in zip(kept.files, digests, strict=True)
        )
        return manifest_without_revisions(str(self._uri), self._parameters, Kept(files, kept.left_out))

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """Bytes [start, end) of a file, retried as the settings say."""
        subject = f"{self._uri} {file.path}"

        def read_once(start: int, end: int, content: bytearray) -> None:
            self._read_once(subject, file, start, end, content)

        return read_patiently(self._settings, subject, file, start, end, read_once)

    def address(self, file: FileEntry) -> StoredAddress:
        """The object, and the client that reads it."""
        key, etag = json.loads(file.location)
        return StoredAddress(self._store, key, etag, CREDENTIALS[self._uri.scheme])

    def put(self, path: str, content: bytes, media_type: str) -> None:
        """Store an object below the prefix, in place of one that is there; whole or not at all."""
        import obstore

        if isinstance(self._uri, GcsUri) and self._store.config.get("skip_signature"):
            # Its client writes with the identity of the machine then, and sends that to whatever endpoint is named.
            raise AuthError(f"{self._uri}: nothing is written without credentials", remedy=CREDENTIALS["gs"])
        key = f"{self._uri.prefix.strip('/')}/{path}".lstrip("/")
        kind = {"Content-Type": media_type}
        self._ask(lambda: obstore.put(self._store, key, content, attributes=kind, use_multipart=False))

    def _read_once(self, subject: str, file: FileEntry, start: int, end: int, content: bytearray) -> None:
        import obstore

        key, etag = json.loads(file.location)
        try:
            answer = obstore.get(self._store, key, options={"range": (start, end), "if_match": etag or None})
            if quoted(answer.meta["e_tag"]) not in (etag, "") or answer.meta["size"] != file.size:
                raise changed(subject)
            for chunk in answer.stream():
                content.extend(chunk)
        except (obstore.exceptions.BaseError, OSError) as error:
            raise store_error(error, subject, CREDENTIALS[self._uri.scheme]) from None

    def _listed(self) -> dict[str, StoredObject]:
        """The objects by path below the prefix; a prefix that is one object's whole key is that object."""
        import obstore

        prefix = self._uri.prefix.strip("/")
        found = {
            row["path"]: StoredObject(row["path"], row["size"], quoted(row["e_tag"]))
            for page in obstore.list(self._store, prefix=prefix or None)
            for row in page
            if row["path"] != prefix
        }
        if not found and prefix:
            try:
                row = obstore.head(self._store, prefix)
            except FileNotFoundError:
                raise NotFoundError(
                    f"{self._uri}: there are no objects", remedy="Check the prefix and its spelling."
                ) from None
            return {prefix.rpartition("/")[2]: StoredObject(row["path"], row["size"], quoted(row["e_tag"]))}
        paths = files_below(prefix, {key: stored.size for key, stored in found.items()})
        return {path: found[key] for path, key in paths.items()}

    def _ask(self, call: "Callable[[], T]") -> T:
        """Call the store's client, with its failures as classed errors, retried where that can help."""
        import obstore

        patience = Patience(self._settings)
        while True:
            try:
                return call()
            except OmeError as error:
                known = error
            except (obstore.exceptions.BaseError, OSError) as error:
                known = store_error(error, str(self._uri), CREDENTIALS[self._uri.scheme])
            time.sleep(patience.delay_after(known))


def _location(stored: StoredObject) -> str:
    """Key and ETag: what reading the same bytes again needs."""
    return json.dumps([stored.key, stored.etag], ensure_ascii=False, separators=(",", ":"))

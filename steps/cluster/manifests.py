"""Manifests and facts as ConfigMaps of the system namespace: how they travel between pods.

Called by `steps.manifest_store` on a cluster. A manifest is immutable and named by its digest, so that it exists
already means that it is stored. It belongs to the workflows that need it, until the controller adopts it for a model.
"""

import base64
import binascii
import gzip
from typing import Any, Final, Literal

from crds.labels import MANIFEST, PART_OF, PRODUCT
from steps.cluster.api import ClusterApi, open_api
from steps.cluster.pod import owner_references, system_namespace
from steps.cluster.refusals import ConflictError
from steps.cluster.resource_types import CONFIG_MAP
from steps.errors import IntegrityError, NotFoundError, UnsupportedError

Object = dict[str, Any]
Content = Literal["manifest", "facts"]

LARGEST: Final = (1 << 20) - (16 << 10)
"""A ConfigMap holds 1 MiB of data; the rest is for its keys and the digest."""
_ATTEMPTS = 10


def config_map_name(content: Content, digest: str) -> str:
    """Such as `manifest-0123456789ab`."""
    return f"{content}-{digest[:12]}"


def save(content: Content, digest: str, text: bytes, file_count: int = 0) -> None:
    """Store a manifest's JSON under its digest, or the facts parsed from it.

    Args:
        content: Which of the two.
        digest: Of the manifest.
        text: The JSON.
        file_count: Of the manifest, for the message when it is too large; 0 says nothing of files.

    Raises:
        UnsupportedError: when it is too large for a ConfigMap, with the numbers.
        OmeError: of the class that fits, when the API server refuses.
    """
    body = _config_map(content, digest, packed(content, digest, text, file_count))
    api = open_api()
    for _ in range(_ATTEMPTS):
        try:
            api.create(CONFIG_MAP, body)
            return
        except ConflictError:
            pass
        try:
            if _keep(api, body):
                return
        except ConflictError:
            continue
    raise ConflictError(f"ConfigMap {body['metadata']['name']} is written by others again and again")


def exists(content: Content, digest: str) -> bool:
    """Whether it is stored."""
    found = open_api().find(CONFIG_MAP, config_map_name(content, digest), system_namespace())
    return found is not None and (found.get("data") or {}).get("digest") == digest


def manifest_uid(digest: str) -> str:
    """What the API server calls a stored manifest: known only to those who may read it.

    Raises:
        NotFoundError: when there is none.
        OmeError: of the class that fits, when the API server refuses.
    """
    return str(_find("manifest", digest, open_api(), system_namespace())["metadata"]["uid"])


def load(content: Content, digest: str, *, api: ClusterApi | None = None, namespace: str = "") -> bytes:
    """What was stored.

    Args:
        content: Which of the two.
        digest: Of the manifest.
        api: Of a cluster that this does not run in; None for the pod's own.
        namespace: The system namespace there; "" for the pod's own.

    Raises:
        NotFoundError: when there is none.
        IntegrityError: when it is of another manifest, or damaged.
    """
    name, namespace = config_map_name(content, digest), namespace or system_namespace()
    found = _find(content, digest, api or open_api(), namespace)
    if (found.get("data") or {}).get("digest") != digest:
        raise IntegrityError(
            f"ConfigMap {namespace}/{name} is not of the manifest {digest}",
            remedy=f"Delete it and import again: {name}.",
        )
    try:
        return gzip.decompress(base64.b64decode(found["binaryData"][_key(content)], validate=True))
    except (KeyError, binascii.Error, gzip.BadGzipFile, EOFError, ValueError):
        raise IntegrityError(
            f"ConfigMap {namespace}/{name} cannot be read: {_key(content)} is missing or damaged",
            remedy="Delete it and import the model again.",
        ) from None


def _find(content: Content, digest: str, api: ClusterApi, namespace: str) -> Object:
    name = config_map_name(content, digest)
    found = api.find(CONFIG_MAP, name, namespace)
    if found is None:
        raise NotFoundError(
            f"ConfigMap {namespace}/{name}, which holds the {content} {digest[:12]}, does not exist",
            remedy="Import the model again.",
        )
    return found


def packed(content: Content, digest: str, text: bytes, file_count: int = 0) -> bytes:
    """The content as a ConfigMap holds it.

    Raises:
        UnsupportedError: when it is too large for one, with the numbers.
    """
    made = gzip.compress(text, mtime=0)
    if len(made) > LARGEST:
        files = f" of {file_count} files" if file_count else ""
        raise UnsupportedError(
            f"the {content} {digest[:12]}{files} has {len(made)} bytes compressed, and a ConfigMap holds {LARGEST}",
            remedy="Import fewer files: allow_patterns and ignore_patterns choose among them.",
        )
    return made


def _config_map(content: Content, digest: str, made: bytes) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": config_map_name(content, digest),
            "namespace": system_namespace(),
            "labels": {PART_OF: PRODUCT, MANIFEST: digest[:12]},
            "ownerReferences": owner_references(),
        },
        # A newer version may parse more out of the same manifest, so facts can be renewed.
        "immutable": content == "manifest",
        "data": {"digest": digest},
        "binaryData": {_key(content): base64.b64encode(made).decode()},
    }


def _keep(api: ClusterApi, wanted: Object) -> bool:
    """See that what exists already is as wanted and outlives this workflow; False when it has just gone.

    One without owners belongs to a model; one with owners goes with the last of them, so this workflow joins them.

    Raises:
        ConflictError: when another writer was first.
        IntegrityError: when the name is taken by another manifest.
    """
    metadata = wanted["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    found = api.find(CONFIG_MAP, name, namespace)
    if found is None:
        return False
    if (found.get("data") or {}).get("digest") != wanted["data"]["digest"]:
        raise IntegrityError(
            f"ConfigMap {namespace}/{name} is not of the manifest {wanted['data']['digest']}",
            remedy="Delete it and import the model again.",
        )
    patch: Object = {}
    if not wanted["immutable"] and found.get("binaryData") != wanted["binaryData"]:
        patch["binaryData"] = wanted["binaryData"]
    owners = found["metadata"].get("ownerReferences") or []
    known = {owner.get("uid") for owner in owners}
    joining = [owner for owner in metadata["ownerReferences"] if owner["uid"] not in known]
    if owners and joining:
        patch["metadata"] = {"ownerReferences": [*owners, *joining]}
    if patch:
        version = {"resourceVersion": found["metadata"]["resourceVersion"]}
        api.patch(CONFIG_MAP, name, namespace, patch | {"metadata": patch.get("metadata", {}) | version})
    return True


def _key(content: Content) -> str:
    return f"{content}.json.gz"

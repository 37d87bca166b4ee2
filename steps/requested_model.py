"""The model's resource as a run of `import-model` asks for it: from the run's inputs only.

Pure. On a cluster `steps.publish_model` creates it, or changes what the run asks otherwise; the controller then fills
in the facts and writes the status.
"""

from pathlib import Path
from typing import Any

from crds.metadata import API_VERSION
from crds.pickle_policy import UnsafePickles
from crds.signature_policy import signature_parameters
from crds.storage_uri import HubUri, StorageUriError, parse_storage_uri, with_revision
from steps.errors import InvalidInputError
from steps.frozen import Frozen
from steps.model_owner import ModelOwner, default_folder
from steps.resources import Resource

HOSTNAME = "kubernetes.io/hostname"


class ModelRequest(Frozen):
    """What a run was asked to import.

    Attributes:
        uri: Storage URI, with or without a revision.
        revision: Branch, tag or commit given apart from it.
        allow_patterns, ignore_patterns: Which files.
        path: Folder that holds the files.
        models_root: The folder of nodes that holds models.
        source_parameters: How to reach the source.
        secret, secret_key: Secret with the source's token or keys; an empty key is the default one.
        unsafe_pickles: What becomes of pickles that run code when they are loaded.
        signed_by, signature: Who must have signed it, in PEM, and the file that the signature is in.
        manifest_digest: That the manifest must have; "" for any.
        nodes: Names of nodes; an empty name means any.
    """

    uri: str
    revision: str = ""
    allow_patterns: tuple[str, ...] = ()
    ignore_patterns: tuple[str, ...] = ()
    path: str = ""
    models_root: str
    source_parameters: dict[str, str] = {}
    secret: str = ""
    secret_key: str = ""
    unsafe_pickles: UnsafePickles = "refuse"
    signed_by: str = ""
    signature: str = ""
    manifest_digest: str = ""
    nodes: tuple[str, ...] = ()


def requested_model(owner: ModelOwner, request: ModelRequest) -> Resource:
    """A new resource that asks for what the run was asked: its import would be the same run.

    Raises:
        InvalidInputError: when the URI is not one, or names another revision.
    """
    storage: dict[str, Any] = {"storageUri": requested_uri(request.uri, request.revision)}
    if request.path and Path(request.path) != default_folder(Path(request.models_root), owner):
        storage["path"] = request.path
    if request.secret:
        storage["key"] = request.secret
        if request.secret_key not in ("", "token"):
            storage["parameters"] = {"secretKey": request.secret_key}
    storage |= _patterns(request) | _parameters(request, storage)
    names = [name for name in request.nodes if name]
    if names and len(names) == len(request.nodes):
        expression = {"key": HOSTNAME, "operator": "In", "values": names}
        terms = [{"matchExpressions": [expression]}]
        storage["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    metadata = {"name": owner.name} | ({"namespace": owner.namespace} if owner.namespace else {})
    return {"apiVersion": API_VERSION, "kind": owner.kind, "metadata": metadata, "spec": {"storage": storage}}


def with_request(model: Resource, request: ModelRequest) -> Resource:
    """A resource that is there, asking for what the run was asked; the same object when it does already.

    Only the URI, the patterns and the parameters that the run gives are changed: all else is its author's.
    """
    spec = dict(model.get("spec") or {})
    storage = dict(spec.get("storage") or {})
    wanted = {"storageUri": requested_uri(request.uri, request.revision)} | _patterns(request)
    wanted |= _parameters(request, storage)
    if _uri(str(storage.get("storageUri") or "")) == wanted["storageUri"]:
        wanted["storageUri"] = storage["storageUri"]
    if (model.get("metadata") or {}).get("deletionTimestamp") or all(storage.get(k) == v for k, v in wanted.items()):
        return model
    return {**model, "spec": {**spec, "storage": storage | wanted}}


def requested_uri(uri: str, revision: str) -> str:
    """The storage URI with a revision that was given apart from it.

    Raises:
        InvalidInputError: when it is not a URI, or names another revision.
    """
    try:
        parsed = parse_storage_uri(uri)
        if revision and isinstance(parsed, HubUri):
            parsed = with_revision(parsed, revision)
    except StorageUriError as error:
        remedy = f"Accepted: {error.accepted}." if error.accepted else ""
        raise InvalidInputError(f"uri: {error.message}", remedy=remedy) from None
    return str(parsed)


def _uri(uri: str) -> str:
    try:
        return str(parse_storage_uri(uri))
    except StorageUriError:
        return uri


def _parameters(request: ModelRequest, storage: dict[str, Any]) -> dict[str, Any]:
    """`parameters` with those that the run gives, when it gives any."""
    given = dict(request.source_parameters)
    if request.unsafe_pickles == "allow":
        given["unsafePickles"] = "allow"
    given |= signature_parameters(request.signed_by, request.signature)
    if request.manifest_digest:
        given["manifestDigest"] = request.manifest_digest
    return {"parameters": {**(storage.get("parameters") or {}), **given}} if given else {}


def _patterns(request: ModelRequest) -> dict[str, Any]:
    given = {"allowPatterns": request.allow_patterns, "ignorePatterns": request.ignore_patterns}
    return {field: list(patterns) for field, patterns in given.items() if patterns}

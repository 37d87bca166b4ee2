"""What a model's spec asks for: the files, where they go, and the import run that brings them.

Two digests: `files` names what is wanted on nodes, and who must have signed it; `inputs` also counts the Secret's
version and `ome.io/retry`, which make a failed import worth trying again but do not make cached files stale. The copy
of a tenant's Secret comes and goes with the runs: its version is a digest of its own there, which the newest run
remembers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from posixpath import join, normpath
from typing import Any, Final

from pydantic import ValidationError

from controller.actions import Object
from controller.observed import Context
from controller.plans.naming import digest_of, run_name
from crds.distribution import Distribution
from crds.labels import INPUTS, ModelKind, config_map_key, node_label, node_label_by_uid
from crds.model import object_or_json_text
from crds.pickle_policy import UnsafePickles
from crds.problems import FieldError
from crds.signature_policy import DEFAULT_SIGNATURE, signature_parameters, signer_digest
from crds.storage import SOURCE_PARAMETERS, StorageSpec
from crds.storage_uri import StorageUriError

RETRY: Final = "ome.io/retry"
_DEFAULT_KEY = "token"
_REFUSE: Final = "refuse"
_DASHES: Final = 2
"""In the inputs of a model with a copied Secret: digests of files, attempt, version of the copy."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a model asks for.

    Attributes:
        uri: As it is written.
        scheme: Of the URI.
        path: `spec.storage.path`; "" for the default.
        folder: The folder on nodes.
        files: Digest of what is wanted on nodes.
        first_files: The same before `OnChange` took a newer revision.
        inputs: Digests of all that an attempt depends on, `files` before the first dash.
        source_parameters: What of `parameters` says how to reach the source.
        min_ready: `spec.minReadyNodes`; None for all.
        unsafe_pickles: Whether pickles that run code when they are loaded are taken.
        distribution: How the bytes come to several nodes.
        signer: `sha256:` of the PEM of who must have signed it; "" for nobody.
        storage: The whole of `spec.storage`.
        followed: The newer revision that nodes are to have since `OnChange` took it; "" for that of the first import.
        followed_digest: Of the manifest of that revision.
        question: Digest of what a look at the source asks for: the URI, the patterns, how it is reached.
        source: `status.source` where it answers that; {} otherwise.
        tokens_in_clear: Keys of `parameters` that hold a secret.
    """

    kind: ModelKind
    namespace: str
    name: str
    uid: str
    uri: str
    scheme: str
    path: str
    folder: str
    allow: tuple[str, ...]
    ignore: tuple[str, ...]
    source_parameters: Mapping[str, str]
    secret: str
    secret_key: str
    files: str
    first_files: str
    inputs: str
    min_ready: int | None
    unsafe_pickles: UnsafePickles
    distribution: Distribution
    signer: str
    storage: StorageSpec
    tokens_in_clear: tuple[str, ...] = ()
    followed: str = ""
    followed_digest: str = ""
    question: str = ""
    source: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def label(self) -> str:
        """The label on nodes that have it."""
        return node_label(self.kind, self.namespace, self.name)

    @property
    def uid_label(self) -> str:
        """The same, as OME's documentation has it."""
        return node_label_by_uid(self.uid)

    @property
    def key(self) -> str:
        """Its key in the ConfigMaps of nodes."""
        return config_map_key(self.kind, self.namespace, self.name)

    @property
    def copied_secret(self) -> str:
        """The copy of a tenant's Secret in the system namespace, where pods can have it."""
        return copied_secret(self.name, self.uid)

    @property
    def seen_secret(self) -> str:
        """The Secret of the system namespace that pods read: the named one, or the copy of a tenant's."""
        return self.copied_secret if self.namespace else self.secret

    def arguments(self, nodes: tuple[str, ...], revision: str) -> dict[str, str]:
        """Arguments of import-model that differ from its defaults."""
        made = {"uri": self.uri, "name": self.name, "scope": self.kind}
        made |= {"namespace": self.namespace} if self.namespace else {}
        made |= {"revision": revision} if revision else {}
        made |= {"allow_patterns": json.dumps(self.allow)} if self.allow else {}
        made |= {"ignore_patterns": json.dumps(self.ignore)} if self.ignore else {}
        made |= {"path": self.path} if self.path else {}
        made |= {"source_parameters": json.dumps(self.source_parameters)} if self.source_parameters else {}
        made |= {"secret": self.secret} if self.secret else {}
        made |= {"secret_key": self.secret_key} if self.secret and self.secret_key != _DEFAULT_KEY else {}
        digest = self.storage.manifest_digest
        made |= {"manifest_digest": digest} if digest else {}
        made |= {"unsafe_pickles": self.unsafe_pickles} if self.unsafe_pickles != _REFUSE else {}
        made |= {"distribution": self.distribution} if self.distribution != "auto" else {}
        if self.signer:
            made["signed_by"] = self.storage.parameters["signedBy"]
            made |= {"signature": self.storage.signature} if self.storage.signature != DEFAULT_SIGNATURE else {}
        return made | {"nodes": json.dumps(nodes)}

    def is_asked_by(self, arguments: Mapping[str, str], pinned: str) -> bool:
        """Whether a run with these arguments brings the same files, whatever the nodes.

        Args:
            arguments: Of the run, defaults included.
            pinned: The revision that the model is to have, or has; a run may name it.
        """
        path = arguments.get("path", "")
        return (
            arguments.get("uri", "") == self.uri
            and arguments.get("revision", "") in {"", pinned}
            and _patterns(arguments.get("allow_patterns", "")) == self.allow
            and _patterns(arguments.get("ignore_patterns", "")) == self.ignore
            and _object(arguments.get("source_parameters", "")) == self.source_parameters
            and (not path or normpath(path) == self.folder)
            and arguments.get("secret", "") in {self.secret, self.copied_secret}
            and (not self.secret or arguments.get("secret_key", _DEFAULT_KEY) == self.secret_key)
            and (arguments.get("unsafe_pickles") or _REFUSE) == self.unsafe_pickles
            and _signature(arguments) == signature_parameters(self.storage.signed_by, self.storage.signature)
            and arguments.get("manifest_digest", "").removeprefix("sha256:") == self.storage.manifest_digest
        )


def wanted_of(model: Object, context: Context) -> Wanted:
    """What a model asks for.

    Raises:
        FieldError: when its storage cannot be read.
    """
    spec, metadata = model.get("spec") or {}, model["metadata"]
    kind: ModelKind = model["kind"]
    namespace = str(metadata.get("namespace") or "") if kind == "BaseModel" else ""
    try:
        storage = StorageSpec.from_dict(spec.get("storage") or {}).require_uri("spec.storage")
        uri = storage.uri
    except StorageUriError as error:
        raise FieldError(str(error), accepted=error.accepted, field="spec.storage.storageUri") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FieldError(first["msg"], accepted="a valid StorageSpec", field=f"spec.storage.{place}") from None
    scheme = uri.scheme if uri is not None else ""
    folder = (
        normpath(storage.path) if storage.path else default_folder(context.settings.models_root, namespace, metadata)
    )
    reached = {key: value for key in SOURCE_PARAMETERS if (value := storage.parameters.get(key))}
    question = digest_of(
        [metadata.get("uid"), storage.storage_uri, storage.allow_patterns, storage.ignore_patterns, reached]
    )
    source = _source(model, storage, question)
    followed = str(source.get("followed") or "")
    named: list[Any] = [
        metadata.get("uid"), storage.storage_uri, folder, storage.allow_patterns, storage.ignore_patterns,
    ]  # fmt: skip
    named += [reached] if reached else []
    named += [[storage.signed_by, storage.signature]] if storage.signed_by else []
    pinned = [f"manifest {storage.manifest_digest}"] if storage.manifest_digest else []
    files = digest_of([*named, *([f"revision {followed}"] if followed else []), *pinned])
    secret_key = storage.parameters.get("secretKey") or _DEFAULT_KEY
    name, uid = str(metadata["name"]), str(metadata.get("uid") or "")
    seen = copied_secret(name, uid) if namespace else storage.key
    secret = _secret(context, seen) if storage.key else None
    version = ((secret or {}).get("metadata") or {}).get("resourceVersion")
    retry = (metadata.get("annotations") or {}).get(RETRY, "")
    is_copied = bool(namespace and storage.key)
    asked = [storage.key, secret_key, None if is_copied else version, retry, storage.parameters.get("token")]
    attempt = digest_of(asked + [part for part in (storage.unsafe_pickles,) if part != _REFUSE])
    inputs = f"{files}-{attempt}"
    if is_copied:
        inputs += f"-{digest_of([version]) if version else _last_copy(model, namespace, context)}"
    return Wanted(
        kind=kind,
        namespace=namespace,
        name=name,
        uid=uid,
        uri=storage.storage_uri,
        scheme=scheme,
        path=storage.path,
        folder=folder,
        allow=storage.allow_patterns,
        ignore=storage.ignore_patterns,
        source_parameters=reached,
        secret=storage.key,
        secret_key=secret_key,
        files=files,
        first_files=digest_of([*named, *pinned]),
        inputs=inputs,
        min_ready=_whole(spec.get("minReadyNodes")),
        unsafe_pickles=storage.unsafe_pickles,
        distribution=storage.distribution,
        signer=signer_digest(storage.signed_by),
        storage=storage,
        tokens_in_clear=tuple(problem.path for problem in storage.notices() if "clear" in problem.message),
        followed=followed,
        followed_digest=str(source.get("followedDigest") or "") if followed else "",
        question=question,
        source=source,
    )


def _source(model: Object, storage: StorageSpec, question: str) -> Object:
    """What is remembered of looks at a model's source; {} when they asked for other files, or none newer can come."""
    found: Object = (model.get("status") or {}).get("source") or {}
    return found if found.get("question") == question and not storage.names_one_revision else {}


def configuration_mistake(model: Object) -> str:
    """What is wrong with `spec.modelConfiguration`, which the API server takes as any text; "" for nothing."""
    text = (model.get("spec") or {}).get("modelConfiguration")
    try:
        object_or_json_text(text or None)
    except FieldError as error:
        return f"spec.modelConfiguration: {error}"
    return ""


def default_folder(root: str, namespace: str, metadata: Mapping[str, Any]) -> str:
    """Where a model's files go when its spec does not say."""
    return join(root, namespace, str(metadata["name"])) if namespace else join(root, str(metadata["name"]))


def lacks_secret(wanted: Wanted, context: Context) -> bool:
    """Whether the Secret that the model names is not there; of a tenant's, whether its copy is not."""
    return bool(wanted.secret) and _secret(context, wanted.seen_secret) is None


def _last_copy(model: Object, namespace: str, context: Context) -> str:
    """Digest of the version of the copy that the newest run had: that it has gone since makes no other inputs."""
    found = context.observed.runs("import-model", model["kind"], namespace, model["metadata"]["name"])
    inputs = [str((run["metadata"].get("annotations") or {}).get(INPUTS) or "") for run in found]
    return next((text.split("-")[2] for text in reversed(inputs) if text.count("-") == _DASHES), "")


def copied_secret(name: str, uid: str) -> str:
    """The copy of the Secret that a tenant's resource names, in the system namespace."""
    return run_name("secret", name, uid, 0).removesuffix("-0")


def _secret(context: Context, name: str) -> Object | None:
    return context.observed.get("Secret", context.settings.namespace, name)


def _patterns(text: str) -> tuple[str, ...]:
    try:
        found = json.loads(text) if text else []
    except ValueError:
        return (text,)
    return tuple(str(item) for item in found) if isinstance(found, list) else (text,)


def _object(text: str) -> dict[str, str]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {"": text}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {"": text}


def _signature(arguments: Mapping[str, str]) -> dict[str, str]:
    """What a run asks of signatures, in the words of a model's parameters."""
    signed_by = arguments.get("signed_by", "").strip()
    return signature_parameters(signed_by and f"{signed_by}\n", arguments.get("signature", ""))


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

"""StorageSpec: where a model, an adapter or results are, and where they go on a node, in both of OME's spellings."""

import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from crds.base import ApiType
from crds.distribution import Distribution
from crds.kubernetes import NodeAffinity
from crds.pickle_policy import UnsafePickles
from crds.problems import FieldError, Problem, did_you_mean, shown
from crds.signature_policy import DEFAULT_SIGNATURE, checked_signer
from crds.storage_uri import HubUri, StorageUri, StorageUriError, parse_storage_uri, with_revision

DownloadPolicy = Literal["AlwaysDownload", "ReuseIfExists"]
RevisionPolicy = Literal["IfNotPresent", "OnChange"]

MANIFEST_DIGEST = r"(sha256:)?[0-9a-f]{64}"
MANIFEST_DIGESTS = "64 hexadecimal digits, with or without sha256: before them"
_FIXED = re.compile(r"^hf://[^@]+@[0-9a-f]{40}$|^oci://.+@sha256:[0-9a-f]{64}$")

PARAMETERS = (
    "auth", "region", "secretKey", "token", "config_file", "profile", "security_token", "endpoint",
    "aws_access_key_id", "aws_secret_access_key", "aws_profile", "aws_region",
    "azure_account_name", "azure_account_key", "azure_connection_string", "azure_sas_token",
    "gcp_project_id", "gcp_credentials_path", "github_token", "ociUri", "unsafePickles", "distribution",
    "signedBy", "signature", "manifestDigest", "partSize",
)  # fmt: skip
"""Keys of `parameters` that something reads."""

SOURCE_PARAMETERS = ("auth", "endpoint", "ociUri", "partSize", "region")
"""Those that say how to reach a model's source, and which it is; none is a secret."""

_IN_CLEAR = (
    "token", "security_token", "aws_secret_access_key", "azure_account_key", "azure_connection_string",
    "azure_sas_token", "github_token",
)  # fmt: skip


DOWNLOAD_POLICY_HAS_NO_EFFECT = (
    '"AlwaysDownload" has no effect: a file that a node has is verified by its digest and never fetched again, '
    "whichever model brought it; leave it out"
)


def checked_path(path: str) -> str:
    """A folder on a node: absolute, without `..`.

    Raises:
        FieldError: names the value.
    """
    accepted = 'an absolute path without "..", such as /mnt/models/llama'
    if not path.startswith("/"):
        raise FieldError(f"{shown(path)} is not absolute", accepted=accepted)
    if ".." in path.split("/"):
        raise FieldError(f'{shown(path)} has ".." in it', accepted=accepted)
    if any(not character.isprintable() for character in path):
        raise FieldError(f"{shown(path)} has a control character", accepted=accepted)
    return path


def _checked_uri(uri: str) -> str:
    parse_storage_uri(uri)
    return uri


def _checked_pattern(pattern: str) -> str:
    if not pattern.strip():
        raise FieldError(f"{shown(pattern)} is empty", accepted='a file pattern such as "*.safetensors"')
    return pattern


Pattern = Annotated[str, Field(max_length=1024), AfterValidator(_checked_pattern)]
Parameter = Annotated[str, Field(max_length=8192)]
SecretName = Annotated[str, Field(max_length=253)]


class StorageSpec(ApiType):
    """Where something is stored.

    Attributes:
        storage_uri: See `crds.storage_uri`; "" when not given.
        path: Folder on the node; "" for the default under the models root.
        schema_path: OME's; nothing reads it.
        parameters: By OME's keys; OME's documented `auth_type` is read as `auth`, and `revision` as the URI's.
        key: Name of the Secret with the credentials; OME's documentation calls it `storageKey`.
        download_policy: OME's; files are kept once on a node, as ReuseIfExists asks, whatever it says.
        revision_policy: What follows when the URI names another revision than it did at the import: with IfNotPresent,
            which None is too, a condition that says so; with OnChange an import of that revision.
        allow_patterns: Files to take, as in huggingface_hub; empty for all.
        ignore_patterns: Files to leave out, as in huggingface_hub.
    """

    storage_uri: Annotated[
        str, Field(max_length=2048), AfterValidator(lambda uri: _checked_uri(uri) if uri else uri)
    ] = ""
    path: Annotated[str, Field(max_length=4096), AfterValidator(lambda path: checked_path(path) if path else path)] = (
        ""
    )
    schema_path: str = ""
    parameters: dict[str, Parameter] = Field(default={}, max_length=64)
    key: SecretName = ""
    node_selector: dict[str, str] = {}
    node_affinity: NodeAffinity | None = None
    download_policy: DownloadPolicy | None = Field(default=None)
    revision_policy: RevisionPolicy | None = Field(default=None)
    allow_patterns: tuple[Pattern, ...] = Field(default=(), max_length=256)
    ignore_patterns: tuple[Pattern, ...] = Field(default=(), max_length=256)

    @property
    def uri(self) -> StorageUri | None:
        """The parsed URI, or None when there is none."""
        return parse_storage_uri(self.storage_uri) if self.storage_uri else None

    @property
    def names_one_revision(self) -> bool:
        """Whether one revision is named for good, so that there is never a newer one: by commit or by a digest."""
        return bool(self.manifest_digest or _FIXED.search(self.storage_uri))

    @model_validator(mode="before")
    @classmethod
    def _read_both_spellings(cls, data: Any) -> Any:
        """OME's documentation and code differ; what is written is as OME's code reads it."""
        if not isinstance(data, dict):
            return data
        data = _renamed(data, "storageKey", "key", "")
        if isinstance(data.get("parameters"), dict):
            parameters = _renamed(data["parameters"], "auth_type", "auth", "parameters.")
            uri_name = "storageUri" if "storageUri" in data else "storage_uri"
            revision, uri = parameters.get("revision"), _parsed(data.get(uri_name))
            if isinstance(revision, str) and isinstance(uri, HubUri):
                parameters = {key: value for key, value in parameters.items() if key != "revision"}
                data = {**data, uri_name: _pinned(uri, revision)}
            data = {**data, "parameters": parameters}
            if not parameters:
                del data["parameters"]
        return data

    @field_validator("parameters")
    @classmethod
    def _know_the_policies(cls, parameters: dict[str, str]) -> dict[str, str]:
        given = parameters.get("unsafePickles", "refuse")
        if given not in get_args(UnsafePickles):
            raise FieldError(f"unsafePickles is {shown(given)}", accepted="refuse or allow")
        given = parameters.get("distribution", "auto")
        if given not in get_args(Distribution):
            raise FieldError(f"distribution is {shown(given)}", accepted="auto, swarm or direct")
        digest = parameters.get("manifestDigest")
        if digest is not None and not re.fullmatch(MANIFEST_DIGEST, digest):
            raise FieldError(f"manifestDigest {shown(digest)} is no digest of a manifest", accepted=MANIFEST_DIGESTS)
        return parameters

    @model_validator(mode="after")
    def _can_be_verified(self) -> Self:
        """A signature that nobody would verify must not look as if somebody did."""
        parameters = self.parameters
        if parameters.get("signature") and not parameters.get("signedBy"):
            raise FieldError(
                f"signature is {shown(parameters['signature'])}, and nothing says whose it must be",
                accepted="parameters.signedBy too, or neither",
                field="parameters",
            )
        if not parameters.get("signedBy"):
            return self
        try:
            checked_signer(parameters["signedBy"])
        except FieldError as error:
            raise FieldError(f"signedBy {error.message}", accepted=error.accepted, field="parameters") from None
        scheme = self.uri.scheme if self.uri is not None else ""
        if scheme == "vendor" or (scheme == "pvc" and not self.path):
            raise FieldError(
                f"signedBy is given, and files of {scheme}:// are not read when a model is imported",
                accepted="a source whose files are cached on nodes",
                field="parameters",
            )
        return self

    @property
    def signed_by(self) -> str:
        """Who must have signed the files, in PEM; "" where nobody need have."""
        given = self.parameters.get("signedBy", "")
        return checked_signer(given) if given else ""

    @property
    def signature(self) -> str:
        """The file of the model that its signature is in."""
        return self.parameters.get("signature") or DEFAULT_SIGNATURE

    @property
    def manifest_digest(self) -> str:
        """Of the manifest that the source must resolve to, 64 hexadecimal digits; "" for any."""
        return self.parameters.get("manifestDigest", "").removeprefix("sha256:")

    @property
    def unsafe_pickles(self) -> UnsafePickles:
        """What becomes of a model with pickles that run code when they are loaded."""
        return "allow" if self.parameters.get("unsafePickles") == "allow" else "refuse"

    @property
    def distribution(self) -> Distribution:
        """How the bytes come to several nodes."""
        given = self.parameters.get("distribution")
        return "swarm" if given == "swarm" else "direct" if given == "direct" else "auto"

    def require_uri(self, field: str) -> Self:
        """This, when it has a URI.

        Raises:
            FieldError: for `field`.
        """
        if not self.storage_uri:
            raise FieldError("is missing", accepted="a storage URI such as hf://org/name", field=f"{field}.storageUri")
        return self

    def notices(self) -> tuple[Problem, ...]:
        """Secrets in clear text, and keys that nothing reads."""
        found = []
        if self.download_policy == "AlwaysDownload":
            found.append(Problem("downloadPolicy", DOWNLOAD_POLICY_HAS_NO_EFFECT, kind="notice"))
        for key in self.parameters:
            path = f"parameters.{key}"
            if key in _IN_CLEAR:
                message = "is a secret in clear text, which everybody who may read this object can read"
                found.append(Problem(path, message, "a Secret, named in key", kind="notice"))
            elif key not in PARAMETERS:
                guess = did_you_mean(key, PARAMETERS)
                message = f"nothing reads {shown(key)}" + (f'; did you mean "{guess}"?' if guess else "")
                found.append(Problem(path, message, kind="notice"))
        return tuple(found)


def _renamed(data: dict[str, Any], documented: str, real: str, prefix: str) -> dict[str, Any]:
    if data.get(documented) is None or data.get(real) == data[documented]:
        return {name: value for name, value in data.items() if name != documented}
    if data.get(real) is not None:
        raise FieldError(
            f"{shown(data[documented], documented)} conflicts with {prefix}{real} {shown(data[real], real)}",
            accepted=f"one of {prefix}{real} and {prefix}{documented}, which mean the same",
            field=f"{prefix}{documented}",
        )
    return {(real if name == documented else name): value for name, value in data.items()}


def _parsed(uri: Any) -> StorageUri | None:
    try:
        return parse_storage_uri(uri)
    except StorageUriError:
        return None


def _pinned(uri: HubUri, revision: str) -> str:
    try:
        return str(with_revision(uri, revision))
    except StorageUriError as error:
        raise FieldError(error.message, accepted=error.accepted, field="parameters.revision") from None

"""What a storage URI stands for: one frozen type per scheme. `crds.storage_uri` parses them; `str()` writes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

GRAMMAR: Mapping[str, str] = {
    "hf": "hf://org/name[@revision]",
    "oci": "oci://n/<namespace>/b/<bucket>/o/<prefix>, oci://<namespace>@<region>/<bucket>/<prefix> or"
    " oci://<bucket>/<prefix>; of artifacts oci://<host>[:<port>]/<repository>:<tag>",
    "s3": "s3://<bucket>[@<region>]/<prefix>",
    "gs": "gs://<bucket>/<prefix>",
    "az": "az://<account>/<container>/<prefix> or az://<account>.blob.core.windows.net/<container>/<prefix>",
    "pvc": "pvc://[<namespace>:]<claim>/<path in the volume>",
    "local": "local:///absolute/path or local://./relative/path",
    "vendor": "vendor://<vendor>/<type>/<path>",
    "github": "github://<owner>/<repository>[@<tag>]",
}
"""What is accepted, by scheme."""

PLUGGED = "x-[a-z0-9]+(-[a-z0-9]+)*"
"""A scheme that a source of another package has. It is told by its form, since the API server knows no packages."""


@dataclass(frozen=True)
class HubUri:
    """A repository of a Hugging Face hub.

    Attributes:
        repository: `org/name`, or the bare name of an old repository.
        revision: Branch, tag or commit; "" for the default branch.
    """

    scheme: ClassVar[str] = "hf"
    repository: str
    revision: str = ""

    def __str__(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")


@dataclass(frozen=True)
class OciUri:
    """Objects in OCI Object Storage.

    Attributes:
        namespace: Tenancy's namespace; "" in the form that leaves it to the credentials.
        region: "" when the URI has none: a parameter or the machine says it.
        prefix: Of the objects; "" for the whole bucket.
    """

    scheme: ClassVar[str] = "oci"
    bucket: str
    prefix: str = ""
    namespace: str = ""
    region: str = ""

    def __str__(self) -> str:
        if self.region:
            return f"oci://{self.namespace}@{self.region}/{self.bucket}/{self.prefix}"
        if self.namespace:
            return f"oci://n/{self.namespace}/b/{self.bucket}/o/{self.prefix}"
        return f"oci://{self.bucket}/{self.prefix}"


@dataclass(frozen=True)
class OciArtifactUri:
    """An OCI artifact of a container registry.

    Attributes:
        host: Of the registry, with its port where the URI has one.
        repository: Its path in the registry.
        tag: "" when a digest alone is given.
        digest: `sha256:` and 64 hexadecimal digits, which goes before the tag; "" when a tag alone is given.
    """

    scheme: ClassVar[str] = "oci"
    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag, digest = f":{self.tag}" if self.tag else "", f"@{self.digest}" if self.digest else ""
        return f"oci://{self.host}/{self.repository}{tag}{digest}"


@dataclass(frozen=True)
class S3Uri:
    """Objects in S3 or what speaks its protocol."""

    scheme: ClassVar[str] = "s3"
    bucket: str
    prefix: str = ""
    region: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}" + (f"@{self.region}" if self.region else "") + f"/{self.prefix}"


@dataclass(frozen=True)
class GcsUri:
    """Objects in Google Cloud Storage."""

    scheme: ClassVar[str] = "gs"
    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"gs://{self.bucket}/{self.prefix}"


@dataclass(frozen=True)
class AzureUri:
    """Blobs in Azure Storage."""

    scheme: ClassVar[str] = "az"
    account: str
    container: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"az://{self.account}/{self.container}/{self.prefix}"


@dataclass(frozen=True)
class PvcUri:
    """A folder in a PersistentVolumeClaim.

    Attributes:
        path: Below the volume's root, never empty.
        namespace: "" for the namespace of the object that names it.
    """

    scheme: ClassVar[str] = "pvc"
    claim: str
    path: str
    namespace: str = ""

    def __str__(self) -> str:
        return "pvc://" + (f"{self.namespace}:" if self.namespace else "") + f"{self.claim}/{self.path}"


@dataclass(frozen=True)
class LocalUri:
    """A folder of this machine or node.

    Attributes:
        path: Absolute, or relative with `./` or `../` first.
    """

    scheme: ClassVar[str] = "local"
    path: str

    def __str__(self) -> str:
        return f"local://{self.path}"


@dataclass(frozen=True)
class VendorUri:
    """A model that its vendor provides; nothing is downloaded."""

    scheme: ClassVar[str] = "vendor"
    vendor: str
    resource_type: str
    path: str

    def __str__(self) -> str:
        return f"vendor://{self.vendor}/{self.resource_type}/{self.path}"


@dataclass(frozen=True)
class GithubUri:
    """Assets of a GitHub release.

    Attributes:
        tag: Of the release; "latest" for the newest.
    """

    scheme: ClassVar[str] = "github"
    owner: str
    repository: str
    tag: str = "latest"

    def __str__(self) -> str:
        return f"github://{self.owner}/{self.repository}" + (f"@{self.tag}" if self.tag != "latest" else "")


@dataclass(frozen=True)
class PluggedUri:
    """What the source of another package reads.

    Attributes:
        scheme: Of the form `PLUGGED`.
        rest: What comes after `://`; never empty.
    """

    scheme: str
    rest: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.rest}"


StorageUri = (
    HubUri
    | OciUri
    | OciArtifactUri
    | S3Uri
    | GcsUri
    | AzureUri
    | PvcUri
    | LocalUri
    | VendorUri
    | GithubUri
    | PluggedUri
)


def stays_in_claim(model: Mapping[str, Any]) -> bool:
    """Whether a BaseModel or ClusterBaseModel is read in place: it is in a claim, and no folder of nodes is given."""
    storage = (model.get("spec") or {}).get("storage") or {}
    return str(storage.get("storageUri") or "").startswith("pvc://") and not storage.get("path")

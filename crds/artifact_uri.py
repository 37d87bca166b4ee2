"""`oci://HOST/REPOSITORY:TAG`: artifacts of container registries, which share their scheme with OCI Object Storage.

`crds.storage_uri` takes an artifact for what cannot be objects, or hardly: a host with a port, or a name with a dot
that ends in a digest. What could be either, such as `oci://ghcr.io/org/model:v1`, stays with object storage there, and
the setting of `steps.sources.oci_meaning` decides. Names are those of the OCI distribution specification.
"""

import re

from crds.storage_location import OciArtifactUri

ARTIFACT_GRAMMAR = "oci://<host>[:<port>]/<repository>:<tag> or oci://<host>[:<port>]/<repository>@sha256:<64 digits>"

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(\.{_LABEL})*"
_PORT = r":([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"{_PART}(/{_PART})*"
_TAG = r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"@sha256:[0-9a-f]{64}"

ARTIFACT_WITH_PORT = rf"^oci://{_HOST}{_PORT}/{_REPOSITORY}({_TAG}({_DIGEST})?|{_DIGEST})$"
"""In the words that Python and the API server's rules share."""

_ARTIFACT = re.compile(
    rf"oci://(?P<host>{_HOST}(?P<port>{_PORT})?)/(?P<repository>{_REPOSITORY})"
    rf"(?P<tag>{_TAG})?(?P<digest>{_DIGEST})?"
)


def artifact_of(uri: str) -> OciArtifactUri | None:
    """The artifact that a URI names where `oci://` means artifacts; None when it is no URI of one."""
    found = _ARTIFACT.fullmatch(uri)
    if found is None or not (found["tag"] or found["digest"]):
        return None
    tag, digest = (found["tag"] or "").removeprefix(":"), (found["digest"] or "").removeprefix("@")
    return OciArtifactUri(found["host"], found["repository"], tag, digest)


def artifact_alone(uri: str) -> OciArtifactUri | None:
    """The same where nothing but an artifact can be meant; None when it may be objects."""
    artifact = artifact_of(uri)
    if artifact is None:
        return None
    has_port, has_dot = ":" in artifact.host, "." in artifact.host
    return artifact if has_port or (has_dot and artifact.digest) else None

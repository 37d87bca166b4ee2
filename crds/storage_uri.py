"""Storage URIs: where a model comes from and where results go. Every scheme's grammar is here, and nowhere else.

`parse_storage_uri` gives one frozen type per scheme; `str()` of it is a URI that parses to the same value. Parts are
taken literally: no percent-decoding, as in OME.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from crds.artifact_uri import artifact_alone
from crds.metadata import checked_label, checked_subdomain
from crds.problems import FieldError, did_you_mean, shown
from crds.storage_location import (
    GRAMMAR,
    PLUGGED,
    AzureUri,
    GcsUri,
    GithubUri,
    HubUri,
    LocalUri,
    OciArtifactUri,
    OciUri,
    PluggedUri,
    PvcUri,
    S3Uri,
    StorageUri,
    VendorUri,
)

__all__ = [
    "GRAMMAR",
    "AzureUri",
    "GcsUri",
    "GithubUri",
    "HubUri",
    "LocalUri",
    "OciArtifactUri",
    "OciUri",
    "PluggedUri",
    "PvcUri",
    "S3Uri",
    "StorageUri",
    "StorageUriError",
    "VendorUri",
    "parse_storage_uri",
    "with_revision",
]

_AZURE_SUFFIX = ".blob.core.windows.net"
_HUB_NAME = re.compile(r"\w([\w.-]{0,94}\w)?", re.ASCII)
_BUCKET = re.compile(r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9_])?", re.ASCII)
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_AZURE_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_AZURE_CONTAINER = re.compile(r"[$a-z0-9][a-z0-9-]*")
_PLUGGED = re.compile(PLUGGED)
_PASSWORD = re.compile(r"//[^/@]*:[^/@]*@")


class StorageUriError(FieldError):
    """A storage URI breaks its grammar; the message has the URI and the part that is wrong."""

    def __init__(self, uri: str, message: str, *, accepted: str = "") -> None:
        super().__init__(f"{shown(_PASSWORD.sub('//(hidden)@', uri))} {message}", accepted=accepted)


def parse_storage_uri(uri: str) -> StorageUri:
    """The value of a storage URI.

    Raises:
        StorageUriError: says which part of which value is wrong, and the scheme's grammar.
    """
    if not isinstance(uri, str):
        raise StorageUriError(str(uri), "is not text", accepted=", ".join(GRAMMAR.values()))
    scheme, separator, rest = uri.partition("://")
    if not separator:
        raise StorageUriError(uri, f"has no scheme{_scheme_hint(uri)}", accepted=_schemes())
    if scheme not in GRAMMAR and not _PLUGGED.fullmatch(scheme):
        guess = did_you_mean(scheme, GRAMMAR)
        hint = f'; did you mean "{guess}://"?' if guess else ""
        raise StorageUriError(uri, f'has the scheme "{scheme}", which is unknown{hint}', accepted=_schemes())
    if _PASSWORD.search(uri):
        raise _wrong(uri, scheme, "has a user and a password in it; name a Secret instead")
    if any(not character.isprintable() for character in uri):
        raise _wrong(uri, scheme, "has a control character")
    if uri != uri.strip() or rest != rest.strip():
        raise _wrong(uri, scheme, "has a blank at its start or end")
    return _PARSERS[scheme](uri, rest) if scheme in _PARSERS else _parse_plugged(uri, scheme, rest)


def with_revision(uri: HubUri, revision: str) -> HubUri:
    """The same repository at a revision that was given apart from the URI.

    Raises:
        StorageUriError: when the URI names another one, or the revision is malformed.
    """
    if uri.revision and uri.revision != revision:
        raise StorageUriError(
            str(uri), f'conflicts with the revision "{revision}"', accepted="one of the two, or the same in both"
        )
    _check_revision(str(uri), revision)
    return replace(uri, revision=revision)


def _schemes() -> str:
    return ", ".join(f"{scheme}://" for scheme in GRAMMAR)


def _scheme_hint(uri: str) -> str:
    if uri.startswith("/"):
        return f"; did you mean {shown('local://' + uri)}?"
    if re.fullmatch(r"[\w.-]+/[\w.-]+(@\S+)?", uri):
        return f"; did you mean {shown('hf://' + uri)}?"
    return ""


def _wrong(uri: str, scheme: str, message: str) -> StorageUriError:
    return StorageUriError(uri, message, accepted=GRAMMAR.get(scheme, f"{scheme}://<what its source reads>"))


def _checked(uri: str, scheme: str, part: str, value: str, pattern: re.Pattern[str]) -> str:
    if not value:
        raise _wrong(uri, scheme, f"has no {part}")
    if not pattern.fullmatch(value):
        raise _wrong(uri, scheme, f'has the {part} "{value}", which is not valid')
    return value


def _check_revision(uri: str, revision: str) -> None:
    if not revision:
        raise _wrong(uri, "hf", "has an empty revision after @")
    parts = revision.split("/")
    if re.search(r"[\s~^:?*\[\\@]", revision) or any(part in ("", ".", "..") for part in parts):
        raise _wrong(uri, "hf", f'has the revision "{revision}", which is no branch, tag or commit')


def _parse_hub(uri: str, rest: str) -> HubUri:
    repository, at, revision = rest.partition("@")
    if at:
        _check_revision(uri, revision)
    parts = repository.split("/")
    if len(parts) > 2:
        raise _wrong(uri, "hf", f"names {len(parts)} path parts where a repository has two")
    for label, part in zip(("organisation", "repository name")[-len(parts) :], parts, strict=True):
        _checked(uri, "hf", label, part, _HUB_NAME)
        if ".." in part or "--" in part:
            raise _wrong(uri, "hf", f'has the {label} "{part}": ".." and "--" are not allowed')
    return HubUri(repository, revision)


def _parse_oci(uri: str, rest: str) -> OciUri | OciArtifactUri:
    parts = rest.split("/")
    if parts[0] == "n":
        return _parse_strict_oci(uri, parts)
    if artifact := artifact_alone(uri):
        return artifact
    head, _, prefix = rest.partition("/")
    if "@" not in head:
        return OciUri(_checked(uri, "oci", "bucket", head, _BUCKET), prefix)
    namespace, _, region = head.partition("@")
    bucket, _, prefix = prefix.partition("/")
    return OciUri(
        bucket=_checked(uri, "oci", "bucket", bucket, _BUCKET),
        prefix=prefix,
        namespace=_checked(uri, "oci", "namespace", namespace, _BUCKET),
        region=_checked(uri, "oci", "region", region, _REGION),
    )


def _parse_strict_oci(uri: str, parts: list[str]) -> OciUri:
    for index, letter, meaning in ((2, "b", "bucket"), (4, "o", "objects")):
        if len(parts) > index and parts[index] != letter:
            raise _wrong(uri, "oci", f'has "{parts[index]}" where "{letter}" (for the {meaning}) is expected')
    if len(parts) < 4:
        raise _wrong(uri, "oci", f"has no {'namespace' if len(parts) < 2 else 'bucket'}")
    return OciUri(
        bucket=_checked(uri, "oci", "bucket", parts[3], _BUCKET),
        prefix="/".join(parts[5:]),
        namespace=_checked(uri, "oci", "namespace", parts[1], _BUCKET),
    )


def _parse_s3(uri: str, rest: str) -> S3Uri:
    head, _, prefix = rest.partition("/")
    bucket, at, region = head.partition("@")
    if at:
        _checked(uri, "s3", "region", region, _REGION)
    return S3Uri(_checked(uri, "s3", "bucket", bucket, _BUCKET), prefix, region)


def _parse_gcs(uri: str, rest: str) -> GcsUri:
    bucket, _, prefix = rest.partition("/")
    return GcsUri(_checked(uri, "gs", "bucket", bucket, _BUCKET), prefix)


def _parse_azure(uri: str, rest: str) -> AzureUri:
    account, _, path = rest.partition("/")
    container, _, prefix = path.partition("/")
    return AzureUri(
        account=_checked(uri, "az", "account", account.removesuffix(_AZURE_SUFFIX), _AZURE_ACCOUNT),
        container=_checked(uri, "az", "container", container, _AZURE_CONTAINER),
        prefix=prefix,
    )


def _parse_pvc(uri: str, rest: str) -> PvcUri:
    head, _, path = rest.partition("/")
    namespace, colon, claim = head.rpartition(":")
    if colon and not namespace:
        raise _wrong(uri, "pvc", "has an empty namespace before the colon")
    if ":" in namespace:
        raise _wrong(uri, "pvc", "has more than one colon before the path")
    if not claim:
        raise _wrong(uri, "pvc", "has no claim" + (" after the colon" if colon else ""))
    try:
        if namespace:
            checked_label(namespace)
        checked_subdomain(claim)
    except FieldError as error:
        raise StorageUriError(
            uri, f"has a claim or namespace of which {error.message}", accepted=error.accepted
        ) from None
    if not path.strip("/"):
        raise _wrong(uri, "pvc", "has no path in the volume")
    if path.startswith("/") or ".." in path.split("/"):
        raise _wrong(uri, "pvc", f'has the path "{path}", which leaves the volume or starts with a slash')
    return PvcUri(claim, path, namespace)


def _parse_local(uri: str, rest: str) -> LocalUri:
    if not rest:
        raise _wrong(uri, "local", "has no path")
    if not rest.startswith(("/", "./", "../")):
        raise _wrong(uri, "local", f'has the path "{rest}", which is neither absolute nor starts with "./"')
    return LocalUri(rest)


def _parse_vendor(uri: str, rest: str) -> VendorUri:
    parts = rest.split("/", 2) + ["", ""]
    for label, part in zip(("vendor", "type", "path"), parts, strict=False):
        if not part:
            raise _wrong(uri, "vendor", f"has no {label}")
    return VendorUri(parts[0], parts[1], parts[2])


def _parse_github(uri: str, rest: str) -> GithubUri:
    path, at, tag = rest.partition("@")
    owner, _, repository = path.partition("/")
    _checked(uri, "github", "owner", owner, _HUB_NAME)
    _checked(uri, "github", "repository", repository, re.compile(r"[\w.-]+", re.ASCII))
    if repository in (".", ".."):
        raise _wrong(uri, "github", f'has the repository "{repository}", which is not valid')
    if at and (not tag or re.search(r"\s", tag)):
        raise _wrong(uri, "github", f'has the tag "{tag}", which is empty or has a blank')
    return GithubUri(owner, repository, tag or "latest")


def _parse_plugged(uri: str, scheme: str, rest: str) -> PluggedUri:
    if not rest:
        raise _wrong(uri, scheme, "has nothing after the scheme")
    return PluggedUri(scheme, rest)


_PARSERS: Mapping[str, Callable[[str, str], StorageUri]] = {
    "hf": _parse_hub,
    "oci": _parse_oci,
    "s3": _parse_s3,
    "gs": _parse_gcs,
    "az": _parse_azure,
    "pvc": _parse_pvc,
    "local": _parse_local,
    "vendor": _parse_vendor,
    "github": _parse_github,
}

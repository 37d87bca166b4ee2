"""Where results go: a folder below a storage URI, in a store that can be written to.

`destination_of` decides, for the controller before a run and for the step after it; `open_destination` gives what puts
files there. Called by `steps.upload_report` and `controller.plans.benchmark_output`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from crds.storage_uri import AzureUri, GcsUri, OciUri, S3Uri, StorageUriError, parse_storage_uri
from steps.errors import InvalidInputError, UnsupportedError

DestinationUri = S3Uri | GcsUri | AzureUri | OciUri
ACCEPTED: Final = "s3://<bucket>/<prefix>, gs://…, az://… and oci://n/<namespace>/b/<bucket>/o/<prefix>"
_LONGEST: Final = 255
_QUOTES: Final = frozenset("'\"\\")
"""What would end the text in a condition of a workflow."""


class Destination(Protocol):
    """A prefix of a bucket, opened to be written to."""

    def put(self, path: str, content: bytes, media_type: str) -> None:
        """Store an object below the prefix, in place of one that is there.

        Raises:
            OmeError: of the class that fits, with a remedy.
        """


def destination_of(
    uri: str, folder: str, *, uri_field: str = "output_uri", folder_field: str = "result_folder"
) -> DestinationUri:
    """The folder of that name below a storage URI. Pure.

    Args:
        uri: The storage URI.
        folder: A name without slashes.
        uri_field: What errors call the URI: where its reader has written it.
        folder_field: What errors call the folder.

    Raises:
        UnsupportedError: for a scheme that results are not written to.
        InvalidInputError: for what is no storage URI, or no name of a folder.
    """
    try:
        parsed = parse_storage_uri(uri)
    except StorageUriError as error:
        remedy = f"Accepted: {error.accepted}." if error.accepted else ""
        raise InvalidInputError(f"{uri_field}: {error.message}", remedy=remedy) from None
    if not isinstance(parsed, S3Uri | GcsUri | AzureUri | OciUri):
        raise UnsupportedError(
            f'{uri_field}: "{uri}" is no place that results are written to', remedy=f"Accepted: {ACCEPTED}."
        )
    accepted = f"Accepted: a name without slashes, {_LONGEST} bytes at most, such as nightly."
    if folder in ("", ".", "..") or "/" in folder or "\\" in folder or not folder.isprintable():
        raise InvalidInputError(f'{folder_field}: "{folder}" is not a folder\'s name', remedy=accepted)
    if (size := len(folder.encode())) > _LONGEST:
        raise InvalidInputError(f'{folder_field}: "{folder[:40]}…" is {size} bytes long', remedy=accepted)
    parts = [part for part in (parsed.prefix.strip("/"), folder) if part]
    if any(part in ("", ".", "..") for part in "/".join(parts).split("/")) or set(uri) & _QUOTES:
        raise InvalidInputError(
            f'{uri_field}: "{uri}" has an empty part, ".", "..", a quotation mark or a backslash in its prefix',
            remedy=f"Accepted: {ACCEPTED}.",
        )
    return replace(parsed, prefix="/".join(parts))


def open_destination(uri: DestinationUri, parameters: Mapping[str, str]) -> Destination:
    """What puts files there, with the credentials that a model's import would read from there with.

    Args:
        uri: Of `destination_of`.
        parameters: As of `spec.outputLocation.parameters`: `auth`, `endpoint` and `region`.

    Raises:
        OmeError: when a parameter or the credentials cannot be used.
    """
    if isinstance(uri, OciUri):
        from steps.sources.oci_objects import OciSource

        return OciSource(uri, parameters)
    from steps.sources.object_store import ObjectStoreSource

    return ObjectStoreSource(uri, parameters)

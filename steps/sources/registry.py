"""Which class serves which scheme. Modules are imported when their scheme is used."""

from collections.abc import Mapping
from importlib import import_module

from crds.problems import did_you_mean
from crds.storage_uri import StorageUriError, parse_storage_uri
from steps.errors import InvalidInputError, UnsupportedError
from steps.sources.source import NO_PARAMETERS, Source

SOURCES: Mapping[str, str] = {
    "hf": "steps.sources.hub:HubSource",
    "s3": "steps.sources.object_store:ObjectStoreSource",
    "gs": "steps.sources.object_store:ObjectStoreSource",
    "az": "steps.sources.object_store:ObjectStoreSource",
    "oci": "steps.sources.oci_objects:OciSource",
    "github": "steps.sources.github:GithubSource",
    "local": "steps.sources.local:LocalSource",
}


def open_source(uri: str, parameters: Mapping[str, str] = NO_PARAMETERS) -> Source:
    """The source that a storage URI names.

    Args:
        uri: The storage URI.
        parameters: As of `spec.storage.parameters`: each source reads those it knows.

    Raises:
        InvalidInputError: when it is not a storage URI.
        UnsupportedError: when no source has its scheme; names the scheme and those there are.
    """
    scheme, separator, _ = uri.partition("://")
    if separator and scheme not in SOURCES:
        guess = did_you_mean(scheme, SOURCES)
        hint = f"; did you mean {guess}://?" if guess else ""
        raise UnsupportedError(
            f'storageUri: "{scheme}://" has no source here{hint}',
            remedy=f"Supported: {', '.join(f'{known}://' for known in SOURCES)}.",
        )
    try:
        parsed = parse_storage_uri(uri)
    except StorageUriError as error:
        remedy = f"Accepted: {error.accepted}." if error.accepted else ""
        raise InvalidInputError(f"storageUri: {error.message}", remedy=remedy) from None
    module, _, name = SOURCES[scheme].partition(":")
    source: Source = getattr(import_module(module), name)(parsed, parameters)
    return source

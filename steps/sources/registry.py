"""Which class serves which scheme. Modules are imported when their scheme is used."""

import re
from collections.abc import Mapping
from importlib import import_module

from steps.errors import InvalidInputError, UnsupportedError
from steps.sources.source import Source

SOURCES: Mapping[str, str] = {
    "hf": "steps.sources.hub:HubSource",
    "local": "steps.sources.local:LocalSource",
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_source(uri: str) -> Source:
    """The source that a storage URI names.

    Raises:
        InvalidInputError: when it is not a storage URI.
        UnsupportedError: when no source has its scheme; names the scheme and those there are.
    """
    supported = ", ".join(f"{scheme}://" for scheme in SOURCES)
    match = _SCHEME.match(uri)
    if match is None:
        raise InvalidInputError(
            f'storageUri: "{uri}" has no scheme',
            remedy=f"Give one such as hf://org/name; supported here: {supported}.",
        )
    scheme = match.group(1)
    if scheme not in SOURCES:
        raise UnsupportedError(
            f'storageUri: "{uri}" has the scheme {scheme}://, which has no source here',
            remedy=f"Supported: {supported}.",
        )
    module, _, name = SOURCES[scheme].partition(":")
    source: Source = getattr(import_module(module), name)(uri)
    return source

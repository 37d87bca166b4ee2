"""Which class serves which scheme. Modules are imported when their scheme is used.

Other packages add sources by an entry point of the group `ome_pipelines.sources`, whose name is the scheme.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from crds.problems import did_you_mean
from crds.storage_location import PLUGGED, StorageUri
from crds.storage_uri import StorageUriError, parse_storage_uri
from steps.errors import InvalidInputError, UnsupportedError
from steps.sources.source import NO_PARAMETERS, Source

SOURCES: Mapping[str, str] = {
    "hf": "steps.sources.hub:HubSource",
    "s3": "steps.sources.object_store:ObjectStoreSource",
    "gs": "steps.sources.object_store:ObjectStoreSource",
    "az": "steps.sources.object_store:ObjectStoreSource",
    "oci": "steps.sources.oci_meaning:open_oci",
    "github": "steps.sources.github:GithubSource",
    "local": "steps.sources.local:LocalSource",
}
GROUP = "ome_pipelines.sources"
_NOTHING_TO_FETCH: Mapping[str, tuple[str, str]] = {
    "pvc": (
        "a claim is read in place, and not imported",
        "Apply it as a BaseModel or ClusterBaseModel on a cluster; or mount the volume, and import local:///its/path.",
    ),
    "vendor": (
        "its vendor provides the model, and nothing of it is imported",
        "Apply it as a BaseModel or ClusterBaseModel on a cluster, which registers it.",
    ),
}
"""Schemes without a source: what is told instead, and the remedy."""


def open_source(uri: str, parameters: Mapping[str, str] = NO_PARAMETERS) -> Source:
    """The source that a storage URI names.

    Args:
        uri: The storage URI.
        parameters: As of `spec.storage.parameters`: each source reads those it knows.

    Raises:
        InvalidInputError: when it is not a storage URI.
        UnsupportedError: when no source has its scheme, with those there are; or when that of a package cannot be
            loaded.
    """
    scheme, separator, _ = uri.partition("://")
    if separator and scheme not in SOURCES:
        plugged = _plugged()
        if scheme not in plugged or not re.fullmatch(PLUGGED, scheme):
            raise _unknown(scheme, plugged)
    try:
        parsed = parse_storage_uri(uri)
    except StorageUriError as error:
        remedy = f"Accepted: {error.accepted}." if error.accepted else ""
        raise InvalidInputError(f"storageUri: {error.message}", remedy=remedy) from None
    if scheme not in SOURCES:
        kind = _load(plugged[scheme])
    else:
        module, _, name = SOURCES[scheme].partition(":")
        kind = getattr(import_module(module), name)
    source: Source = kind(parsed, parameters)
    return source


def _plugged() -> dict[str, EntryPoint]:
    """Sources of other packages, by the name of their entry point."""
    return {point.name: point for point in entry_points(group=GROUP)}


def _unknown(scheme: str, plugged: Mapping[str, EntryPoint]) -> UnsupportedError:
    if scheme in _NOTHING_TO_FETCH:
        told, remedy = _NOTHING_TO_FETCH[scheme]
        return UnsupportedError(
            f"storageUri: {scheme}:// has no source: {told}", remedy=f"{remedy} Sources: {_listed(SOURCES)}."
        )
    if scheme in plugged:
        return UnsupportedError(
            f'storageUri: "{scheme}://" is an entry point of {_package(plugged[scheme])}, and no scheme that one can '
            "add",
            remedy=f'Such a scheme begins with "x-": name the entry point "x-{scheme.lower()}".',
        )
    own = [name for name in plugged if re.fullmatch(PLUGGED, name)]
    known = [*SOURCES, *own]
    guess = did_you_mean(scheme, known)
    hint = f"; did you mean {guess}://?" if guess else ""
    package = "" if not re.fullmatch(PLUGGED, scheme) else " Or install the package that has it, where the step runs."
    return UnsupportedError(
        f'storageUri: "{scheme}://" has no source here{hint}',
        remedy=f"Supported: {_listed(known)}.{package}",
    )


def _load(point: EntryPoint) -> Callable[[StorageUri, Mapping[str, str]], Source]:
    try:
        kind: Callable[[StorageUri, Mapping[str, str]], Source] = point.load()
    except Exception as error:  # noqa: BLE001 - what a package of others raises when it is imported
        raise UnsupportedError(
            f"storageUri: the source of {point.name}:// cannot be loaded from {_package(point)}: "
            f"{type(error).__name__}: {error}",
            remedy=f'Mend or update that package; its entry point says "{point.value}".',
        ) from None
    return kind


def _listed(schemes: Iterable[str]) -> str:
    return ", ".join(f"{scheme}://" for scheme in schemes)


def _package(point: EntryPoint) -> str:
    return f"the package {point.dist.name} {point.dist.version}" if point.dist is not None else "a package"

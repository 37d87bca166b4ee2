"""Which of its two meanings `oci://` has: objects of OCI Object Storage, or an artifact of a container registry.

OME took `oci://` for object storage, and later for artifacts (ModelPack). One setting says it: `ociUri` of
`spec.storage.parameters`, else the variable OME_OCI_URI of a machine or an installation, else
object storage.
"""

import os
from collections.abc import Mapping

from crds.artifact_uri import ARTIFACT_GRAMMAR, artifact_of
from crds.problems import did_you_mean
from crds.storage_uri import OciArtifactUri, OciUri
from steps.errors import InvalidInputError, OmeError
from steps.sources.source import NO_PARAMETERS, Source

PARAMETER = "ociUri"
VARIABLE = "OME_OCI_URI"
OBJECTS = "object-storage"
ARTIFACTS = "modelpack"
MEANINGS = (OBJECTS, ARTIFACTS)
_HOW_ARTIFACTS = f"Set {PARAMETER} of spec.storage.parameters, or for all models {VARIABLE}, to {ARTIFACTS}."


def open_oci(uri: OciUri | OciArtifactUri, parameters: Mapping[str, str] = NO_PARAMETERS) -> Source:
    """The source of an `oci://` URI in the meaning that is set.

    Raises:
        InvalidInputError: for a setting that is none, and for a URI that has only the other meaning.
    """
    place, meaning = _meaning(parameters)
    if meaning == OBJECTS:
        if isinstance(uri, OciArtifactUri):
            raise InvalidInputError(
                f"storageUri: {uri} names an artifact of a registry, and oci:// means {OBJECTS} here",
                remedy=_HOW_ARTIFACTS,
            )
        return _open_objects(uri, parameters)
    artifact = uri if isinstance(uri, OciArtifactUri) else artifact_of(str(uri))
    if artifact is None:
        raise InvalidInputError(
            f'storageUri: "{uri}" names no artifact of a registry with its tag or digest, which is what {place} says',
            remedy=f"Accepted: {ARTIFACT_GRAMMAR}; for objects in OCI Object Storage set {place} to {OBJECTS}.",
        )
    from steps.sources.artifact import ArtifactSource

    return ArtifactSource(artifact, {**parameters, PARAMETER: ARTIFACTS})


def _open_objects(uri: OciUri, parameters: Mapping[str, str]) -> Source:
    from steps.sources.oci_objects import OciSource

    try:
        return OciSource(uri, parameters)
    except OmeError as error:
        artifact = artifact_of(str(uri))
        if artifact is not None and "." in artifact.host:  # who means a registry meets OCI's configuration first
            error.remedy += f" If {uri} is an artifact of a registry: {_HOW_ARTIFACTS}"
        raise


def _meaning(parameters: Mapping[str, str]) -> tuple[str, str]:
    """Where the setting was found, and what it says."""
    given = parameters.get(PARAMETER, "")
    place, meaning = (f"parameters.{PARAMETER}", given) if given else (VARIABLE, os.environ.get(VARIABLE, "").strip())
    meaning = meaning or OBJECTS
    if meaning not in MEANINGS:
        guess = did_you_mean(meaning, MEANINGS)
        hint = f"; did you mean {guess}?" if guess else ""
        raise InvalidInputError(
            f'{place}: "{meaning}" is no meaning of oci://{hint}', remedy=f"Accepted: {', '.join(MEANINGS)}."
        )
    return place, meaning

"""What an artifact's manifest says: which entry of an index is the model, and which file each layer is. Pure.

Two layouts: ModelPack (media types `application/vnd.cncf.model.*`, and `vnd.cnai` before it moved), and what
`oras push` makes, whose layers are files of any media type with a title. Sources: the OCI image specification 1.1,
the ModelPack model specification 0.0.7.
"""

import re
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from steps.errors import UnsupportedError
from steps.manifest import FileEntry

MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MODEL_TYPES = ("application/vnd.cncf.model.", "application/vnd.cnai.model.")
_IMAGE_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
_EMPTY = "application/vnd.oci.empty.v1+json"
_NAMES = ("org.cncf.model.filepath", "org.cnai.model.filepath", "org.opencontainers.image.title")
OURS = "io.ome.manifest"
"""Marks the layer of a bundle that has our own manifest of the model: no file of it."""
_IS_FOLDER = "io.deis.oras.content.unpack"
"""Says "true" where oras packed a folder. Its Python edition says it by the compressed media types of images alone;
the uncompressed one is what oras calls files of no type."""
_PACKED = ("application/vnd.oci.image.layer.v1.tar+", "application/vnd.docker.image.rootfs.")
_ARCHIVE = re.compile(r"[.+]tar([.+](gzip|zstd|gz|zst))?$")
_RAW_LAYERS = (
    "Push its files as they are, each a layer of its own: with modctl as `raw` layers, with oras file by file and not "
    "as a folder. Or unpack it (`modctl extract`, `oras pull`) and import the folder: local:///path."
)


class _Part(BaseModel):
    """Fields of the specification that are read; others are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, strict=True)


class Descriptor(_Part):
    """Names a blob or a manifest.

    Attributes:
        digest: `sha256:` and 64 hexadecimal digits.
        size: Bytes.
    """

    media_type: str
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    size: int = Field(ge=0)
    artifact_type: str = ""
    annotations: dict[str, str] = {}


class _Index(_Part):
    manifests: tuple[Descriptor, ...]


class _ArtifactManifest(_Part):
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str = ""


Part = TypeVar("Part", bound=_Part)


def chosen_of(index: bytes, subject: str) -> Descriptor:
    """The manifest of an index that is the model: its only one, or the only one of a model's media type.

    Args:
        index: In JSON.
        subject: Begins the messages of errors.

    Raises:
        UnsupportedError: when none or several can be meant; names what there is.
    """
    entries = _read(_Index, index, subject).manifests
    models = [entry for entry in entries if entry.artifact_type.startswith(_MODEL_TYPES)] or list(entries)
    if len(models) == 1 and models[0].media_type not in INDEX_TYPES:
        return models[0]
    told = ", ".join(f"{e.artifact_type or e.media_type} {e.digest}" for e in models[:4])
    raise UnsupportedError(
        f"{subject}: an index of {len(entries)} manifests, of which {len(models)} may be the model"
        + (f": {told}{', …' if len(models) > 4 else ''}" if models else ""),
        remedy="Name the model's manifest by its digest: oci://HOST/REPOSITORY@sha256:…; a container image for "
        "several platforms is no model.",
    )


def files_of(manifest: bytes, subject: str, repository: str) -> list[FileEntry]:
    """The files of an artifact, one for each layer; its configuration is none of them, nor a bundle's own manifest.

    Args:
        manifest: In JSON.
        subject: Begins the messages of errors.
        repository: Path in the registry: where the layers are.

    Raises:
        UnsupportedError: for a container image, and for layers that are archives or have no name.
    """
    read = _read(_ArtifactManifest, manifest, subject)
    kinds = (read.artifact_type, read.config.media_type)
    is_model = any(kind.startswith(_MODEL_TYPES) for kind in kinds)
    layers = [layer for layer in read.layers if layer.media_type != _EMPTY or _path(layer)]
    if read.config.media_type in _IMAGE_CONFIGS and not is_model and not any(_path(layer) for layer in layers):
        raise UnsupportedError(
            f"{subject}: a container image, and no artifact of a model", remedy="Name the repository of the model."
        )
    return [_file(layer, subject, repository) for layer in layers if OURS not in layer.annotations]


def _file(layer: Descriptor, subject: str, repository: str) -> FileEntry:
    path = _path(layer)
    is_packed = layer.annotations.get(_IS_FOLDER) == "true" or layer.media_type.startswith(_PACKED)
    is_typed = layer.media_type.startswith(_MODEL_TYPES) or not path
    if is_packed or (is_typed and _ARCHIVE.search(layer.media_type)):
        raise UnsupportedError(
            f'{subject}: "{path or layer.digest}" is an archive ({layer.media_type}), and archives are not taken',
            remedy=_RAW_LAYERS,
        )
    if not path:
        raise UnsupportedError(
            f"{subject}: the layer {layer.digest} ({layer.media_type}) has no file name",
            remedy=f"Each layer needs one in its annotation {_NAMES[0]} or {_NAMES[-1]}. {_RAW_LAYERS}",
        )
    return FileEntry(
        path=path,
        size=layer.size,
        algorithm="sha256",
        digest=layer.digest.removeprefix("sha256:"),
        location=f"/v2/{repository}/blobs/{layer.digest}",
    )


def _path(layer: Descriptor) -> str:
    return next((name for key in _NAMES if (name := layer.annotations.get(key, ""))), "")


def _read(kind: type[Part], content: bytes, subject: str) -> Part:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the manifest"
        raise UnsupportedError(
            f"{subject}: no manifest of an OCI artifact can be read from the answer: {place}: {first['msg']}",
            remedy="Digests must be SHA-256. Push the artifact again with a current tool.",
        ) from None

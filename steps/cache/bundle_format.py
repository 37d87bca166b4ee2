"""What a bundle holds: a model as an OCI image layout with an artifact manifest of ModelPack. Pure.

Sources: the OCI image specification 1.1 (image-layout.md, manifest.md, image-index.md) and the CNCF ModelPack
specification 1 (media types and annotations). Every file is a layer of its raw bytes. One more layer is our own
manifest, which also has what ModelPack has no place for: the digest that the source gave each file, and what was left
out. Documents are canonical JSON: one model makes one sequence of bytes, whoever exports it and when.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from pydantic import ValidationError

from steps.errors import IntegrityError, UnsupportedError
from steps.manifest import FileEntry, Manifest
from steps.sources.artifact_manifest import OURS
from steps.sources.paths import check_collisions, check_path

LAYOUT_FILE: Final = "oci-layout"
INDEX_FILE: Final = "index.json"
BLOBS: Final = "blobs/sha256"
LARGEST_DOCUMENT: Final = 64 << 20
LAYOUT: Final = b'{"imageLayoutVersion":"1.0.0"}'
_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_MODEL: Final = "application/vnd.cncf.model.manifest.v1+json"
_CONFIG: Final = "application/vnd.cncf.model.config.v1+json"
_WEIGHT: Final = "application/vnd.cncf.model.weight.v1.raw"
_WEIGHT_CONFIG: Final = "application/vnd.cncf.model.weight.config.v1.raw"
_DOCUMENT: Final = "application/vnd.cncf.model.doc.v1.raw"
_CODE: Final = "application/vnd.cncf.model.code.v1.raw"
_FILE_PATH: Final = "org.cncf.model.filepath"
_NAME: Final = "org.opencontainers.image.ref.name"
_OURS_FILE: Final = ".ome-manifest.json"
_WEIGHTS: Final = frozenset(
    {".safetensors", ".gguf", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".onnx", ".h5", ".msgpack", ".npz"}
)
COPY_AGAIN: Final = "Copy the bundle again from where it was made, or export it again."


@dataclass(frozen=True)
class Blob:
    """A blob of the layout, by its sha256 (hex) and its size in bytes."""

    digest: str
    size: int

    @property
    def path(self) -> str:
        """Its place in the layout."""
        return f"{BLOBS}/{self.digest}"


@dataclass(frozen=True)
class Contents:
    """A bundle as its documents describe it.

    Attributes:
        name: The model's name where it was exported.
        manifest: Ours.
        blobs: The blob of each file, by the file's path.
    """

    name: str
    manifest: Manifest
    blobs: Mapping[str, Blob]


@dataclass(frozen=True)
class Documents:
    """What a bundle has beside the files' bytes.

    Attributes:
        index: Content of `index.json`.
        blobs: Contents by blob, in the order in which they are written.
    """

    index: bytes
    blobs: tuple[tuple[Blob, bytes], ...]


def make_documents(contents: Contents) -> Documents:
    """The documents of a bundle."""
    manifest = contents.manifest
    ours = _canonical(manifest.model_dump(mode="json", by_alias=True))
    described: dict[str, Any] = {"name": contents.name, "sourceURL": manifest.uri, "revision": manifest.revision}
    if manifest.licence:
        described["licenses"] = [manifest.licence]
    blobs = [contents.blobs[file.path] for file in manifest.files]
    layers = [_layer(file.path, blob) for file, blob in zip(manifest.files, blobs, strict=True)]
    own = _descriptor(_DOCUMENT, _blob(ours)) | {"annotations": {_FILE_PATH: _OURS_FILE, OURS: manifest.digest}}
    diff_ids = [layer["digest"] for layer in (*layers, own)]
    config = _canonical(
        {"descriptor": described, "config": {}, "modelfs": {"type": "layers", "diffIds": diff_ids}},
    )
    artifact = _canonical(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "artifactType": _MODEL,
            "config": _descriptor(_CONFIG, _blob(config)),
            "layers": [*layers, own],
        }
    )
    top = _descriptor(_MANIFEST, _blob(artifact)) | {"artifactType": _MODEL, "annotations": {_NAME: contents.name}}
    index = _canonical({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [top]})
    return Documents(index, tuple((_blob(content), content) for content in (artifact, config, ours)))


def check_version(layout: bytes, where: str) -> None:
    """Refuse a layout of another version.

    Raises:
        IntegrityError: when it says none.
        UnsupportedError: when it is not the one that we read.
    """
    version = _object(layout, where).get("imageLayoutVersion")
    if version != "1.0.0":
        raise UnsupportedError(f"{where}: is of version {version!r:.50}, known is 1.0.0", remedy=COPY_AGAIN)


def find_artifact(index: bytes, where: str) -> tuple[str, Blob]:
    """Name and blob of the one artifact of an index.

    Raises:
        IntegrityError: when it is no index.
        UnsupportedError: when it names none that holds a model, or several.
    """
    found = [row for row in _rows(_object(index, where), "manifests", where) if row.get("artifactType") == _MODEL]
    if len(found) != 1:
        raise UnsupportedError(
            f"{where}: names {len(found)} artifacts of type {_MODEL}, and a bundle is one",
            remedy="Give a file that `ome bundle export` made.",
        )
    annotations = found[0].get("annotations")
    name = annotations.get(_NAME, "") if isinstance(annotations, dict) else ""
    return name if isinstance(name, str) else "", _blob_of(found[0], where)


def find_manifest(artifact: bytes, where: str) -> tuple[Blob, str, dict[str, Blob]]:
    """The blob of our manifest, the manifest's digest, and the blobs of the files by their paths.

    Raises:
        IntegrityError: when the artifact cannot be read.
        UnsupportedError: when it was not exported by us.
    """
    ours: list[tuple[Blob, str]] = []
    blobs: dict[str, Blob] = {}
    for row in _rows(_object(artifact, where), "layers", where):
        annotations = row.get("annotations")
        if not isinstance(annotations, dict) or not isinstance(annotations.get(_FILE_PATH), str):
            raise IntegrityError(f"{where}: a layer has no {_FILE_PATH}", remedy=COPY_AGAIN)
        path, blob = annotations[_FILE_PATH], _blob_of(row, where)
        if OURS in annotations:
            ours.append((blob, str(annotations[OURS])))
        elif path in blobs:
            raise IntegrityError(f"{where}: has two layers for {path}", remedy=COPY_AGAIN)
        else:
            blobs[path] = blob
    if len(ours) != 1:
        raise UnsupportedError(
            f"{where}: has {len(ours)} layers with {OURS}, by which files are verified",
            remedy="Give a file that `ome bundle export` made.",
        )
    return *ours[0], blobs


def read_contents(name: str, content: bytes, digest: str, blobs: Mapping[str, Blob], where: str) -> Contents:
    """Our manifest, when it is the one that the artifact names and fits its layers.

    Raises:
        IntegrityError: when it does not.
        InvalidInputError: when it names a file that would leave its folder, or two that are one.
    """
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise IntegrityError(f"{where}: is no manifest ({error.errors()[0]['msg']})", remedy=COPY_AGAIN) from None
    for file in manifest.files:
        check_path(file.path)
    check_collisions(file.path for file in manifest.files)
    if manifest.digest != digest:
        raise IntegrityError(f"{where}: has the digest {manifest.digest}, expected {digest}", remedy=COPY_AGAIN)
    if {file.path for file in manifest.files} != set(blobs) or not manifest.files:
        raise IntegrityError(f"{where}: names other files than the bundle's layers", remedy=COPY_AGAIN)
    for file in manifest.files:
        _check_layer(file, blobs[file.path], where)
    # Its digest does not cover how the source is asked: a stranger's bundle must not say where a token is sent.
    asked = {key: value for key, value in manifest.parameters.items() if key != "endpoint"}
    return Contents(name, manifest.model_copy(update={"parameters": asked}), blobs)


def _check_layer(file: FileEntry, blob: Blob, where: str) -> None:
    if file.size != blob.size or (file.algorithm == "sha256" and file.digest != blob.digest):
        raise IntegrityError(
            f"{where}: {file.path} is {file.size} bytes with {file.algorithm} {file.digest}, "
            f"its layer {blob.size} bytes with sha256 {blob.digest}",
            remedy=COPY_AGAIN,
        )


def _layer(path: str, blob: Blob) -> dict[str, Any]:
    return _descriptor(_media_type(path), blob) | {"annotations": {_FILE_PATH: path}}


def _media_type(path: str) -> str:
    name, suffix = PurePosixPath(path).name.lower(), PurePosixPath(path).suffix.lower()
    if suffix in _WEIGHTS:
        return _WEIGHT
    if suffix == ".py":
        return _CODE
    is_text = suffix in (".md", ".pdf", ".png", ".jpg") or name.startswith(("license", "readme", "notice"))
    return _DOCUMENT if is_text else _WEIGHT_CONFIG


def _descriptor(media_type: str, blob: Blob) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{blob.digest}", "size": blob.size}


def _blob(content: bytes) -> Blob:
    return Blob(hashlib.sha256(content).hexdigest(), len(content))


def _blob_of(row: dict[str, Any], where: str) -> Blob:
    digest, size = row.get("digest"), row.get("size")
    is_hex = isinstance(digest, str) and digest.startswith("sha256:") and len(digest) == 71
    if not is_hex or not set(str(digest)[7:]) <= set("0123456789abcdef") or type(size) is not int or size < 0:
        raise IntegrityError(f"{where}: {digest!r:.100} of {size!r:.30} bytes is no blob", remedy=COPY_AGAIN)
    return Blob(str(digest)[7:], size)


def _object(content: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise IntegrityError(f"{where}: is no JSON object", remedy=COPY_AGAIN)
    return found


def _rows(document: dict[str, Any], field: str, where: str) -> list[dict[str, Any]]:
    rows = document.get(field)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise IntegrityError(f"{where}: has no {field}", remedy=COPY_AGAIN)
    return rows


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

"""Writes image archives (`docker save` form) without an image builder: a layer of files, alone or on top of another.

The pod sandbox, busybox and Argo's executor are one static program each; the test hub is the steps' image and files.
"""

import hashlib
import io
import json
import platform
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

_CHUNK = 1 << 20
_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class LayerEntry:
    """One path of a layer.

    Attributes:
        path: Absolute, in the image.
        source: A file to copy, bytes to write, a link's target as text, or None for a folder.
        mode: Its permissions.
    """

    path: str
    source: Path | bytes | str | None
    mode: int = 0o644


def write_image(
    archive: Path, tag: str, entries: Sequence[LayerEntry], config: Mapping[str, object], base: Path | None = None
) -> Path:
    """Write the archive of an image; the same arguments give the same bytes.

    Args:
        archive: Replaced only when the new one is whole.
        tag: What the image is called.
        entries: The files of its last layer.
        config: Keys of the image's `config` (Entrypoint, Cmd, Env, User, …), laid over those of the base.
        base: The archive of the image below, or None.

    Returns:
        `archive`.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    staged = archive.with_name(archive.name + ".part")
    with tempfile.TemporaryFile() as layer, tarfile.open(staged, "w") as out:
        digest = _write_layer(layer, entries)
        below: dict[str, Any] = {"config": {}, "rootfs": {"diff_ids": []}}
        layers: list[str] = []
        if base is not None:
            with tarfile.open(base) as source:
                manifest = json.loads(_read(source, "manifest.json"))[0]
                below = json.loads(_read(source, manifest["Config"]))
                for name, diff_id in zip(manifest["Layers"], below["rootfs"]["diff_ids"], strict=True):
                    layers.append(f"{diff_id.removeprefix('sha256:')}.tar")
                    _copy(source, name, out, layers[-1])
        layers.append(f"{digest}.tar")
        _add(out, layers[-1], layer)
        image = {
            "architecture": below.get("architecture", _architecture()),
            "os": "linux",
            "created": _EPOCH,
            "config": {**below["config"], **config},
            "rootfs": {"type": "layers", "diff_ids": [*below["rootfs"]["diff_ids"], f"sha256:{digest}"]},
        }
        content = json.dumps(image, sort_keys=True).encode()
        name = f"{hashlib.sha256(content).hexdigest()}.json"
        _add(out, name, io.BytesIO(content))
        listing = json.dumps([{"Config": name, "RepoTags": [tag], "Layers": layers}]).encode()
        _add(out, "manifest.json", io.BytesIO(listing))
    staged.replace(archive)
    return archive


def read_tags(archive: Path) -> list[str]:
    """The names of the images in an archive."""
    with tarfile.open(archive) as source:
        return [tag for image in json.loads(_read(source, "manifest.json")) for tag in image["RepoTags"]]


def _write_layer(layer: IO[bytes], entries: Sequence[LayerEntry]) -> str:
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for entry in entries:
            about = tarfile.TarInfo(entry.path.strip("/"))
            about.mode = entry.mode
            if entry.source is None:
                about.type = tarfile.DIRTYPE
                tar.addfile(about)
            elif isinstance(entry.source, str):
                about.type, about.linkname = tarfile.SYMTYPE, entry.source
                tar.addfile(about)
            elif isinstance(entry.source, bytes):
                about.size = len(entry.source)
                tar.addfile(about, io.BytesIO(entry.source))
            else:
                about.size = entry.source.stat().st_size
                with entry.source.open("rb") as content:
                    tar.addfile(about, content)
    layer.seek(0)
    digest = hashlib.sha256()
    while chunk := layer.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _add(out: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    about = tarfile.TarInfo(name)
    about.size = content.seek(0, io.SEEK_END)
    content.seek(0)
    out.addfile(about, content)


def _copy(source: tarfile.TarFile, name: str, out: tarfile.TarFile, target: str) -> None:
    member = source.getmember(name)
    about = tarfile.TarInfo(target)
    content = source.extractfile(member)  # follows the links that builders write for layers used twice
    about.size = cast(IO[bytes], content).seek(0, io.SEEK_END)
    cast(IO[bytes], content).seek(0)
    out.addfile(about, content)


def _read(source: tarfile.TarFile, name: str) -> bytes:
    content = source.extractfile(name)
    assert content is not None, name
    return content.read()


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())

"""Writes small model files of chosen shape: safetensors (sparse), GGUF, and folders of both."""

import json
import struct
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

from steps.facts import Facts
from steps.manifest import FileEntry, Manifest
from steps.parse.model_facts import parse_facts
from steps.parse.safetensors import DTYPE_BITS

Shapes = Mapping[str, tuple[str, Sequence[int]]]


def safetensors_header(tensors: Shapes, metadata: Mapping[str, str] | None = None) -> tuple[bytes, int]:
    """The JSON header as the reference writer makes it (compact, padded to 8), and the bytes of the data."""
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata is not None else {}
    offset = 0
    for name, (dtype, shape) in tensors.items():
        size = prod(shape) * DTYPE_BITS[dtype] // 8
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    header = json.dumps(entries, separators=(",", ":")).encode()
    return header + b" " * (-len(header) % 8), offset


def write_safetensors(path: Path, tensors: Shapes) -> Path:
    """A safetensors file whose data is a hole: it takes no disk."""
    header, size = safetensors_header(tensors, {"format": "pt"})
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)
    return path


def write_config(folder: Path, config: Mapping[str, object], name: str = "config.json") -> Path:
    """A JSON file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config))
    return path


def parse_folder(folder: Path) -> Facts:
    """The facts of a folder."""
    return parse_facts(describe_folder(folder), FolderReader())


def gguf_string(text: str) -> bytes:
    """A length-prefixed string."""
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def gguf_value(value: object) -> bytes:
    """A metadata value with its type number; lists are arrays of what their first item is."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<Iq", 11, value) if value < 0 else struct.pack("<IQ", 10, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + gguf_string(value)
    assert isinstance(value, list)
    items = [gguf_value(item) for item in value]
    kind = items[0][:4] if items else struct.pack("<I", 4)
    return struct.pack("<I", 9) + kind + struct.pack("<Q", len(items)) + b"".join(item[4:] for item in items)


GGUF_TYPES = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_K": (12, 256, 144), "Q8_0": (8, 32, 34), "MXFP4": (39, 32, 17)}


def gguf_bytes(metadata: Mapping[str, object], tensors: Shapes, version: int = 3) -> tuple[bytes, int]:
    """A GGUF header with its padding, and the bytes of the data that follow."""
    made = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    for key, value in metadata.items():
        made += gguf_string(key) + gguf_value(value)
    offset = 0
    for name, (kind, shape) in tensors.items():
        number, block, size = GGUF_TYPES[kind]
        made += gguf_string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        made += struct.pack("<IQ", number, offset)
        offset += -(-prod(shape) // block * size // 32) * 32
    return made + b"\0" * (-len(made) % 32), offset


def write_gguf(path: Path, metadata: Mapping[str, object], tensors: Shapes, version: int = 3) -> Path:
    """A GGUF file whose data is a hole."""
    header, size = gguf_bytes(metadata, tensors, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + size)
    return path


class FolderReader:
    """Reads files whose location is an absolute path on this machine."""

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """The bytes from start up to, not including, end."""
        with Path(file.location).open("rb") as stream:
            stream.seek(start)
            return stream.read(end - start)


def describe_folder(folder: Path) -> Manifest:
    """A manifest of a folder as it lies there, without digests: enough to parse, not enough to cache."""
    files = [
        FileEntry(
            path=path.relative_to(folder).as_posix(),
            size=path.stat().st_size,
            algorithm="none",
            digest="",
            location=str(path.resolve()),
        )
        for path in folder.rglob("*")
        if path.is_file()
    ]
    return Manifest(uri=f"local://{folder}", revision="", files=tuple(sorted(files, key=lambda file: file.path)))

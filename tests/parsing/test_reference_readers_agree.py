"""What safetensors' own library and llama.cpp's own reader find in a file, ours finds; what they take, it takes."""

import json
import struct
from collections.abc import Callable
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gguf
import numpy as np
import pytest
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from steps.errors import InvalidInputError
from steps.parse.gguf import read_gguf_metadata
from steps.parse.gguf_types import FILE_TYPES, TENSOR_TYPES
from steps.parse.safetensors import DTYPE_BITS, header_length, parse_header

ARRAYS = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8",
          "bool"]  # fmt: skip
SHAPES = st.lists(st.integers(0, 9), max_size=4)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(lambda name: name != "__metadata__")


def read_safetensors(content: bytes) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Name, type, shape and bytes of each tensor, by our reader."""
    length = header_length(content[:8], len(content), "m")
    found = parse_header(content[8 : 8 + length], len(content) - 8 - length, "m")
    return {tensor.name: (tensor.dtype, tensor.shape, tensor.bytes) for tensor in found}


def read_by_the_library(content: bytes) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """The same by safetensors' library."""
    deserialize: Callable[[bytes], list[tuple[str, dict[str, Any]]]] = vars(safetensors)["deserialize"]  # has no types
    return {name: (t["dtype"], tuple(t["shape"]), len(t["data"])) for name, t in deserialize(content)}


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(NAMES, st.tuples(st.sampled_from(ARRAYS), SHAPES), max_size=6))
def test_what_safetensors_writes_is_read_alike(tensors: dict[str, tuple[str, list[int]]]) -> None:
    content = save({name: np.zeros(shape, dtype) for name, (dtype, shape) in tensors.items()}, {"format": "pt"})
    ours = read_safetensors(content)
    assert ours == read_by_the_library(content)
    assert set(ours) == set(tensors)


@st.composite
def headers(draw: st.DrawFn) -> dict[str, Any]:
    """Headers that are right, or wrong in one place or two."""
    made: dict[str, Any] = {}
    position = 0
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        dtype, shape = draw(st.sampled_from(sorted(DTYPE_BITS))), draw(SHAPES)
        size = -(-prod(shape) * DTYPE_BITS[dtype] // 8)
        entry = {"dtype": dtype, "shape": shape, "data_offsets": [position, position + size]}
        for key in draw(st.lists(st.sampled_from(["dtype", "shape", "data_offsets", "new"]), max_size=1)):
            entry[key] = draw(st.one_of(st.just("F32"), st.lists(st.integers(-1, 60), max_size=3), st.none()))
        made[name] = entry
        position += size
    return made


@settings(max_examples=300, deadline=None)
@given(headers(), st.integers(-2, 2))
def test_what_safetensors_takes_is_taken(entries: dict[str, Any], more: int) -> None:
    ends = [entry["data_offsets"][-1] for entry in entries.values() if entry["data_offsets"]]
    header = json.dumps(entries).encode()
    data = bytes(max(max([end for end in ends if isinstance(end, int)], default=0) + more, 0))
    content = struct.pack("<Q", len(header)) + header + data
    try:
        theirs = read_by_the_library(content)
    except safetensors.SafetensorError:
        try:  # ours is laxer: it reads files with holes too, and refuses in its own words
            read_safetensors(content)
        except InvalidInputError:
            return
        return
    assert read_safetensors(content) == theirs


def test_every_type_that_llama_cpp_knows_is_known() -> None:
    theirs = {int(kind): (kind.name, *sizes) for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    # Python's table still has the size that Q8_1 had until 2024; ggml's block_q8_1 has two halves and 32 bytes.
    theirs[int(gguf.GGMLQuantizationType.Q8_1)] = ("Q8_1", 32, 36)
    assert {number: tuple(TENSOR_TYPES[number]) for number in theirs if number in TENSOR_TYPES} == theirs
    names = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in gguf.LlamaFileType}
    del names[int(gguf.LlamaFileType.GUESSED)]
    assert {number: FILE_TYPES.get(number) for number in names} == names


BLOCKS = [kind for kind in gguf.GGML_QUANT_SIZES if kind.name not in ("Q8_1", "Q8_K")]
METADATA = st.one_of(st.booleans(), st.integers(-(2**31), 2**31 - 1), st.floats(width=32, allow_nan=False),
                     st.text(max_size=20), st.lists(st.integers(0, 1000), min_size=1, max_size=20),
                     st.lists(st.text(max_size=8), min_size=1, max_size=20))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}\.[a-z]{1,8}", fullmatch=True), METADATA, max_size=6),
    st.dictionaries(
        st.from_regex(r"[a-z0-9._]{1,30}", fullmatch=True),
        st.tuples(st.sampled_from(BLOCKS), st.integers(1, 3), st.lists(st.integers(1, 3), max_size=2)),
        min_size=1,
        max_size=6,
    ),
)
def test_what_llama_cpp_writes_is_read_alike(
    metadata: dict[str, Any], tensors: dict[str, tuple[gguf.GGMLQuantizationType, int, list[int]]]
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.gguf"
        _write_gguf(path, metadata, tensors)
        content = path.read_bytes()
        ours = read_gguf_metadata(lambda start, end: content[start:end], len(content))
        reader = gguf.GGUFReader(path)
        theirs = [(t.name, tuple(int(n) for n in t.shape), t.tensor_type.name, int(t.n_bytes), int(t.data_offset))
                  for t in reader.tensors]  # fmt: skip
        fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
        del reader
    found = [(t.name, t.shape, t.type, t.bytes, t.offset + ours.data_start) for t in ours.tensors]
    assert sorted(found) == sorted(theirs)
    assert {name: list(v) if isinstance(v, tuple) else v for name, v in ours.metadata.items()} == fields


def _write_gguf(path: Path, metadata: dict[str, Any], tensors: dict[str, Any]) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    for name, value in metadata.items():
        if isinstance(value, bool):
            writer.add_bool(name, value)
        elif isinstance(value, int):
            writer.add_int32(name, value)
        elif isinstance(value, float):
            writer.add_float32(name, value)
        elif isinstance(value, str):
            writer.add_string(name, value)
        else:
            writer.add_array(name, value)
    for name, (kind, blocks, rest) in tensors.items():
        values, size = gguf.GGML_QUANT_SIZES[kind]
        plain = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "I8": np.int8, "I16": np.int16,
                 "I32": np.int32, "I64": np.int64}.get(kind.name)  # fmt: skip
        if plain is not None:
            writer.add_tensor(name, np.zeros((*rest, blocks * values), plain))
        else:
            writer.add_tensor(name, np.zeros((*rest, blocks * size), np.uint8), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_the_limits_of_headers_are_ours() -> None:
    """The library takes headers of 100 MB; ours are bounded by memory, and are said to be."""
    with pytest.raises(InvalidInputError, match="at most"):
        header_length(struct.pack("<Q", 90 << 20), 1 << 40, "m")

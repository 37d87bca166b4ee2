"""The header of one safetensors file: tensor names, types, shapes and places, checked before anyone counts them.

Layout (safetensors' own specification): 8 bytes little-endian header length, that many bytes of JSON, then the data.
"""

import struct
from math import prod
from typing import Final, NamedTuple, TypeGuard

from steps.errors import InvalidInputError
from steps.parse.strict_json import load_object

LENGTH_BYTES: Final = 8
MAX_HEADER_BYTES: Final = 24 << 20
MAX_DIMENSIONS: Final = 16
_LARGEST: Final = 1 << 63
_METADATA: Final = "__metadata__"

DTYPE_BITS: Final[dict[str, int]] = {
    "F64": 64,
    "F32": 32,
    "F16": 16,
    "BF16": 16,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "F8_E8M0": 8,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F4": 4,
    "C64": 64,
    "I64": 64,
    "I32": 32,
    "I16": 16,
    "I8": 8,
    "U64": 64,
    "U32": 32,
    "U16": 16,
    "U8": 8,
    "BOOL": 8,
}


class Tensor(NamedTuple):
    """One tensor's description; `bytes` is what it takes in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def values(self) -> int:
        """Stored elements: 1 for a scalar."""
        return prod(self.shape)


def header_length(first: bytes, file_size: int, name: str) -> int:
    """Bytes of the JSON header, from the file's first 8 bytes.

    Raises:
        InvalidInputError: when the file is too short or the length is impossible.
    """
    if file_size < LENGTH_BYTES or len(first) < LENGTH_BYTES:
        raise InvalidInputError(
            f"{name}: has {file_size} bytes, too few for a safetensors file",
            remedy="The file is cut short or is a pointer to the real one: import it again.",
        )
    (length,) = struct.unpack_from("<Q", first)
    if length > MAX_HEADER_BYTES:
        raise InvalidInputError(f"{name}: header length is {length} bytes; at most {MAX_HEADER_BYTES} are accepted")
    if length > file_size - LENGTH_BYTES:
        raise InvalidInputError(
            f"{name}: header length is {length} bytes, but the file has {file_size}",
            remedy="The file is cut short or is no safetensors file: import it again.",
        )
    return int(length)


def parse_header(header: bytes, data_bytes: int, name: str) -> tuple[Tensor, ...]:
    """The tensors that a header describes, in the order of their data.

    Args:
        header: The JSON.
        data_bytes: Bytes of the file after the header.
        name: What messages call the file.

    Raises:
        InvalidInputError: names the file and the tensor, for broken JSON, repeated names, and shapes or offsets that
            are impossible, disagree, overlap or lie past the end.
    """

    def refuse(key: str) -> None:
        raise InvalidInputError(f'{name}: header has the key "{key[:100]}" twice')

    entries = load_object(header, f"{name} (header)", refuse)
    placed: list[tuple[int, int, Tensor]] = []
    for tensor_name, described in entries.items():
        if tensor_name != _METADATA:
            placed.append(_tensor(name, tensor_name, described, data_bytes))
    placed.sort(key=lambda item: item[:2])
    end, before = 0, ""
    for start, stop, tensor in placed:
        if start < end and stop > start:
            raise InvalidInputError(f'{name}: tensors "{before[:100]}" and "{tensor.name[:100]}" overlap')
        end, before = max(end, stop), tensor.name
    return tuple(tensor for _, _, tensor in placed)


def _tensor(file: str, name: str, described: object, data_bytes: int) -> tuple[int, int, Tensor]:
    where = f'{file}: tensor "{name[:100]}"'
    if not isinstance(described, dict):
        raise InvalidInputError(f"{where} is described by a {type(described).__name__}, expected an object")
    dtype, shape, offsets = described.get("dtype"), described.get("shape"), described.get("data_offsets")
    if not isinstance(dtype, str):
        raise InvalidInputError(f"{where} has dtype {str(dtype)[:50]}, expected a text such as BF16")
    if not _is_sizes(shape) or len(shape) > MAX_DIMENSIONS:
        raise InvalidInputError(f"{where} has shape {str(shape)[:100]}, expected whole numbers from 0")
    if not _is_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise InvalidInputError(f"{where} has data_offsets {str(offsets)[:100]}, expected [start, end]")
    if prod(shape) >= _LARGEST:
        raise InvalidInputError(f"{where} has the impossible shape {str(shape)[:100]}")
    start, end = offsets
    if end > data_bytes:
        raise InvalidInputError(
            f"{where} ends at byte {end} of the data, which has {data_bytes}",
            remedy="The file is cut short or damaged: import it again.",
        )
    bits = DTYPE_BITS.get(dtype)
    if bits is not None and end - start != -(-prod(shape) * bits // 8):
        raise InvalidInputError(
            f"{where} takes {end - start} bytes, but {dtype} of shape {str(shape)[:100]} takes "
            f"{-(-prod(shape) * bits // 8)}"
        )
    return start, end, Tensor(name, dtype, tuple(shape), end - start)


def _is_sizes(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < _LARGEST for item in value)

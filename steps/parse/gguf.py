"""Reads the header of a GGUF file through ranged reads: metadata, vocabulary and tensor descriptions, no weights.

Called by `steps.parse.gguf_facts`, and by the benchmark, which builds a tokenizer from the vocabulary. The layout is
that of the ggml project's GGUF specification, versions 2 and 3. Every length is checked against the file's size before
anything of that size is read or made, so a hostile file costs bounded time and memory.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Final

from steps.errors import InvalidInputError, UnsupportedError
from steps.parse.gguf_types import TENSOR_TYPES, TensorType

Read = Callable[[int, int], bytes]

MAGIC: Final = b"GGUF"
DEFAULT_ALIGNMENT: Final = 32
MAX_HEADER_BYTES: Final = 64 << 20
MAX_STRING_BYTES: Final = 16 << 20
MAX_ARRAY_VALUES: Final = 2_000_000
MAX_METADATA_KEYS: Final = 100_000
MAX_TENSORS: Final = 200_000
MAX_DIMENSIONS: Final = 8
MAX_NESTING: Final = 2
FIRST_READ: Final = 256 << 10
LARGEST_READ: Final = 4 << 20

_LENGTH: Final = struct.Struct("<Q")
_STRING: Final = 8
_ARRAY: Final = 9
_BOOL: Final = 7
_SCALARS: Final[Mapping[int, str]] = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    _BOOL: "B",
    10: "Q",
    11: "q",
    12: "d",
}


@dataclass(frozen=True)
class GgufTensor:
    """One tensor's description.

    Attributes:
        name: Such as `blk.0.attn_q.weight`.
        shape: Fastest-varying dimension first, as stored.
        type: Name of the ggml type, or `type <number>` when this version does not know it.
        offset: Bytes from the start of the tensor data.
        bytes: Bytes it takes; 0 when its type is unknown.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    bytes: int

    @property
    def values(self) -> int:
        """How many values it holds."""
        return prod(self.shape)


@dataclass(frozen=True)
class GgufHeader:
    """All that a GGUF file says before its weights.

    Attributes:
        metadata: Numbers, booleans, strings, and tuples of them, by key.
        tensors: In file order.
        version: Of the format: 2 or 3.
        data_start: Where the tensor data begins in the file.
    """

    metadata: Mapping[str, object]
    tensors: tuple[GgufTensor, ...]
    version: int
    data_start: int

    def text(self, key: str) -> str:
        """The string at `key`, or "" when it is missing or no string."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        """The whole number at `key`, or 0 when it is missing or none."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    def array(self, key: str) -> tuple[object, ...]:
        """The array at `key`, or an empty one."""
        value = self.metadata.get(key)
        return value if isinstance(value, tuple) else ()


def read_gguf_metadata(read: Read, size: int, *, name: str = "the GGUF file") -> GgufHeader:
    """Read a GGUF header.

    Args:
        read: Gives the bytes from start up to, not including, end.
        size: Bytes of the whole file.
        name: What messages call the file.

    Raises:
        InvalidInputError: when the file is not GGUF or its header is broken.
        UnsupportedError: for version 1 and big-endian files.
    """
    cursor = _Cursor(read, size, name)
    if cursor.take(4) != MAGIC:
        raise InvalidInputError(f"{name}: does not begin with GGUF", remedy="Check that the download is whole.")
    version = cursor.number("I")
    if version >= 1 << 16 and version & 0xFFFF == 0:
        raise UnsupportedError(f"{name}: is a big-endian GGUF", remedy="Convert it to little-endian and import that.")
    if version not in (2, 3):
        raise UnsupportedError(
            f"{name}: is GGUF version {version}", remedy="Versions 2 and 3 are supported: convert the file again."
        )
    tensor_count, key_count = cursor.number("Q"), cursor.number("Q")
    cursor.check_count("tensors", tensor_count, MAX_TENSORS)
    cursor.check_count("metadata keys", key_count, MAX_METADATA_KEYS)
    metadata: dict[str, object] = {}
    for _ in range(key_count):
        key = cursor.string()
        if key in metadata:
            raise InvalidInputError(f'{name}: metadata key "{key[:100]}" appears twice')
        metadata[key] = cursor.value(cursor.number("I"))
    described = [_describe_tensor(cursor) for _ in range(tensor_count)]
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
        raise InvalidInputError(f"{name}: general.alignment is {str(alignment)[:50]}, expected a power of two")
    data_start = -(-cursor.position // alignment) * alignment
    _check_layout(described, size - data_start, name)
    return GgufHeader(metadata, tuple(described), version, data_start)


def _describe_tensor(cursor: "_Cursor") -> GgufTensor:
    tensor = cursor.string()
    dimensions = cursor.number("I")
    if dimensions > MAX_DIMENSIONS:
        raise InvalidInputError(f'{cursor.name}: tensor "{tensor[:100]}" has {dimensions} dimensions')
    shape = tuple(cursor.number("Q") for _ in range(dimensions))
    type_number, offset = cursor.number("I"), cursor.number("Q")
    if prod(shape) >= 1 << 63:
        raise InvalidInputError(f'{cursor.name}: tensor "{tensor[:100]}" has the impossible shape {list(shape)}')
    known = TENSOR_TYPES.get(type_number)
    if known is None:
        return GgufTensor(tensor, shape, f"type {type_number}", offset, 0)
    return GgufTensor(tensor, shape, known.name, offset, _stored_bytes(known, shape))


def _stored_bytes(kind: TensorType, shape: tuple[int, ...]) -> int:
    row = shape[0] if shape else 1
    return -(-row // kind.block_values) * kind.block_bytes * prod(shape[1:])


def _check_layout(tensors: list[GgufTensor], data_bytes: int, name: str) -> None:
    """Refuse repeated names and tensors that overlap or lie past the end of the file."""
    seen: set[str] = set()
    end, before = 0, ""
    for tensor in sorted(tensors, key=lambda t: (t.offset, t.bytes)):
        if tensor.name in seen:
            raise InvalidInputError(f'{name}: tensor "{tensor.name[:100]}" appears twice')
        seen.add(tensor.name)
        if tensor.offset < end:
            raise InvalidInputError(f'{name}: tensors "{before[:100]}" and "{tensor.name[:100]}" overlap')
        end, before = tensor.offset + tensor.bytes, tensor.name
        if end > data_bytes:
            raise InvalidInputError(
                f'{name}: tensor "{tensor.name[:100]}" ends at byte {end} of the data, which has {max(data_bytes, 0)}',
                remedy="The file is cut short or damaged: import it again.",
            )


class _Cursor:
    """Walks the header, fetching ahead in growing ranges: a small header costs one read, a large one a few."""

    def __init__(self, read: Read, size: int, name: str) -> None:
        self.name = name
        self.position = 0
        self._read, self._size = read, size
        self._buffer = bytearray()
        self._step = FIRST_READ
        self._values_left = MAX_ARRAY_VALUES

    def check_count(self, what: str, count: int, limit: int) -> None:
        """Refuse a count above its limit or above what the rest of the file could hold."""
        if count > limit or count > self._size - self.position:
            raise InvalidInputError(f"{self.name}: says it has {count} {what}; at most {limit} are accepted")

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        self._ensure(count)
        start, self.position = self.position, self.position + count
        return bytes(self._buffer[start : self.position])

    def number(self, code: str) -> int:
        """The next little-endian whole number of struct `code`."""
        width = struct.calcsize("<" + code)
        self._ensure(width)
        (value,) = struct.unpack_from("<" + code, self._buffer, self.position)
        self.position += width
        return int(value)

    def string(self) -> str:
        """The next length-prefixed string; bytes that are no UTF-8 become replacement characters."""
        length = self.number("Q")
        self._check_string(length)
        return self.take(length).decode("utf-8", "replace")

    def value(self, kind: int, depth: int = 0) -> object:
        """The next metadata value of type number `kind`."""
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            return self._array(depth)
        code = _SCALARS.get(kind)
        if code is None:
            raise InvalidInputError(f"{self.name}: metadata value of unknown type {kind}")
        (value,) = struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))
        return bool(value) if kind == _BOOL else value

    def _array(self, depth: int) -> tuple[object, ...]:
        kind, count = self.number("I"), self.number("Q")
        if depth >= MAX_NESTING:
            raise InvalidInputError(f"{self.name}: has arrays nested deeper than {MAX_NESTING}")
        self.check_count("array values", count, self._values_left)
        self._values_left -= count
        if kind == _STRING:
            return self._strings(count)
        if kind == _ARRAY:
            return tuple(self._array(depth + 1) for _ in range(count))
        code = _SCALARS.get(kind)
        if code is None:
            raise InvalidInputError(f"{self.name}: array of unknown type {kind}")
        raw = self.take(count * struct.calcsize("<" + code))
        values = struct.unpack(f"<{count}{code}", raw)
        return tuple(bool(v) for v in values) if kind == _BOOL else values

    def _strings(self, count: int) -> tuple[str, ...]:
        """The next strings: a vocabulary has hundreds of thousands, so this loop is kept tight."""
        found: list[str] = []
        buffer, unpack, position = self._buffer, _LENGTH.unpack_from, self.position
        for _ in range(count):
            if position + _LENGTH.size > len(buffer):
                self.position = position
                self._ensure(_LENGTH.size)
            (length,) = unpack(buffer, position)
            position += _LENGTH.size
            if length > len(buffer) - position:
                self.position = position
                self._check_string(length)
                self._ensure(length)
            found.append(buffer[position : position + length].decode("utf-8", "replace"))
            position += length
        self.position = position
        return tuple(found)

    def _check_string(self, length: int) -> None:
        if length > MAX_STRING_BYTES:
            raise InvalidInputError(f"{self.name}: has a string of {length} bytes; at most {MAX_STRING_BYTES}")

    def _ensure(self, count: int) -> None:
        """Have `count` bytes at the position in the buffer."""
        end = self.position + count
        if end <= len(self._buffer):
            return
        if end > self._size:
            raise InvalidInputError(
                f"{self.name}: header runs past the end of the file ({self._size} bytes)",
                remedy="The file is cut short or damaged: import it again.",
            )
        if end > MAX_HEADER_BYTES:
            raise InvalidInputError(f"{self.name}: header is larger than {MAX_HEADER_BYTES} bytes")
        have = len(self._buffer)
        upto = min(max(end, have + self._step), self._size, MAX_HEADER_BYTES)
        piece = self._read(have, upto)
        if len(piece) != upto - have:
            raise InvalidInputError(f"{self.name}: {len(piece)} bytes came for the range {have}-{upto}")
        self._buffer += piece
        self._step = min(self._step * 2, LARGEST_READ)

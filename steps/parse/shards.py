"""Reads the tensor headers of a model's safetensors files, several at once, with as few bytes as the facts need.

Few files: a first read that covers most headers, then the exact rest. Many: 8 bytes each, then exactly the headers.
When the headers of many files are large, a part of them is read and `steps.parse.foresee` proves the others.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Final

from steps.errors import InvalidInputError
from steps.parse.foresee import Evidence, Outline, foresee
from steps.parse.ranges import ModelFiles
from steps.parse.safetensors import LENGTH_BYTES, Tensor, header_length, parse_header

FIRST_READ: Final = 32 << 10
FEW_FILES: Final = 16
READ_ALL_BYTES: Final = 2 << 20
MAX_ALL_HEADERS: Final = 64 << 20
THREADS: Final = 16
"""Headers are small: what they cost is round trips."""
ENDS: Final = 5
PART: Final = 8


@dataclass(frozen=True)
class WeightTensors:
    """The tensors of all files.

    Attributes:
        tensors: Every tensor, read or proved.
        data_bytes: Bytes of tensor data, over all files, from their lengths.
        headers: How many files there are.
        headers_read: How many headers were read whole.
        kind: What they were read from, in words.
    """

    tensors: tuple[Tensor, ...]
    data_bytes: int
    headers: int
    headers_read: int
    kind: str = "safetensors headers"

    @property
    def source(self) -> str:
        """Where a count over these tensors comes from, in words."""
        if self.headers_read == self.headers:
            return self.kind
        return f"safetensors headers ({self.headers_read} of {self.headers} read, the bytes of all agree)"


def read_tensors(files: ModelFiles, paths: Sequence[str], outline: Outline | None) -> WeightTensors:
    """The tensors of the safetensors files at `paths`.

    Args:
        files: The model.
        paths: Its weight files, in order.
        outline: What the configuration says of the layers, None when there is none.

    Raises:
        InvalidInputError: names the file whose header is broken.
        OmeError: of the source, when a file cannot be read.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="headers") as threads:
        first = FIRST_READ if len(paths) <= FEW_FILES else LENGTH_BYTES
        begun = list(threads.map(lambda path: _Header.begin(files, path, first), paths))
        data_bytes = sum(header.data_bytes for header in begun)
        header_bytes = sum(header.length for header in begun)
        if header_bytes > MAX_ALL_HEADERS:
            raise InvalidInputError(f"{paths[0]} and its shards: headers have {header_bytes} bytes in all")
        if outline is None or len(paths) <= FEW_FILES or header_bytes <= READ_ALL_BYTES:
            parsed = threads.map(lambda header: header.parse(files), begun)
            return WeightTensors(_unique(parsed), data_bytes, len(paths), len(paths))
        seen: list[tuple[Tensor, ...]] = []
        order = reading_order(len(paths))
        read_bytes = 0
        while order:
            part = [begun[index] for index in order[: max(len(paths) // PART, 2 * ENDS)]]
            order = order[len(part) :]
            seen += threads.map(lambda header: header.parse(files), part)
            read_bytes += sum(header.length for header in part)
            if order:
                found = foresee(_unique(seen), outline, Evidence(data_bytes, header_bytes, read_bytes))
                if found is not None:
                    return WeightTensors(found, data_bytes, len(paths), len(paths) - len(order))
        return WeightTensors(_unique(seen), data_bytes, len(paths), len(paths))


def reading_order(count: int) -> list[int]:
    """All of 0 … count-1: both ends first, where models keep what is not repeated, then ever finer between them."""
    ends = [*range(min(2, count)), *range(max(count - ENDS, 2), count)]
    rest: list[int] = []
    seen = set(ends)
    step = count
    while step >= 1 and len(seen) < count:
        for index in range(step // 2, count, step):
            if index not in seen:
                seen.add(index)
                rest.append(index)
        step //= 2
    return ends + rest + [index for index in range(count) if index not in seen]


def _unique(parts: Iterable[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """All tensors; one that two files describe alike counts once."""
    by_name: dict[str, Tensor] = {}
    for tensor in chain.from_iterable(parts):
        if by_name.setdefault(tensor.name, tensor) != tensor:
            raise InvalidInputError(f'tensor "{tensor.name[:100]}" is in two files with different shapes')
    return tuple(by_name.values())


@dataclass(frozen=True)
class _Header:
    """A file whose header's length is known, with the part of it that has come."""

    path: str
    length: int
    data_bytes: int
    begun: bytes

    @classmethod
    def begin(cls, files: ModelFiles, path: str, first: int) -> "_Header":
        size = files.entry(path).size
        content = files.range(path, 0, min(first, size)) if size else b""
        length = header_length(content, size, path)
        return cls(path, length, size - LENGTH_BYTES - length, content[LENGTH_BYTES : LENGTH_BYTES + length])

    def parse(self, files: ModelFiles) -> tuple[Tensor, ...]:
        content = self.begun
        if len(content) < self.length:
            content += files.range(self.path, LENGTH_BYTES + len(content), LENGTH_BYTES + self.length)
        return parse_header(content, self.data_bytes, self.path)

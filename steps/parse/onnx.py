"""The weights of an ONNX graph: its initializers, read by hops over ranges, with what operators say of packed ones.

Called by `steps.parse.count`. An ONNX file is one protobuf message (`onnx.proto`), up to 2 GiB with the weights in it;
larger models keep them in files beside it. Only tags, names, types and shapes are read, and the data is skipped.
Which inputs of an operator are scales and zero points, and how it packs weights, is told by ONNX's operator
specification and by ONNX Runtime's of its contributed operators.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Final, NamedTuple

from steps.parse.ranges import ModelFiles, RangeFile
from steps.parse.safetensors import MAX_DIMENSIONS

MOST_READ: Final = 16 << 20
MOST_FIELDS: Final = 1_000_000
MOST_WEIGHTS: Final = 200_000
_AHEAD: Final = 16 << 10
_LONGEST_NAME: Final = 2_000
_DEEPEST: Final = 8
_MODEL_GRAPH: Final = 7
_NODE, _INITIALIZER = 1, 5
_INPUT, _OPERATOR, _ATTRIBUTE = 1, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_NUMBER, _ATTRIBUTE_GRAPH = 1, 3, 6
_DIMENSIONS, _DATA_TYPE, _TENSOR_NAME = 1, 2, 8
_TYPES: Final = {
    1: ("F32", 32), 2: ("U8", 8), 3: ("I8", 8), 4: ("U16", 16), 5: ("I16", 16), 6: ("I32", 32), 7: ("I64", 64),
    9: ("BOOL", 8), 10: ("F16", 16), 11: ("F64", 64), 12: ("U32", 32), 13: ("U64", 64), 16: ("BF16", 16),
    17: ("F8_E4M3", 8), 18: ("F8_E4M3FNUZ", 8), 19: ("F8_E5M2", 8), 20: ("F8_E5M2FNUZ", 8), 21: ("U4", 4),
    22: ("I4", 4), 23: ("F4", 4), 25: ("U2", 2), 26: ("I2", 2),
}  # fmt: skip
"""`TensorProto.DataType`: safetensors' word where it has one, and bits of a value."""
_HELPERS: Final[Mapping[str, tuple[int, ...]]] = {
    "DequantizeLinear": (1, 2),
    "QuantizeLinear": (1, 2),
    "MatMulNBits": (2, 3, 4),
    "MatMulBnb4": (2,),
    "GatherBlockQuantized": (2, 3),
    "QMoE": (3, 6, 9, 11, 12, 13),
    "MatMulInteger": (2, 3),
    "ConvInteger": (2, 3),
    "DynamicQuantizeMatMul": (2, 3),
    "MatMulIntegerToFloat": (2, 3, 4, 5),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QGemm": (1, 2, 4, 5, 7, 8),
}
"""Inputs that are scales, zero points or orders of other inputs."""


class Weight(NamedTuple):
    """An initializer: `values` are parameters, packing undone; `bytes` is what it takes as stored."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    values: int
    bytes: int
    is_routed: bool


@dataclass
class _Graph:
    """What was found; roles by the names of initializers."""

    tensors: dict[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    helpers: set[str] = field(default_factory=set)
    unpacked: dict[str, int] = field(default_factory=dict)
    packed_bits: dict[str, int] = field(default_factory=dict)
    routed: set[str] = field(default_factory=set)


def graph_weights(files: ModelFiles, paths: tuple[str, ...]) -> tuple[Weight, ...]:
    """The weights of the graphs at `paths`.

    Raises:
        ValueError: says in a clause that begins with the file why a graph cannot be followed.
        OmeError: of the source, when a file cannot be read.
    """
    found: list[Weight] = []
    for path in paths:
        graph = _Graph()
        reading = _Reading(RangeFile(files, path, limit=MOST_READ, ahead=_AHEAD))
        for number, start, end in reading.fields(files.entry(path).size):
            if number == _MODEL_GRAPH and end > start:
                _read_graph(reading, end, graph, _DEEPEST)
        found += [_weight(name, *described, graph) for name, described in graph.tensors.items()]
    return tuple(weight for weight in found if weight.bytes)


def _weight(name: str, kind: int, shape: tuple[int, ...], graph: _Graph) -> Weight:
    dtype, bits = _TYPES.get(kind, ("", 0))
    stored = prod(shape)
    values = graph.unpacked.get(name, stored)
    if name in graph.packed_bits and bits == 8:
        values = stored * 8 // graph.packed_bits[name]
    # Whole numbers are shapes and indices unless they are narrow; numbers without a dimension are constants.
    is_weight = shape and dtype and (dtype.startswith(("F", "BF")) or bits <= 8) and dtype != "BOOL"
    if name in graph.helpers or not is_weight:
        values = 0
    return Weight(name, dtype, shape, values, -(-stored * bits // 8), name in graph.routed)


def _read_graph(reading: "_Reading", end: int, graph: _Graph, depth: int) -> None:
    if not depth:
        raise ValueError("has graphs in one another deeper than any model")
    for number, start, stop in reading.fields(end):
        if number == _INITIALIZER and stop > start:
            _read_initializer(reading, stop, graph)
        elif number == _NODE and stop > start:
            _read_node(reading, stop, graph, depth)


def _read_initializer(reading: "_Reading", end: int, graph: _Graph) -> None:
    name, kind = "", 0
    shape: list[int] = []
    for number, start, stop in reading.fields(end):
        if number == _DIMENSIONS:
            shape += [value for value, _ in reading.numbers(start, stop)]
        elif number == _DATA_TYPE:
            kind = start
        elif number == _TENSOR_NAME:
            name = reading.text(stop - start)
        if len(shape) > MAX_DIMENSIONS:
            raise ValueError(f'initializer "{name[:100]}" has too many dimensions')
    if prod(shape) >= 1 << 48 or len(graph.tensors) >= MOST_WEIGHTS:
        raise ValueError(f'initializer "{name[:100]}" has an impossible shape')
    graph.tensors[name] = (kind, tuple(shape))


def _read_node(reading: "_Reading", end: int, graph: _Graph, depth: int) -> None:
    operator = ""
    inputs: list[str] = []
    numbers: dict[str, int] = {}
    for number, start, stop in reading.fields(end):
        if number == _INPUT:
            inputs.append(reading.text(stop - start))
        elif number == _OPERATOR:
            operator = reading.text(stop - start)
        elif number == _ATTRIBUTE and stop > start:
            _read_attribute(reading, stop, numbers, graph, depth)
    graph.helpers |= {inputs[i] for i in _HELPERS.get(operator, ()) if i < len(inputs)}
    if operator in ("MatMulNBits", "MatMulBnb4") and len(inputs) > 1:
        graph.unpacked[inputs[1]] = min(numbers.get("K", 0) * numbers.get("N", 0), 1 << 48)
    elif operator == "GatherBlockQuantized" and inputs:
        graph.packed_bits[inputs[0]] = _bits(numbers.get("bits", 4))
    elif operator in ("QMoE", "MoE"):
        for name in inputs[2:11:3]:
            graph.routed.add(name)
            if operator == "QMoE":
                graph.packed_bits[name] = _bits(numbers.get("expert_weight_bits", 4))


def _bits(stated: int) -> int:
    return stated if stated in (1, 2, 4) else 8


def _read_attribute(reading: "_Reading", end: int, numbers: dict[str, int], graph: _Graph, depth: int) -> None:
    name, value = "", 0
    for number, start, stop in reading.fields(end):
        if number == _ATTRIBUTE_NAME:
            name = reading.text(stop - start)
        elif number == _ATTRIBUTE_NUMBER:
            value = start
        elif number == _ATTRIBUTE_GRAPH and stop > start:
            _read_graph(reading, stop, graph, depth - 1)
    numbers[name] = value


class _Reading:
    """Walks protobuf messages: tags and short values are read, long ones skipped."""

    def __init__(self, stream: RangeFile) -> None:
        self._stream = stream
        self._left = MOST_FIELDS

    def fields(self, end: int) -> Iterator[tuple[int, int, int]]:
        """The fields of a message up to `end`: number, start and stop; of a number the value and 0.

        After each the reading goes on behind it, wherever the caller has read to.
        """
        position = self._stream.tell()
        while position < end:
            self._left -= 1
            if self._left < 0:
                raise ValueError("has more parts than any model")
            self._stream.seek(position)
            tag, width = self._varint()
            position += width
            number, kind = tag >> 3, tag & 7
            if kind == 0:
                value, width = self._varint()
                position += width
                yield number, value, 0
                continue
            length = {1: 8, 5: 4}.get(kind, 0)
            if kind == 2:
                length, width = self._varint()
                position += width
            elif not length:
                raise ValueError("is no protobuf message")
            if length > end - position:
                raise ValueError("is cut short or no ONNX graph")
            start, position = position, position + length
            yield number, start, position

    def numbers(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """A repeated number: one value, or several packed into a field."""
        if not stop:
            yield start, 0
            return
        if stop - start > _LONGEST_NAME:
            raise ValueError("has too many dimensions")
        while self._stream.tell() < stop:
            yield self._varint()

    def text(self, length: int) -> str:
        """Text that begins here; what is too long for a name is cut."""
        return self._stream.read(min(max(length, 0), _LONGEST_NAME)).decode("utf-8", "replace")

    def _varint(self) -> tuple[int, int]:
        """A number and the bytes that it takes."""
        value = 0
        for width in range(10):
            byte = self._stream.read(1)
            if not byte:
                raise ValueError("ends in the middle")
            value |= (byte[0] & 0x7F) << 7 * width
            if byte[0] < 0x80:
                return value, width + 1
        raise ValueError("has a number that is none")

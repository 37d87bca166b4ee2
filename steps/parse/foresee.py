"""Foresees the tensors of a very large model from some of its shards, and proves the guess by its bytes.

A model of 160 shards and 90,000 tensors has 12 MB of headers that repeat one layer sixty times. From the layers seen,
all others are written down; the sum of their bytes must equal, to the byte, what the lengths of all files say. When it
does not, `steps.parse.shards` reads more headers, in the end all of them.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from steps.parse.layers import Layer
from steps.parse.safetensors import Tensor

MAX_TENSORS: Final = 2_000_000
_LAYER: Final = re.compile(r"^(.*?\blayers\.)(\d{1,6})(\..*)$")
_EXPERT: Final = re.compile(r"^(.*\.experts\.)(\d{1,6})(\..*)$")
_HEADER_TOLERANCE: Final = 0.01


class Outline(NamedTuple):
    """What the configuration says of the tensors' names: kinds of layers by index, and routed experts in a layer."""

    layers: Sequence[Layer]
    drafts: int
    experts: int


class Evidence(NamedTuple):
    """What is known of all shards: data bytes, header bytes, and how many header bytes were read."""

    data_bytes: int
    header_bytes: int
    read_bytes: int


class _Key(NamedTuple):
    """Where tensors of one shape recur: around the layer's number and around the expert's."""

    before: str
    after: str
    expert_after: str | None
    kind: Layer | str


def foresee(seen: Sequence[Tensor], outline: Outline, evidence: Evidence) -> tuple[Tensor, ...] | None:
    """All tensors of the model, or None when what was seen does not explain every byte.

    Args:
        seen: The tensors of the shards that were read.
        outline: The configuration's layers.
        evidence: The bytes that the result must explain.
    """
    if not outline.layers or not seen:
        return None
    kinds: list[Layer | str] = [*outline.layers, *["draft"] * outline.drafts]
    templates: dict[_Key, tuple[str, tuple[int, ...], int]] = {}
    single: dict[str, Tensor] = {}
    for tensor in seen:
        key = _key_of(tensor.name, kinds, outline.experts)
        if key is None:
            single[tensor.name] = tensor
        elif templates.setdefault(key, tensor[1:]) != tensor[1:]:
            return None  # layers of one kind differ: nothing can be foreseen
    total = len(single) + sum(_times(key, kinds, outline.experts) for key in templates)
    bytes_ = sum(t.bytes for t in single.values())
    bytes_ += sum(described[2] * _times(key, kinds, outline.experts) for key, described in templates.items())
    if bytes_ != evidence.data_bytes or total > MAX_TENSORS:
        return None
    expanded = list(single.values())
    for key, described in templates.items():
        expanded += [Tensor(name, *described) for name in _names(key, kinds, outline.experts)]
    return tuple(expanded) if _explains_headers(seen, expanded, evidence) else None


def _key_of(name: str, kinds: Sequence[Layer | str], experts: int) -> _Key | None:
    layer = _LAYER.match(name)
    if layer is None or int(layer[2]) >= len(kinds):
        return None
    kind, rest = kinds[int(layer[2])], layer[3]
    expert = _EXPERT.match(rest)
    if expert is None:
        return _Key(layer[1], rest, None, kind)
    return _Key(layer[1], expert[1], expert[3], kind) if int(expert[2]) < experts else None


def _times(key: _Key, kinds: Sequence[Layer | str], experts: int) -> int:
    return sum(kind == key.kind for kind in kinds) * (1 if key.expert_after is None else experts)


def _names(key: _Key, kinds: Sequence[Layer | str], experts: int) -> list[str]:
    indexes = [index for index, kind in enumerate(kinds) if kind == key.kind]
    if key.expert_after is None:
        return [f"{key.before}{index}{key.after}" for index in indexes]
    return [f"{key.before}{i}{key.after}{e}{key.expert_after}" for i in indexes for e in range(experts)]


def _explains_headers(seen: Sequence[Tensor], expanded: Sequence[Tensor], evidence: Evidence) -> bool:
    """Whether the text of all entries is as long as all headers together, at the ratio of the headers read."""
    if not evidence.read_bytes:
        return False
    expected = _text_length(expanded) * evidence.read_bytes / _text_length(seen)
    return abs(expected - evidence.header_bytes) <= evidence.header_bytes * _HEADER_TOLERANCE


def _text_length(tensors: Sequence[Tensor]) -> int:
    return sum(len(t.name) + len(t.dtype) + 8 * len(t.shape) + 70 for t in tensors)

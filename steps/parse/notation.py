"""A short notation for tensors that stand alone: projectors, pooling heads, what follows an encoder.

Terms are separated by spaces: `a>b` is a matrix from a to b, `a>b+` one with a bias, `ln:a` a norm with a bias, and
`a` or `a*b` a tensor of that shape. Sizes are numbers or names that the caller gives: `v>t+ t>t+` is LLaVA's
projector.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import prod
from typing import Final, NamedTuple


class _Term(NamedTuple):
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    has_bias: bool
    copies: int


_NORM: Final = "ln:"


def parameters_of(notation: str, sizes: Mapping[str, int]) -> int:
    """Parameters of all terms.

    Args:
        notation: As this module describes.
        sizes: What the names stand for; one that is not there counts as 0.
    """
    total = 0
    for term in _terms(notation):
        columns = _product(term.columns, sizes)
        total += term.copies * _product(term.rows, sizes) * columns + (columns if term.has_bias else 0)
    return total


@lru_cache(maxsize=1000)
def _terms(notation: str) -> tuple[_Term, ...]:
    return tuple(_term(text) for text in notation.split())


def _term(text: str) -> _Term:
    if text.startswith(_NORM):
        return _Term((), tuple(text.removeprefix(_NORM).split("*")), False, 2)
    rows, _, columns = text.rstrip("+").rpartition(">")
    return _Term(tuple(rows.split("*")) if rows else (), tuple(columns.split("*")), text.endswith("+"), 1)


def _product(names: tuple[str, ...], sizes: Mapping[str, int]) -> int:
    return prod(int(name) if name.isdecimal() else sizes.get(name, 0) for name in names)

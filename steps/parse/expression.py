"""Arithmetic over a configuration's names, as blueprints write sizes and conditions: read once, evaluated often.

`num_attention_heads*head_dim`, `depths[i]`, `layer_types[i] == 'conv'`, `text_config.hidden_size`. Only names,
numbers, texts, list items, comparisons and arithmetic on numbers are known; nothing is called but `sum`, `prod`,
`len`, `int` and `log2`, so that no expression does more than a few operations, whatever a configuration holds.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

Index = tuple[int, ...]
LARGEST: Final = 1 << 62
_LARGEST_POWER: Final = 64
_INDEXES: Final = ("i", "j", "k")


class UnknownValueError(Exception):
    """A configuration does not say what an expression needs; the text is the expression."""


class Names(Protocol):
    """Where an expression's names are looked up."""

    def value(self, name: str) -> object:
        """The value behind a dotted name.

        Raises:
            UnknownValueError: nobody tells.
        """


Evaluate = Callable[[Names, Index], object]
_FAILURES: Final = (TypeError, IndexError, ZeroDivisionError, OverflowError, ValueError, RecursionError)


@dataclass(frozen=True)
class Expression:
    """An expression that was read; `depth` is how many of the indexes i, j and k it depends on."""

    text: str
    evaluate: Evaluate
    depth: int

    def holds(self, names: Names, at: Index = ()) -> bool:
        """Whether a condition is met.

        Raises:
            UnknownValueError: the configuration does not tell.
        """
        try:
            return bool(self.evaluate(names, at))
        except _FAILURES as error:
            raise UnknownValueError(self.text) from error

    def number(self, names: Names, at: Index = ()) -> int:
        """A size from 0.

        Raises:
            UnknownValueError: the configuration gives no such size.
        """
        try:
            value = self.evaluate(names, at)
            whole = int(value) if isinstance(value, (int, float)) else -1
        except _FAILURES as error:
            raise UnknownValueError(self.text) from error
        if whole != value or not 0 <= whole <= LARGEST:
            raise UnknownValueError(self.text)
        return whole

    def any_value(self, names: Names, at: Index = ()) -> object:
        """Whatever the expression gives.

        Raises:
            UnknownValueError: it gives nothing.
        """
        try:
            return self.evaluate(names, at)
        except _FAILURES as error:
            raise UnknownValueError(self.text) from error


@lru_cache(maxsize=20_000)
def read_expression(text: str) -> Expression:
    """Read an expression of a blueprint.

    Raises:
        ValueError: it holds anything else than what this module knows.
    """
    try:
        tree = ast.parse(text, mode="eval").body
        evaluate = _compiled(tree)
    except (KeyError, SyntaxError) as error:
        raise ValueError(f"{text[:80]} holds what no expression does: {error}") from None
    used = [_INDEXES.index(n.id) for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in _INDEXES]
    return Expression(text, evaluate, max(used, default=-1) + 1)


def _numeric(join: Callable[[float, float], float]) -> Callable[[object, object], object]:
    def joined(left: object, right: object) -> object:
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            return join(left, right)
        raise TypeError

    return joined


def _power(base: float, exponent: float) -> float:
    if not 0 <= exponent <= _LARGEST_POWER or abs(base) > LARGEST:
        raise OverflowError
    return float(base**exponent) if isinstance(base, float) else int(base**exponent)


def _item(values: object, place: object) -> object:
    """An item; what is no list is the same for every layer."""
    if isinstance(values, (int, float, str)):
        return values
    if not isinstance(values, (list, tuple)) or not isinstance(place, int):
        raise TypeError
    if not -len(values) <= place < len(values):
        raise UnknownValueError("a list for each layer")
    return values[place]


_OPERATORS: Final[Mapping[type, Callable[[object, object], object]]] = {
    ast.Add: _numeric(operator.add), ast.Sub: _numeric(operator.sub), ast.Mult: _numeric(operator.mul),
    ast.FloorDiv: _numeric(operator.floordiv), ast.Div: _numeric(operator.truediv), ast.Mod: _numeric(operator.mod),
    ast.Pow: _numeric(_power), ast.Lt: _numeric(operator.lt), ast.Gt: _numeric(operator.gt),
    ast.LtE: _numeric(operator.le), ast.GtE: _numeric(operator.ge), ast.Eq: operator.eq, ast.NotEq: operator.ne,
    ast.Is: operator.is_, ast.In: lambda a, b: isinstance(b, (list, tuple)) and a in b,
}  # fmt: skip


def _sum(values: object) -> object:
    if not isinstance(values, list) or not all(isinstance(v, (int, float)) for v in values):
        raise TypeError
    return sum(values)


def _prod(values: object) -> object:
    if not isinstance(values, list) or not all(isinstance(v, int) and abs(v) <= LARGEST for v in values):
        raise TypeError
    found = 1
    for value in values:
        found *= value
        if abs(found) > LARGEST:
            raise OverflowError
    return found


def _len(values: object) -> object:
    if not isinstance(values, (list, tuple)):
        raise TypeError
    return len(values)


def _int(value: object) -> object:
    if not isinstance(value, (int, float)):
        raise TypeError
    return int(value)


def _log2(value: object) -> object:
    if not isinstance(value, int) or value < 1:
        raise TypeError
    return value.bit_length() - 1


_CALLS: Final[Mapping[str, Callable[[object], object]]] = {
    "sum": _sum,
    "len": _len,
    "int": _int,
    "log2": _log2,
    "prod": _prod,
}


def _compiled(node: ast.expr) -> Evaluate:
    match node:
        case ast.Constant(value=None | int() | float() | str() as constant):
            return lambda names, at: constant
        case ast.Name(id="i" | "j" | "k" as letter):
            place = _INDEXES.index(letter)
            return lambda names, at: at[place]
        case ast.Name() | ast.Attribute():
            name = _dotted(node)
            return lambda names, at: names.value(name)
        case ast.BinOp(left=left, op=op, right=right):
            return _joined(_OPERATORS[type(op)], _compiled(left), _compiled(right))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(_joined(_OPERATORS[type(op)], _compiled(left), _compiled(right)))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            denied = _compiled(operand)
            return lambda names, at: not denied(names, at)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _joined(_OPERATORS[ast.Sub], lambda names, at: 0, _compiled(operand))
        case ast.BoolOp(op=op, values=values):
            parts, join = [_compiled(value) for value in values], all if isinstance(op, ast.And) else any
            return lambda names, at: join(part(names, at) for part in parts)
        case ast.Subscript(value=value, slice=place):
            return _joined(_item, _compiled(value), _compiled(place))
        case ast.Call(func=ast.Name(id=called), args=[argument], keywords=[]):
            call, inner = _CALLS[called], _compiled(argument)
            return lambda names, at: call(inner(names, at))
    raise ValueError(f"an expression holds {ast.dump(node)[:80]}")


def _joined(join: Callable[[object, object], object], left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda names, at: join(left(names, at), right(names, at))


def _compared(compare: Evaluate) -> Evaluate:
    """A comparison; what cannot be compared, such as a number with null, is neither more nor less nor the same."""

    def compared(names: Names, at: Index) -> object:
        try:
            return compare(names, at)
        except _FAILURES:
            return False

    return compared


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    raise ValueError("an attribute of something else than a name")

"""The grammar of the three small languages inside workflow templates: text in, a tree out, nothing executed.

One grammar serves `depends`, `when` and conditions; each accepts only its own part of it. `expression` gives
the trees their meaning.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from steps.errors import InvalidInputError, UnsupportedError


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal value."""

    value: str | float | bool


@dataclass(frozen=True, slots=True)
class Reference:
    """A name, such as `fetch.Succeeded` or `lastRetry.exitCode`."""

    name: str


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list literal."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function applied to arguments."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator with its one or two operands."""

    operator: str
    operands: tuple["Node", ...]


Node = Constant | Reference | ListOf | Call | Operation
Dialect = Literal["depends", "when", "condition"]

RESULTS: Mapping[str, Collection[str]] = {
    "Succeeded": ("Succeeded",), "Failed": ("Failed",), "Errored": ("Error",), "Skipped": ("Skipped",),
    "Omitted": ("Omitted",), "AnySucceeded": (), "AllFailed": (),
}  # fmt: skip
"""What `depends` may ask of a task, and the phases that answer yes; the last two ask a loop's children."""

_NAME_PATTERN: Mapping[Dialect, str] = {
    "depends": r"[A-Za-z0-9_][-A-Za-z0-9_]*(\.[A-Za-z]+)?",
    "when": r"[^\W\d]\w*",
    "condition": r"[A-Za-z_][A-Za-z0-9_]*((\.[A-Za-z_][A-Za-z0-9_]*)|(\['[^']*'\]))*",
}
_WORDS = {"and": "&&", "or": "||", "not": "!"}
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">", "in", "not in", "startsWith")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def _tokens(text: str, dialect: Dialect) -> Iterator[_Token]:
    number = r"(?P<number>-?\d+(\.\d+)?(?![\w]))"
    name = rf"(?P<name>{_NAME_PATTERN[dialect]})"
    operand = name if dialect == "depends" else f"{number}|{name}"
    pattern = re.compile(
        rf"""\s*(?:(?P<text>'[^']*'|"[^"]*")|(?P<operator>&&|\|\||==|!=|<=|>=|<|>|!|\(|\)|\[|\]|,)|{operand})"""
    )
    position, end = 0, len(text.rstrip())
    while position < end:
        match = pattern.match(text, position)
        if match is None:
            rest = text[position:].strip()
            hint = " Put text in quotes." if dialect == "when" else ""
            raise InvalidInputError(
                f'{dialect} "{text}": cannot read "{rest}"', remedy=f"Correct the expression.{hint}"
            )
        position = match.end()
        kind = match.lastgroup if match.lastgroup in ("text", "operator", "number", "name") else "name"
        word = match.group(kind)
        if kind == "name" and dialect == "condition" and word in (*_WORDS, "in", "startsWith"):
            kind, word = "operator", _WORDS.get(word, word)
        yield _Token(kind, word)


class _Parser:
    """Recursive descent over `or > and > comparison > not > operand`."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self._text = text
        self._dialect: Dialect = dialect
        self._tokens = [*_tokens(text, dialect), _Token("end", "")]
        self._next = 0

    def parse(self) -> Node:
        node = self._chain("||", lambda: self._chain("&&", self._comparison))
        if self._peek().kind != "end":
            raise self._unexpected()
        return node

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *operators: str) -> bool:
        token = self._peek()
        if token.kind == "operator" and token.text in operators:
            self._next += 1
            return True
        return False

    def _unexpected(self) -> InvalidInputError:
        found = self._peek().text or "the end"
        return InvalidInputError(
            f'{self._dialect} "{self._text}": unexpected {found}', remedy="Correct the expression."
        )

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            raise self._unexpected()

    def _chain(self, operator: str, part: Callable[[], Node]) -> Node:
        operands = [part()]
        while self._take(operator):
            operands.append(part())
        return operands[0] if len(operands) == 1 else Operation(operator, tuple(operands))

    def _comparison(self) -> Node:
        left = self._unary()
        operator = self._peek().text
        if self._peek().kind == "operator" and operator in _COMPARISONS:
            self._next += 1
            return Operation(operator, (left, self._unary()))
        if self._dialect == "condition" and operator == "!" and self._tokens[self._next + 1].text == "in":
            self._next += 2
            return Operation("not in", (left, self._unary()))
        return left

    def _unary(self) -> Node:
        if self._take("!"):
            return Operation("!", (self._unary(),))
        return self._operand()

    def _operand(self) -> Node:
        if self._take("("):
            node = self._chain("||", lambda: self._chain("&&", self._comparison))
            self._expect(")")
            return node
        if self._take("["):
            return ListOf(self._list("]"))
        token = self._peek()
        if token.kind in ("operator", "end"):
            raise self._unexpected()
        self._next += 1
        if token.kind == "text":
            return Constant(token.text[1:-1])
        if token.kind == "number":
            return Constant(float(token.text))
        if self._dialect != "depends" and token.text in ("true", "false"):
            return Constant(token.text == "true")
        if self._dialect == "condition" and self._take("("):
            return Call(token.text, self._list(")"))
        return Reference(token.text)

    def _list(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take(end):
            if items:
                self._expect(",")
            items.append(self._chain("||", lambda: self._chain("&&", self._comparison)))
        return tuple(items)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in order."""
    yield node
    children: Sequence[Node] = ()
    if isinstance(node, ListOf):
        children = node.items
    elif isinstance(node, Call):
        children = node.arguments
    elif isinstance(node, Operation):
        children = node.operands
    for child in children:
        yield from walk(child)


def parse(text: str, dialect: Dialect) -> Node:
    """The expression as a tree.

    Raises:
        InvalidInputError: names the expression and where it cannot be read.
        UnsupportedError: when `depends` asks for a result that exists only on a cluster.
    """
    node = _Parser(text, dialect).parse()
    if dialect == "depends":
        for part in walk(node):
            if isinstance(part, (Constant, ListOf)) or (
                isinstance(part, Operation) and part.operator not in ("&&", "||", "!")
            ):
                raise InvalidInputError(f'depends "{text}": only task results, &&, ||, ! and () are accepted')
            result = part.name.partition(".")[2] if isinstance(part, Reference) else ""
            if result == "Daemoned":
                raise UnsupportedError(f'depends "{text}": Daemoned asks for daemon steps, which need a cluster')
            if result and result not in RESULTS:
                raise InvalidInputError(
                    f'depends "{text}": "{result}" is not a task result', remedy=f"Accepted: {', '.join(RESULTS)}."
                )
    return node

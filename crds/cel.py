"""Pieces of CEL, the language of the rules that the API server checks objects by, and the form of one rule.

Messages say what `crds.load` says: the value, what is wrong with it, and what is accepted. The field is named by the
API server itself. `crds.rules` and its neighbours use this; `crds.schema` writes the rules into the definitions.
"""

import json
from dataclasses import dataclass
from typing import Any

_LONGEST_SHOWN = 120
PASSWORD = r"//[^/@]*:[^/@]*@"  # noqa: S105 - what a user and a password in a URI look like


class Cel(str):
    """A CEL expression, where plain words could stand too."""

    __slots__ = ()


@dataclass(frozen=True)
class Rule:
    """What must hold of a value, which is `self` in the expressions.

    Attributes:
        holds: CEL expression that is true for what is accepted.
        says: What is wrong, as words and as `Cel` expressions that give text, in their order.
        accepted: What would be right, words or a `Cel` expression.
        field: Path of the field below the value, with a dot first; "" for the value itself.
        is_missing: Whether the error is that something is not there.
    """

    holds: str
    says: tuple[str, ...]
    accepted: str
    field: str = ""
    is_missing: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As `x-kubernetes-validations` has it. Beside an expression, the message is for when that fails."""
        parts = (*self.says, "; accepted: ", self.accepted)
        values = [part for part in parts if isinstance(part, Cel)]
        words = "".join("%s" if isinstance(part, Cel) else part.replace("%", "%%") for part in parts)
        written = {"rule": self.holds}
        if values:  # joined by format(): the API server reckons a sum of texts with numbers in it as without bounds
            written["message"] = "is not valid" if isinstance(self.accepted, Cel) else f"accepted: {self.accepted}"
            written["messageExpression"] = f"{text(words)}.format([{', '.join(values)}])"
        else:
            written["message"] = "".join(parts)
        if self.field:
            written["fieldPath"] = self.field
        if self.is_missing:
            written["reason"] = "FieldValueRequired"
        return written


def text(value: str) -> str:
    """A CEL text literal."""
    return json.dumps(value, ensure_ascii=False)


def matches(expression: str, pattern: str) -> str:
    """CEL: whether the text matches a pattern (RE2), which the caller anchors where it means the whole."""
    if '"' in pattern:
        raise ValueError(f"a pattern with a double quote has no raw CEL literal: {pattern}")
    return f'{expression}.matches(r"{pattern}")'


def shown(expression: str) -> Cel:
    """CEL: the text in quotes, cut where it is long."""
    cut = f"{expression}.substring(0, {_LONGEST_SHOWN - 2})"
    return Cel(f"""'"' + (size({expression}) > {_LONGEST_SHOWN - 2} ? {cut} + '\u2026' : {expression} + '"')""")


def shown_uri(expression: str) -> Cel:
    """CEL: the same of a URI, which is not told when it holds a password."""
    return Cel(f"({matches(expression, PASSWORD)} ? 'the URI (hidden)' : {shown(expression)})")

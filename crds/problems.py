"""What can be wrong with an object, as values: where, which value, what is accepted.

Validators of this package raise `FieldError`; `crds.load` collects them as `Problem`s and raises one
`InvalidResourceError`. The layers above translate that into their own errors; this package imports none of them.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

ProblemKind = Literal["invalid", "unknown-field", "notice"]

_SECRET = re.compile(
    r"(token|secret|password|access_?key|account_?key|api_?key|connection_?string|sas)\b", re.IGNORECASE
)
_NOT_SECRET = re.compile(r"(secretKey|secretReference|maxTokens|perMillionTokens)$", re.IGNORECASE)
_LONGEST_SHOWN = 120


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, or odd, in an object.

    Attributes:
        path: The field, as it is written in YAML: `spec.storage.storageUri`, `spec.trafficScenarios[1]`.
        message: What is wrong with it, without the path; it names the value.
        accepted: What would be right; "" when the message says it all.
        kind: `invalid` refuses the object; `unknown-field` and `notice` are told and do not.
    """

    path: str
    message: str
    accepted: str = ""
    kind: ProblemKind = "invalid"

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{text}; accepted: {self.accepted}" if self.accepted else text


class FieldError(ValueError):
    """A value breaks a rule.

    Args:
        message: What is wrong; names the value.
        accepted: What would be right.
        field: Path of the field below the object whose validator raises; "" for that object itself.
    """

    def __init__(self, message: str, *, accepted: str = "", field: str = "") -> None:
        super().__init__(f"{message}; accepted: {accepted}" if accepted else message)
        self.message = message
        self.accepted = accepted
        self.field = field


class InvalidResourceError(ValueError):
    """An object, or a file of objects, cannot be read. `problems` has everything that is wrong, not just the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def shown(value: Any, path: str = "") -> str:
    """A value as an error message quotes it: short, on one line, and never a secret."""
    last = path.rpartition(".")[2]
    if _SECRET.search(last) and not _NOT_SECRET.search(last):
        return "the value (hidden)"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}\u2026"


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """The candidate that `word` was probably meant to be, or ""."""
    by_simple = {re.sub(r"[-_]", "", candidate).lower(): candidate for candidate in candidates}
    simple = re.sub(r"[-_]", "", word).lower()
    close = difflib.get_close_matches(simple, by_simple, n=1, cutoff=0.7)
    return by_simple[close[0]] if close else ""


def join_path(parts: Iterable[str | int]) -> str:
    """`("spec", "args", 0, "a.b/c")` as `spec.args[0]["a.b/c"]`."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif re.fullmatch(r"[\w-]+", part):
            path += f".{part}" if path else part
        else:
            path += f'["{part}"]'
    return path

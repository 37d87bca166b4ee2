"""Pydantic's validation errors in the words of this project: which field, which value, what is accepted."""

import re
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from crds.problems import FieldError, Problem, did_you_mean, join_path, shown

_BOUNDS = {
    "greater_than": ("is not above", "gt", "above {}"),
    "greater_than_equal": ("is below", "ge", "{} and above"),
    "less_than": ("is not below", "lt", "below {}"),
    "less_than_equal": ("is above", "le", "up to {}"),
}
_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def problems_of(error: ValidationError) -> list[Problem]:
    """Every problem that an error holds, in the order of the fields."""
    return [_problem(details) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails) -> Problem:
    kind, value = details["type"], details["input"]
    context: dict[str, Any] = details.get("ctx", {})
    path = join_path(part for part in details["loc"] if part != "[key]")
    quoted = shown(value, path)
    cause = context.get("error")
    if isinstance(cause, FieldError):
        place = ".".join(part for part in (path, cause.field) if part)
        return Problem(place, cause.message, cause.accepted)
    if kind == "missing":
        return Problem(path, "is missing")
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", context["expected"])
        guess = did_you_mean(value, words) if isinstance(value, str) else ""
        hint = f'; did you mean "{guess}"?' if guess else ""
        return Problem(path, f"{quoted} is not known{hint}", ", ".join(word or '""' for word in words))
    if kind == "string_type":
        in_quotes = isinstance(value, int | float) and "hidden" not in quoted
        return Problem(path, f"{quoted} is not text", f'text: "{quoted}" in quotes' if in_quotes else "text")
    if kind == "string_too_short":
        return Problem(path, "is empty", "a name")
    if kind == "string_too_long":
        message = f"{quoted} has {len(value)} characters"
        return Problem(path, message, f"up to {context['max_length']} characters")
    if kind == "too_long":
        message = f"has {context['actual_length']} entries"
        return Problem(path, message, f"up to {context['max_length']} entries")
    if kind in _BOUNDS:
        words_of_bound, key, accepted = _BOUNDS[kind]
        bound = f"{context[key]:.15g}"
        return Problem(path, f"{quoted} {words_of_bound} {bound}", accepted.format(bound))
    if kind in _WANTED:
        return Problem(path, f"{quoted} is not {_WANTED[kind]}", _WANTED[kind])
    return Problem(path, f"{quoted}: {details['msg']}")

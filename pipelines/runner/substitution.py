"""References in workflow templates: `{{inputs.parameters.uri}}` and its like, found and replaced as text.

Of Argo's expression tags only `{{=jsonpath(<reference>, '<path>')}}` is known, with paths of `[index]` and `.key`: it
takes one value out of a loop's aggregated outputs. Every other one is refused by name.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from steps.errors import InvalidInputError, UnsupportedError

_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_PLAIN = re.compile(r"\{\{[^={}][^{}]*\}\}")
_JSONPATH = re.compile(r"\s*jsonpath\(\s*(?P<reference>[^,()]+?)\s*,\s*'(?P<path>[^']*)'\s*\)\s*")
_PATH_PART = re.compile(r"\[(?P<index>\d+)\]|\.(?P<key>\w+)")
_BRACKET = re.compile(r"\['([^']+)'\]")

Lookup = Callable[[str], str | None]
"""The value of a reference, or None when it has none."""


def references(value: object) -> Iterator[str]:
    """Every reference in the texts of a value, also those inside the one known expression.

    Raises:
        UnsupportedError: for any other expression tag.
    """
    if isinstance(value, str):
        for match in _TAG.finditer(value):
            yield _split(match.group(1))[0]
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def output_tag(source: Mapping[str, Any]) -> str:
    """The tag that an output of a DAG or steps template comes from: its `parameter`, or its `expression` as a tag.

    Args:
        source: The output's valueFrom.

    Raises:
        InvalidInputError: when `parameter` is anything but one plain reference: Argo takes no more there.
    """
    if source.get("expression"):
        return f"{{{{={source['expression']}}}}}"
    tag = str(source["parameter"])
    if not _PLAIN.fullmatch(tag.strip()):
        remedy = "Write an expression in valueFrom.expression, without braces; compose texts in a step."
        raise InvalidInputError(f'"{tag}" in valueFrom.parameter is not one plain reference', remedy=remedy)
    return tag


def substitute(value: Any, lookup: Lookup) -> Any:  # noqa: ANN401 - any part of a YAML document
    """The value with every reference in its texts replaced.

    Raises:
        InvalidInputError: names a reference that has no value.
        UnsupportedError: names an expression tag that is not known.
    """
    if isinstance(value, str):
        return _TAG.sub(lambda match: _resolve(match.group(1), lookup), value)
    if isinstance(value, dict):
        return {key: substitute(item, lookup) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, lookup) for item in value]
    return value


def _split(tag: str) -> tuple[str, str]:
    """The reference of a tag, and its path when it is a jsonpath expression."""
    if not tag.startswith("="):
        return tag.strip(), ""
    match = _JSONPATH.fullmatch(tag[1:])
    if match is None:
        raise UnsupportedError(
            f'"{{{{{tag}}}}}": this expression is not supported on one machine',
            remedy="Only {{=jsonpath(<reference>, '$[0]')}} is; run it on a cluster with Argo.",
        )
    return _BRACKET.sub(r".\1", match["reference"]), match["path"]


def _resolve(tag: str, lookup: Lookup) -> str:
    reference, path = _split(tag)
    value = lookup(reference)
    if value is None:
        raise InvalidInputError(f'"{{{{{tag}}}}}" has no value', remedy="Give the output a default, or correct it.")
    return value if not path else _at(path, value, tag)


def _at(path: str, text: str, tag: str) -> str:
    parts = list(_PATH_PART.finditer(path[1:]))
    if not path.startswith("$") or "".join(part.group() for part in parts) != path[1:]:
        raise UnsupportedError(f'"{{{{{tag}}}}}": only [index] and .key are supported in the path')
    try:
        value = json.loads(text)
        for part in parts:
            value = value[int(part["index"])] if part["index"] else value[part["key"]]
    except (ValueError, LookupError, TypeError):
        raise InvalidInputError(f'"{{{{{tag}}}}}": {text[:100]} has nothing at {path}') from None
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))

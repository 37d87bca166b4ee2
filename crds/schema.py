"""From a kind's pydantic type to the structural schema that the API server keeps its objects by.

`crds.definition` calls `structural_schema`. The types stay the one source: descriptions are their docstrings, limits
their constraints, and rules across fields come from `crds.rules`. Nothing here knows a kind.

What the API server asks of a structural schema: no `$ref`, one `type` a value, no `null`, no defaults that it would
have to prune (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from crds.base import ApiType
from crds.resource import Resource
from crds.rules import FIELD_RULES, RULES, SPELLINGS

Schema = dict[str, Any]

_KEPT = (
    "description", "type", "format", "enum", "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength",
    "pattern", "minItems", "maxItems", "minProperties", "maxProperties", "required",
    "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)  # fmt: skip
"""Keywords that mean the same to both sides; the others are translated or left out (`title`, `default`)."""

_ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}
_LARGEST_INT64 = 2**63 - 1


def structural_schema(kind: type[Resource]) -> Schema:
    """The schema of a kind's objects."""
    whole = kind.model_json_schema(by_alias=True)
    converted = _Converter(whole.get("$defs", {})).of_type(kind, whole)
    fields = converted["properties"]
    fields["apiVersion"] = {"type": "string", "description": "Group and version of this API."}
    fields["kind"] = {"type": "string", "description": "The kind of this object."}
    fields["metadata"] = {"type": "object", "properties": {"name": {"type": "string"}}}  # rules may point at it
    if "status" in fields:  # a condition is written as a whole: who wrote which field of it is not kept beside it
        fields["status"]["properties"]["conditions"]["items"]["x-kubernetes-map-type"] = "atomic"
    converted["required"] = ["spec"]
    return converted


class _Converter:
    """Converts one kind's JSON schema, with each type put in where it is referred to."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._types = {found.__name__: found for found in _descendants(ApiType)}  # `$ref` carries the name

    def of_type(self, owner: type[ApiType], schema: Schema) -> Schema:
        """The schema of an API type: its fields, their descriptions, and all rules that its bases have."""
        converted = self._of(schema)
        summary, about = _documentation(owner)
        converted["description"] = summary
        fields = converted["properties"]
        for name, spelling in ((n, s) for base in owner.__mro__ for n, s in SPELLINGS.get(base, {}).items()):
            fields[name] = dict(spelling)
        for field_name, field in owner.model_fields.items():
            name = field.alias or field_name
            if field_name in about:
                fields[name]["description"] = about[field_name]
            rules = [rule for base in owner.__mro__ for rule in FIELD_RULES.get((base, name), ())]
            if rules:
                fields[name].setdefault("x-kubernetes-validations", []).extend(rule.to_dict() for rule in rules)
            items = [rule for base in owner.__mro__ for rule in FIELD_RULES.get((base, f"{name}[]"), ())]
            if items:
                fields[name]["items"]["x-kubernetes-validations"] = [rule.to_dict() for rule in items]
        rules = [rule for base in owner.__mro__ for rule in RULES.get(base, ())]
        if rules:
            converted["x-kubernetes-validations"] = [rule.to_dict() for rule in rules]
        return _in_order(converted)

    def _of(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            return self._referred(schema["$ref"].rpartition("/")[2])
        if "anyOf" in schema and not schema.get("x-kubernetes-int-or-string"):
            (given,) = (option for option in schema["anyOf"] if option != {"type": "null"})
            return self._of(given | {key: schema[key] for key in schema.keys() & set(_KEPT)})
        converted = {key: schema[key] for key in _KEPT if key in schema}
        if "const" in schema:
            converted["enum"] = [schema["const"]]
        if "exclusiveMinimum" in converted:
            converted["minimum"], converted["exclusiveMinimum"] = converted["exclusiveMinimum"], True
        for bound in ("minimum", "maximum"):
            if abs(converted.get(bound, 0)) >= _LARGEST_INT64:  # the format says it, and a float cannot
                del converted[bound]
        if "properties" in schema:
            converted["properties"] = {name: self._of(of_field) for name, of_field in schema["properties"].items()}
        if "items" in schema:
            converted["items"] = self._of(schema["items"])
        values = schema.get("additionalProperties")
        if isinstance(values, dict) and "properties" not in schema:
            converted["additionalProperties"] = self._of(values)
            if converted["additionalProperties"] == _ANYTHING:
                return dict(_ANYTHING)  # any object; some of these may be written as JSON text too
        if "type" not in converted and not converted.get("x-kubernetes-int-or-string"):
            converted |= _ANYTHING
        return _in_order(converted)

    def _referred(self, name: str) -> Schema:
        if name in self._types:
            return self.of_type(self._types[name], self._definitions[name])
        return self._of(self._definitions[name])


def _descendants(of: type[ApiType]) -> Iterator[type[ApiType]]:
    for child in of.__subclasses__():
        yield child
        yield from _descendants(child)


def _documentation(owner: type[ApiType]) -> tuple[str, dict[str, str]]:
    """The first words of a type's docstring, and by field name what its `Attributes:`, and its bases', say."""
    about: dict[str, str] = {}
    for base in reversed(owner.__mro__):
        section = (base.__doc__ or "").partition("Attributes:\n")[2]
        for match in re.finditer(r"^ {8}(\w+): (.+(?:\n {9,}.+)*)", section, re.MULTILINE):
            about[match[1]] = " ".join(match[2].split())
    summary = " ".join((owner.__doc__ or "").partition("Attributes:")[0].split())
    return summary, about


def _in_order(schema: Schema) -> Schema:
    """The same with its keys in an order that reads well, the same at every run."""
    first = [key for key in _KEPT if key in schema]
    last = [
        key for key in ("x-kubernetes-validations", "items", "additionalProperties", "properties") if key in schema
    ]
    return {key: schema[key] for key in first + last if schema[key] not in ({}, [])}

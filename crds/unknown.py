"""Finds, in a typed object, the fields that no type knows and what its types have to say about themselves."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic.fields import FieldInfo

from crds.base import ApiType
from crds.kubernetes import KnownFields
from crds.problems import Problem, did_you_mean, join_path, shown

_Path = tuple[str | int, ...]


def unknown_fields_and_notices(resource: ApiType) -> Iterator[Problem]:
    """Both kinds of problem, in the order of the fields."""
    yield from _of_object(resource, ())


def _of_object(value: ApiType, path: _Path) -> Iterator[Problem]:
    for name in value.model_extra or {}:
        yield _unknown(name, path, _suggestion(name, type(value)))
    for notice in value.notices():
        prefix = join_path(path)
        separator = "." if prefix and notice.path and not notice.path.startswith("[") else ""
        yield Problem(f"{prefix}{separator}{notice.path}", notice.message, notice.accepted, notice.kind)
    for name, field in type(value).model_fields.items():
        if name in value.model_fields_set:
            yield from _of_value(getattr(value, name), _known_fields(field), (*path, field.alias or name))


def _of_value(value: Any, known: KnownFields | None, path: _Path) -> Iterator[Problem]:
    if isinstance(value, ApiType):
        yield from _of_object(value, path)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _of_value(item, known, (*path, index))
    elif isinstance(value, dict) and known is not None:
        names = known.names.split()
        for name in value:
            if names and name not in names:
                yield _unknown(name, path, did_you_mean(name, names))
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, ApiType):
                yield from _of_object(item, (*path, key))


def _unknown(name: str, path: _Path, suggestion: str) -> Problem:
    hint = f"; did you mean {suggestion}?" if suggestion else ""
    return Problem(join_path((*path, name)), f"{shown(name)} is not a known field{hint}", kind="unknown-field")


def _suggestion(name: str, owner: type[ApiType]) -> str:
    """The same name one level deeper, where it may have been meant to stand, or a name like it."""
    names = owner.json_names()
    close = did_you_mean(name, names)
    if close and close.lower() == name.replace("_", "").replace("-", "").lower():
        return close
    for field_name, field in owner.model_fields.items():
        for inner in _types_in(field.annotation):
            if isinstance(inner, type) and issubclass(inner, ApiType) and name in inner.json_names():
                return f"{field.alias or field_name}.{name}"
    return close


def _types_in(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        if get_origin(annotation) is not tuple:
            yield from _types_in(argument)


def _known_fields(field: FieldInfo) -> KnownFields | None:
    for item in field.metadata:
        if isinstance(item, KnownFields):
            return item
    return _known_fields_in(field.annotation)


def _known_fields_in(annotation: Any) -> KnownFields | None:
    if get_origin(annotation) is Annotated:
        return next((item for item in annotation.__metadata__ if isinstance(item, KnownFields)), None)
    return next((found for argument in get_args(annotation) if (found := _known_fields_in(argument))), None)

"""Reading fields of raw resources: a wrong shape becomes an error that names the field, never a traceback.

Called by everything in this package that takes a runtime's or a service's dictionary apart.
"""

from collections.abc import Mapping
from typing import Any

from steps.errors import InvalidInputError


def mapping_at(holder: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    """The mapping at `key`, empty when absent.

    Raises:
        InvalidInputError: names the field when it is something else.
    """
    return _of_type(holder, key, where, dict, "a mapping") or {}


def list_at(holder: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """The list at `key`, empty when absent.

    Raises:
        InvalidInputError: names the field when it is something else.
    """
    return _of_type(holder, key, where, list, "a list") or []


def mappings_at(holder: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """The list of mappings at `key`, empty when absent.

    Raises:
        InvalidInputError: names the field, or the item in it, that is something else.
    """
    items = list_at(holder, key, where)
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise InvalidInputError(f'{_path(where, key)}[{index}]: "{item}" is not a mapping')
    return items


def text_at(holder: Mapping[str, Any], key: str, where: str) -> str:
    """The text at `key`, "" when absent. Numbers and booleans are written as YAML writes them.

    Raises:
        InvalidInputError: names the field when it is a list or a mapping.
    """
    return scalar_text(holder.get(key), _path(where, key))


def texts_at(holder: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """The list of texts at `key`, empty when absent.

    Raises:
        InvalidInputError: names the field, or the item in it, that is something else.
    """
    items = list_at(holder, key, where)
    return tuple(scalar_text(item, f"{_path(where, key)}[{index}]") for index, item in enumerate(items))


def integer_at(holder: Mapping[str, Any], key: str, where: str, default: int) -> int:
    """The whole number at `key`, `default` when absent.

    Raises:
        InvalidInputError: names the field when it is something else.
    """
    found = holder.get(key)
    if found is None:
        return default
    if isinstance(found, bool) or not isinstance(found, int):
        raise InvalidInputError(f'{_path(where, key)}: "{found}" is not a whole number')
    return found


def scalar_text(value: object, path: str) -> str:
    """A scalar as text: `4` is "4", `true` is "true", nothing is "".

    Raises:
        InvalidInputError: for a list or a mapping.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise InvalidInputError(f"{path}: expected a text, got a {type(value).__name__}")


def _of_type(holder: Mapping[str, Any], key: str, where: str, wanted: type, words: str) -> Any:
    found = holder.get(key)
    if found is not None and not isinstance(found, wanted):
        raise InvalidInputError(f'{_path(where, key)}: "{str(found)[:100]}" is not {words}')
    return found


def _path(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key

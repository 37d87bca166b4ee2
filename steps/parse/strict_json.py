"""JSON from strangers: any bytes become a value or a clear error that names the file, in bounded time and memory."""

import codecs
import json
import math
from collections.abc import Callable
from typing import Any, Final

from steps.errors import InvalidInputError

Json = dict[str, Any]

LARGEST_FLOAT: Final = 1e308
MAX_CONTAINERS: Final = 700_000
MAX_ITEMS: Final = 1_300_000
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the UTF-16 one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def load_object(content: bytes, name: str, on_duplicate: Callable[[str], None] | None = None) -> Json:
    """The JSON object in `content`.

    UTF-8, UTF-16 and UTF-32 are read, with or without a byte order mark. `NaN` becomes null and infinities become
    the largest number, as in configurations that Python wrote. A repeated key keeps its last value.

    Args:
        content: The file.
        name: What messages call the file.
        on_duplicate: Called with each repeated key; may raise.

    Raises:
        InvalidInputError: names the file and what is wrong with it.
    """
    value = load_value(content, name, on_duplicate)
    if not isinstance(value, dict):
        raise InvalidInputError(f"{name}: holds a {type(value).__name__}, expected a JSON object")
    return value


def load_value(content: bytes, name: str, on_duplicate: Callable[[str], None] | None = None) -> Any:
    """Any JSON value in `content`; otherwise as `load_object`."""

    def pairs(items: list[tuple[str, Any]]) -> Json:
        made = dict(items)
        if on_duplicate is not None and len(made) != len(items):
            seen: set[str] = set()
            for key, _ in items:
                if key in seen:
                    on_duplicate(key)
                seen.add(key)
        return made

    # A few bytes of text can make an object of sixty: counting first keeps memory in proportion.
    if content.count(b"{") + content.count(b"[") > MAX_CONTAINERS or content.count(b",") > MAX_ITEMS:
        raise InvalidInputError(f"{name}: has too many objects, lists or values for a file of its kind")
    try:
        return json.loads(_decode(content), parse_constant=_constant, parse_float=_float, object_pairs_hook=pairs)
    except RecursionError:
        raise InvalidInputError(f"{name}: is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{name}: is not text: {error.reason} at byte {error.start}") from None
    except ValueError as error:
        raise InvalidInputError(
            f"{name}: is not valid JSON: {error}", remedy="Correct the file at its source, or import another revision."
        ) from None


def _decode(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    return content.decode(json.detect_encoding(content))


def _constant(text: str) -> float | None:
    return {"Infinity": LARGEST_FLOAT, "-Infinity": -LARGEST_FLOAT}.get(text)


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else math.copysign(LARGEST_FLOAT, value)

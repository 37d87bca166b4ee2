"""Kubernetes quantities: `80Gi`, `500m`, `1e3`, `2.5`, 4. Memory, bandwidth and prices are written so.

Grammar: the API conventions of Kubernetes (a signed decimal number, then a binary suffix Ki…Ei, a decimal suffix
n, u, m, k, M, G, T, P, E, or an exponent e<integer>).
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from crds.problems import FieldError, shown

_NUMBER = re.compile(r"(?P<number>[+-]?([0-9]+\.?[0-9]*|\.[0-9]+))(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_LARGEST = 2**63 - 1
_LONGEST = 64
_ACCEPTED = 'a Kubernetes quantity: a number with an optional suffix, such as "80Gi", "500m", "1e3", "2.5" or 4'


def parse_quantity(quantity: str | int | float) -> Fraction:
    """The exact number that a quantity stands for: `80Gi` is 85899345920, `500m` is 1/2.

    Raises:
        FieldError: when it is not a quantity, or beyond 2^63-1 either way.
    """
    if isinstance(quantity, bool) or not isinstance(quantity, str | int | float):
        raise FieldError(f"{shown(quantity)} is not a quantity", accepted=_ACCEPTED)
    text = str(quantity)
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST and text.isascii() else None
    if match is None:
        raise FieldError(f"{shown(quantity)} is not a quantity", accepted=_ACCEPTED)
    number, suffix = Fraction(match["number"]), match["suffix"] or ""
    if suffix in _BINARY:
        number *= 2 ** _BINARY[suffix]
    else:
        exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:] or 0)
        if abs(exponent) > _LONGEST:
            raise FieldError(f"{shown(quantity)} has an exponent that is out of range", accepted=_ACCEPTED)
        number *= Fraction(10) ** exponent
    if abs(number) > _LARGEST:
        raise FieldError(f"{shown(quantity)} is beyond 2^63-1", accepted=_ACCEPTED)
    return number


@dataclass(frozen=True)
class Quantity:
    """A quantity as it was written; `value` is its number. Comparable by value.

    Attributes:
        text: As written: "80Gi".
    """

    text: str

    def __post_init__(self) -> None:
        parse_quantity(self.text)

    @property
    def value(self) -> Fraction:
        """The exact number."""
        return parse_quantity(self.text)

    def __int__(self) -> int:
        """The number rounded up, as Kubernetes rounds: bytes, devices."""
        return math.ceil(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return self.text

    def __lt__(self, other: "Quantity") -> bool:
        return self.value < other.value

    def __le__(self, other: "Quantity") -> bool:
        return self.value <= other.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    @classmethod
    def _validate(cls, data: Any) -> "Quantity":
        if isinstance(data, Quantity):
            return data
        parse_quantity(data)
        return cls(str(data))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]+))?$",
            "x-kubernetes-int-or-string": True,
        }

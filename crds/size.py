"""Model sizes as OME writes them: "7B", "134.52M", "7.62B". Facts print them, runtimes bound ranges by them."""

import re
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from crds.problems import FieldError, shown

_SIZE = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,30})?)([KMBT]?)", re.ASCII)
_UNITS = (("T", 10**12), ("B", 10**9), ("M", 10**6), ("K", 10**3))
_ACCEPTED = 'a number of parameters with K, M, B or T, such as "7B", "0.5B" or "134.52M"'


def parse_size(text: str) -> int:
    """The number of parameters that a size stands for, rounded to a whole one: "0.5B" is 500000000.

    Raises:
        FieldError: when it is not a size. Lower-case units are taken too.
    """
    match = _SIZE.fullmatch(text.strip().upper()) if isinstance(text, str) and text.isascii() else None
    if match is None:
        raise FieldError(f"{shown(text)} is not a model size", accepted=_ACCEPTED)
    return int((Decimal(match[1]) * dict(_UNITS).get(match[2], 1)).to_integral_value(ROUND_HALF_UP))


def format_size(parameters: int) -> str:
    """A number of parameters as OME prints it: whole numbers bare, else one decimal where that is exact, else two.

    Where OME truncates its single decimal (1.25B as "1.2B"), this rounds to two ("1.25B").

    Raises:
        ValueError: for a negative number.
    """
    if parameters < 0:
        raise ValueError(f"{parameters} parameters: the number cannot be negative")
    unit, factor = next(((unit, factor) for unit, factor in _UNITS if parameters >= factor), ("", 1))
    number = Decimal(parameters) / factor
    if number == number.to_integral_value():
        return f"{number.to_integral_value()}{unit}"
    if number * 10 == (number * 10).to_integral_value():
        return f"{number.quantize(Decimal('0.1'))}{unit}"
    return f"{number.quantize(Decimal('0.01'), ROUND_HALF_EVEN)}{unit}"

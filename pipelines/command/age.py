"""How long ago: as a person writes it in an option, and as a table shows it."""

import re

from steps.errors import InvalidInputError

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(s|min|h|d|w)")


def parse_age(option: str, text: str) -> float:
    """Seconds that `30min`, `12h`, `7d` or `4w` means.

    Args:
        option: Its name, for the message.
        text: What was typed.

    Raises:
        InvalidInputError: with what is accepted.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError(
            f'{option}: "{text}" is not a length of time',
            remedy="Write a number and one of s, min, h, d, w, such as 12h or 7d.",
        )
    return float(match[1]) * _SECONDS[match[2]]


def format_age(seconds: float) -> str:
    """The largest unit that fits: `40 s`, `12 min`, `5 h`, `3 d`."""
    unit = next((u for u in ("d", "h", "min") if seconds >= _SECONDS[u]), "s")
    return f"{max(0.0, seconds) // _SECONDS[unit]:.0f} {unit}"

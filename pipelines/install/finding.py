"""One line of `ome doctor`: what was looked at, whether it is well, and what to do when it is not."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "error"]

INSTALL = "Run `ome install`: what it is not told stays as it was installed."
UPGRADE = "Run `ome install` of this version to bring it up to date."


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        check: What was looked at.
        state: Whether all is well, something is worth knowing, or something does not work.
        detail: What was seen, with names and numbers.
        remedy: What to do; "" when all is well.
    """

    check: str
    state: State
    detail: str
    remedy: str = ""


def well(check: str, detail: str) -> Finding:
    """A finding that all is well."""
    return Finding(check, "ok", detail)

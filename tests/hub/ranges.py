"""HTTP ranges, conditional headers and pages: the parts of the protocol that are pure."""

import re

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class RangeNotSatisfiableError(Exception):
    """The range lies outside the file: HTTP 416."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The (start, end) asked for, end exclusive; None for the whole file or a header that is not understood.

    Raises:
        RangeNotSatisfiableError: when it lies outside the file.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    if start >= size or start >= end:
        raise RangeNotSatisfiableError
    return start, end


def matches(header: str | None, etag: str) -> bool:
    """Whether an If-Match header allows an answer with this ETag (given without quotes)."""
    if header is None or header.strip() == "*":
        return True
    return any(part.strip() == f'"{etag}"' for part in header.split(","))


def page(rows: list[dict[str, object]], cursor: str, size: int) -> tuple[list[dict[str, object]], str]:
    """One page of a listing and the cursor of the next one, "" at the end."""
    start = int(cursor or 0)
    end = start + size
    return rows[start:end], str(end) if end < len(rows) else ""

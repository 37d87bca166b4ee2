"""A benchmark's rows as people read them: in the terminal and in docs/performance.md."""

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One measured thing.

    Attributes:
        what: What was measured.
        figure: Its figure with unit: a median.
        ratio: Against the row that the table compares with.
    """

    what: str
    figure: str
    ratio: str


def markdown(heads: tuple[str, str, str], rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|---|---|---|"]
    lines += [f"| {row.what} | {row.figure} | {row.ratio} |" for row in rows]
    return "\n".join(lines) + "\n"

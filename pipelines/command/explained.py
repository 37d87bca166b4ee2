"""The table of `ome runtimes explain`: a line for each runtime, and below it why, wrapped where the terminal ends.

Names of runtimes are long and reasons are sentences, so that side by side neither would fit 80 columns.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.command.output import print_table, wrap_at_words

if TYPE_CHECKING:
    from rich.console import Console

    from steps.selection.explain import ExplainRow

_HEADS = ("RUNTIME", "VERDICT", "SCORE", "ACCELERATOR", "FIT")
_STYLES = {"chosen": "green", "candidate": "yellow", "refused": "red"}
_INDENT = 2


def print_explained(rows: Sequence["ExplainRow"]) -> None:
    """Print all runtimes for a model; in a pipe each on one line with its reason, to be searched."""
    if not sys.stdout.isatty():
        print_table((*_HEADS, "WHY"), [(*_cells(row), row.reason) for row in rows])
        return
    from rich.console import Console

    draw_explained(rows, Console())


def draw_explained(rows: Sequence["ExplainRow"], console: "Console") -> None:
    """Draw them on a terminal of any width; a pair of lines or more a runtime."""
    from rich.text import Text

    cells = [_HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADS))]
    if sum(widths) + 2 * (len(widths) - 1) > console.width:  # long names: the columns are not aligned with each other
        widths[0] = min(widths[0], max(console.width - sum(widths[1:]) - 2 * (len(widths) - 1), len(_HEADS[0])))

    def line(row: Sequence[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()

    heads = wrap_at_words(line(_HEADS), console.width, indent=_INDENT)
    console.print(Text(heads, style="bold"), soft_wrap=True)
    for row in rows:
        first, verdict, *others = _cells(row)
        text = Text(wrap_at_words(line((first, verdict, *others)), console.width, indent=_INDENT))
        text.highlight_words([f"  {verdict}"], style=_STYLES[row.verdict])
        console.print(text, soft_wrap=True)
        why = wrap_at_words(" " * _INDENT + row.reason, console.width, indent=_INDENT)
        console.print(Text(why, style="dim"), soft_wrap=True)


def _cells(row: "ExplainRow") -> tuple[str, ...]:
    return row.runtime, row.verdict, str(row.score or ""), row.accelerator, row.fit

"""How `ome` prints data: as a table for people, as JSON or YAML for programs; always on standard output."""

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from steps.amounts import format_bytes as format_bytes
from steps.amounts import format_seconds as format_seconds


class OutputFormat(StrEnum):
    """Forms of `--output`."""

    table = "table"
    json = "json"
    yaml = "yaml"


Output = Annotated[OutputFormat, typer.Option("--output", "-o", help="How to print: table, json or yaml.")]


def print_data(data: object, output: OutputFormat) -> None:
    """Print plain data as JSON or YAML."""
    if output is OutputFormat.yaml:
        from crds.yaml_text import yaml_text

        sys.stdout.write(yaml_text([data]))
    else:
        sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Print rows under their columns; long text wraps on a terminal and stays whole in a pipe."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(soft_wrap=not sys.stdout.isatty())
    if not console.is_terminal:
        _print_plain(columns, rows, title)
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for position, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=position == 0)  # the first is a name, to copy
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)


def _print_plain(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str) -> None:
    cells = [[str(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    if title:
        sys.stdout.write(f"{title}\n")
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")


def print_pairs(pairs: Sequence[tuple[str, object]], *, title: str = "") -> None:
    """Print names and values, one a line; empty values are left out, and on a terminal long ones wrap at words."""
    shown = [(name, str(value)) for name, value in pairs if value not in ("", None, ())]
    width = max((len(name) for name, _ in shown), default=0)
    if title:
        sys.stdout.write(f"{title}\n")
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for name, value in shown:
        sys.stdout.write(wrap_at_words(f"  {name.ljust(width)}  {value}", columns, indent=width + 4) + "\n")


def wrap_at_words(text: str, columns: int, *, indent: int) -> str:
    """Text whose lines fit `columns`, continued under their beginning; paths and addresses stay whole to be copied.

    Args:
        text: Its own line breaks are kept.
        columns: Width of the terminal; 0 leaves the text as it is.
        indent: Blanks before a line that goes on.
    """
    if columns <= indent + 20:
        return text
    wrapper = textwrap.TextWrapper(
        columns,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        drop_whitespace=True,
    )
    return "\n".join(line if len(line) <= columns else wrapper.fill(line) for line in text.split("\n"))


def plain(value: Any) -> Any:
    """A frozen value as plain data with camelCase names."""
    return value.model_dump(by_alias=True, mode="json")


def format_count(count: int, noun: str) -> str:
    """A count with its noun: `1 file`, `2 files`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

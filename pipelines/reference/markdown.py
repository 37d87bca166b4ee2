"""Pieces of Markdown that the generated pages are made of."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from textwrap import fill

WIDTH = 119


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [_row(headings), f"|{'|'.join('---' for _ in headings)}|"]
    return "\n".join([*lines, *(_row(list(map(_cell, row))) for row in rows)])


def bullets(items: Iterable[str]) -> str:
    """A list, each item in lines of the house's width."""
    return "\n".join(paragraph(f"- {item}").replace("\n", "\n  ") for item in items)


def fenced(text: str, language: str) -> str:
    """A block of code."""
    return f"```{language}\n{text}\n```"


def paragraph(text: str) -> str:
    """Text in lines of the house's width, less the indent of a list; no word is broken."""
    return fill(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)


def code(text: str) -> str:
    """A piece of code in a line; a dash where there is none."""
    return f"`{text}`" if text else "–"


def replace_block(page: str, name: str, content: str) -> str:
    """The page with other content between `<!-- <name>: … -->` and `<!-- end of <name> -->`.

    Raises:
        ValueError: when the page has no such marks.
    """
    pattern = re.compile(rf"(<!-- {re.escape(name)}: [^\n]*-->\n).*?(<!-- end of {re.escape(name)} -->)", re.DOTALL)
    found, count = pattern.subn(lambda marks: f"{marks[1]}{content}\n{marks[2]}", page)
    if count != 1:
        raise ValueError(f"{count} blocks of {name}, not one")
    return found


def _cell(text: str) -> str:
    """What would end a cell, or read as an element of HTML, is escaped; code is literal but for the former."""
    text = text.replace("|", r"\|")
    return text if text.startswith("`") else escape(text, quote=False)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

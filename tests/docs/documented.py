"""What the pages tell people to type: the commands in their blocks of code and in their text, without comments."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in sorted((REPOSITORY / "docs").glob("*.md"))))
_FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_BEGIN = re.compile(r"(?:\$ )?((?:\.venv/bin/)?(?:ome|kubectl|helm|argo|make|sed|python -m \S+)(?: |$).*)")


class Command(NamedTuple):
    """A command as it stands on a page."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"

    @property
    def program(self) -> str:
        """The first word, without its folder."""
        return self.words[0].rpartition("/")[2]

    def options(self) -> list[str]:
        """Words that are options, without their values."""
        return [word.partition("=")[0] for word in self.words[1:] if re.match(r"--?[a-zA-Z]", word)]

    def values(self, *names: str) -> list[str]:
        """Values of an option, which follow it."""
        return [after for word, after in zip(self.words, self.words[1:], strict=False) if word in names]


def commands(program: str) -> list[Command]:
    """Every command of a program on the pages, once a page.

    Raises:
        LookupError: when there is none, since a test of each of none would hold whatever the pages say.
    """
    found = list(dict.fromkeys(command for page in PAGES for command in _of(page) if command.program == program))
    if not found:
        raise LookupError(f"no page has a command of {program}, or _BEGIN does not know it")
    return found


def _of(page: str) -> Iterator[Command]:
    text = (REPOSITORY / page).read_text()
    for language, block in _FENCED.findall(text):
        for line in block.replace("\\\n", " ").splitlines() if language in ("", "sh") else ():
            yield from _split(page, line)
    for piece in _INLINE.findall(_FENCED.sub("", text)):
        yield from _split(page, piece.replace("\n", " "))


def _split(page: str, line: str) -> Iterator[Command]:
    for part in re.split(r" && | \| | & ?$", line.strip()):
        if found := _BEGIN.fullmatch(part.strip()):
            try:
                yield Command(page, tuple(shlex.split(found[1], comments=True)))
            except ValueError:  # a sentence with an apostrophe
                continue

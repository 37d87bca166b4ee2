"""What docs/import-faults.md promises of each fault; the tests named `test_every_fault_…` hold it to that."""

import re
from pathlib import Path
from typing import NamedTuple

from steps.errors import OmeError

PAGE = Path(__file__).parents[2] / "docs" / "import-faults.md"
_ROW = re.compile(r"\| (?P<fault>.+?) \| (?P<code>[a-z-]+)(?: \((?P<exit>\d+)\))? \| .+? \| (?P<remedy>.+?) \|")


class Promise(NamedTuple):
    """A row of the page: class and exit code, and the remedy as it is printed; no exit code where nothing fails."""

    code: str
    exit_code: int | None
    remedy: str


def promises() -> dict[str, Promise]:
    """By fault."""
    rows = [_ROW.fullmatch(line) for line in PAGE.read_text().splitlines()]
    return {
        row["fault"]: Promise(row["code"], int(row["exit"]) if row["exit"] else None, row["remedy"])
        for row in rows
        if row is not None
    }


def assert_told(error: OmeError, fault: str, words: str) -> None:
    """See that an error is the one that the page promises, and that its message has the words (a pattern)."""
    promise = promises()[fault]
    assert (error.code, error.exit_code) == (promise.code, promise.exit_code), error
    assert re.search(words, error.message), error.message
    assert error.remedy == promise.remedy


def assert_step_told(exit_code: int, printed: str, fault: str, words: str) -> None:
    """The same of a step that ended, by its exit code and the end of what it printed."""
    promise = promises()[fault]
    assert exit_code == promise.exit_code, printed
    assert "Traceback" not in printed
    message, remedy = printed.splitlines()[-2:]
    assert message.startswith(f"error ({promise.code}): ")
    assert re.search(words, message), message
    assert remedy == f"  {promise.remedy}"

"""`ome runtimes explain` at any width: nothing is cut, nothing runs past the edge, names stay whole."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from pipelines.command.explained import draw_explained, print_explained
from pipelines.command.output import plain
from steps.selection.explain import ExplainRow, explain
from steps.selection.request import ModelReference
from tests.selection.objects import H100_NODE, LLAMA_70B, example_accelerators, example_runtimes

ROWS = explain(
    LLAMA_70B, ModelReference(name="llama-3-3-70b"), example_runtimes(), example_accelerators(), [H100_NODE]
)


def drawn(rows: tuple[ExplainRow, ...], columns: int) -> str:
    console = Console(width=columns, file=io.StringIO(), force_terminal=True, color_system=None)
    draw_explained(rows, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_80_columns_show_every_word_of_every_reason() -> None:
    text = drawn(ROWS, 80)
    lines = text.splitlines()
    assert not [line for line in lines if len(line) > 80]
    assert lines[0].split() == ["RUNTIME", "VERDICT", "SCORE", "ACCELERATOR", "FIT"]
    for row in ROWS:
        assert " ".join(row.reason.split()) in " ".join(text.split())
        assert any(line.startswith(row.runtime) and row.verdict in line for line in lines)
    assert lines[1].split()[:2] == [ROWS[0].runtime, "chosen"]


WHY = "a reason " * 20
NAMES = st.text("abcdefghij-0123456789", min_size=1, max_size=60)


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4), NAMES, st.integers(40, 200))
def test_any_name_stays_whole_at_any_width(names: list[str], accelerator: str, columns: int) -> None:
    rows = tuple(
        ExplainRow(
            runtime=name, verdict="refused", score=0, accelerator=accelerator, fit="unknown", reason="why " * 40
        )
        for name in names
    )
    text = drawn(rows, columns)
    assert all(name in text.split() for name in names)
    assert not [line for line in text.splitlines() if len(line) > columns and len(line.split()) > 1]


def test_a_pipe_gets_a_runtime_a_line_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    print_explained(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(ROWS)
    assert all(line.endswith(row.reason) for line, row in zip(lines[1:], ROWS, strict=True))


def test_the_data_has_all_that_the_table_has() -> None:
    found = json.loads(json.dumps([plain(row) for row in ROWS]))
    assert list(found[0]) == ["runtime", "verdict", "score", "accelerator", "fit", "reason"]
    assert {row["verdict"] for row in found} == {"chosen", "candidate", "refused"}

"""On a terminal of 80 columns text wraps at words under its beginning, and what a person copies stays whole."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipelines.command.output import wrap_at_words
from tests.command.run_ome import ome, on_terminal

WORDS = st.lists(st.text("abcdefgh/-.", min_size=1, max_size=90), min_size=1, max_size=40)


def in_columns(columns: int, *arguments: str) -> str:
    """What `ome` prints on a terminal of so many columns, without colours."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", on_terminal(columns, *arguments))


@given(words=WORDS, columns=st.integers(40, 200), indent=st.integers(0, 38))
def test_wrapping_keeps_every_word_whole_and_in_order(words: list[str], columns: int, indent: int) -> None:
    lines = wrap_at_words(" ".join(words), columns, indent=indent).split("\n")
    assert [word for line in lines for word in line.split()] == words
    if columns > indent + 20:
        assert not [line for line in lines if len(line) > columns and len(line.split()) > 1]
        assert all(line.startswith(" " * indent) for line in lines[1:])


def test_without_a_terminal_nothing_wraps() -> None:
    text = "word " * 100
    assert wrap_at_words(text, 0, indent=4) == text


def test_a_runs_name_can_be_copied_from_the_list_of_runs(tmp_path: Path) -> None:
    printed = in_columns(80, "import", f"local://{tmp_path}/nowhere", "--name", "nowhere")
    assert "failed" in printed
    (run,) = [word for word in printed.split() if word.startswith("import-model-")][:1]
    listed = in_columns(80, "runs", "list")
    assert run in listed
    assert not [line for line in listed.splitlines() if len(line) > 80]


def test_a_name_is_accepted_as_it_is_listed() -> None:
    service = """
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata: {name: chat, namespace: team}
spec: {model: {name: small}}
"""
    assert ome("apply", "-f", "-", stdin=service).returncode == 0
    listed = ome("get", "services").stdout.split()
    assert "team/chat" in listed
    assert ome("get", "service", "team/chat").returncode == 0
    assert ome("get", "service", "default/chat").returncode == 11
    assert "in namespace team" in ome("ask", "team/chat", "Hello").stderr
    assert ome("delete", "service", "team/chat").returncode == 0
    assert "No services" in ome("get", "services").stdout

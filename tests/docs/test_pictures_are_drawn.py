"""Pictures of the terminal in the pages are what the code prints; `make golden` draws them anew."""

import io
import os

from rich.console import Console

from pipelines.command.explained import draw_explained
from steps.selection.explain import explain
from steps.selection.request import ModelReference
from tests.docs.documented import REPOSITORY
from tests.selection.objects import H100_NODE, LLAMA_70B, example_accelerators, example_runtimes

PICTURE = REPOSITORY / "docs" / "images" / "runtimes-explain.svg"


def test_the_table_of_runtimes_is_the_one_in_the_page() -> None:
    model = ModelReference(name="llama-3-3-70b-instruct")
    rows = explain(LLAMA_70B, model, example_runtimes(), example_accelerators(), [H100_NODE])
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    draw_explained(rows, console)
    drawn = console.export_svg(title="ome runtimes explain llama-3-3-70b-instruct", unique_id="explain")
    if os.environ.get("OME_REGENERATE"):
        PICTURE.write_text(drawn)
    assert drawn == PICTURE.read_text(), "the picture has changed; if that is intended, run `make golden`"
    assert PICTURE.name in (REPOSITORY / "docs" / "runtimes.md").read_text()

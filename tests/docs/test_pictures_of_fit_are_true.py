"""The pictures of `ome fit` are what it prints on a terminal of 80 columns; OME_REGENERATE=1 draws them anew."""

import io
import os
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from tests.command.run_ome import on_terminal
from tests.docs.documented import REPOSITORY
from tests.parsing.made_up_files import write_config
from tests.parsing.public_models import MODELS

COLUMNS = 80
PICTURES = {
    "ome-fit": ("--gpu", "h100", "--context", "32k", "--concurrency", "16"),
    "ome-what-fits": ("--what-fits", "--context", "32k", "--concurrency", "64"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_is_printed(name: str, tmp_path: Path) -> None:
    known = next(model for model in MODELS if model.name == "Qwen2.5-7B")
    write_config(tmp_path / known.name, {**known.config, "torch_dtype": "bfloat16"})
    printed = Text.from_ansi(
        on_terminal(COLUMNS, "fit", f"local://{tmp_path}/{known.name}", *PICTURES[name], has_errors=False)
    )
    assert not [line for line in printed.plain.splitlines() if len(line.rstrip()) > COLUMNS]
    console = Console(width=COLUMNS, record=True, file=io.StringIO())
    console.print(
        Text(f"$ ome fit hf://Qwen/{known.name} {' '.join(PICTURES[name])}\n", style="bold"), printed, sep="\n"
    )
    picture = console.export_svg(title="ome fit", unique_id=name)
    path = REPOSITORY / "docs" / "images" / f"{name}.svg"
    if os.environ.get("OME_REGENERATE"):
        path.write_text(picture)
    assert path.read_text() == picture

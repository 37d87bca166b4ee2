"""The generated pages, and blocks of pages that people write, as texts by their path in the repository.

`python -m pipelines.reference` writes them; `tests/docs` compares them with what is there.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.export import templates
from pipelines.install.files import REPOSITORY as REPOSITORY
from pipelines.reference.accounts_page import accounts_page
from pipelines.reference.markdown import replace_block
from pipelines.reference.pipeline_page import pipeline_graph, pipeline_page

WHOLE: Mapping[str, Callable[[], str]] = {
    "docs/accounts.md": accounts_page,
    "docs/pipelines.md": lambda: pipeline_page(templates()),
}
"""Pages that hold nothing but what is written from here."""

BLOCKS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "README.md": {
        "graph of onboard-model": lambda: pipeline_graph("onboard-model", templates(), "LR"),
        "graph of import-model": lambda: pipeline_graph("import-model", templates(), "LR"),
    },
}
"""Blocks by the page that people write around them."""


def pages(folder: Path) -> dict[str, str]:
    """Every page as it should be.

    Args:
        folder: The repository, for what people wrote around the blocks.
    """
    found = {name: make() for name, make in WHOLE.items()}
    for name, blocks in BLOCKS.items():
        text = (folder / name).read_text()
        for block, make in blocks.items():
            text = replace_block(text, block, make())
        found[name] = text
    return found


def differing(folder: Path) -> list[str]:
    """Paths of pages that are not there or say something else."""
    return [name for name, text in pages(folder).items() if not _says(folder / name, text)]


def write(folder: Path) -> list[Path]:
    """Write every page that differs, and give their paths."""
    texts = pages(folder)
    changed = [folder / name for name in differing(folder)]
    for path in changed:
        path.write_text(texts[path.relative_to(folder).as_posix()])
    return changed


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text

"""The generated pages, and the graphs in the README, are what the code makes; `make golden` rewrites them."""

import os

import pytest

from pipelines.export import templates
from pipelines.install.accounts import ACCOUNTS, Account, Rule
from pipelines.reference.accounts_page import accounts_page
from pipelines.reference.markdown import replace_block, table
from pipelines.reference.pages import BLOCKS, REPOSITORY, WHOLE, differing, write
from pipelines.reference.pipeline_page import pipeline_page


def test_the_golden_pages_say_what_the_code_makes() -> None:
    if os.environ.get("OME_REGENERATE"):
        write(REPOSITORY)
    assert differing(REPOSITORY) == [], "run `python -m pipelines.reference`"


def test_every_parameter_and_output_of_every_pipeline_is_there() -> None:
    page = pipeline_page(templates())
    for name, template in templates().items():
        if name == "ome-steps":
            continue
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        declared = template["spec"]["arguments"]["parameters"]
        outputs = template["spec"]["templates"][0].get("outputs", {}).get("parameters", [])
        rows = [line.split("|")[1].strip(" `") for line in section.splitlines() if line.startswith("| `")]
        assert rows == [each["name"] for each in [*declared, *outputs]], name


def test_a_new_right_is_on_the_page() -> None:
    spy = Account("ome-spy", "Reads along.", system=(Rule("", ("secrets",), ("list",)),))
    assert "ome-spy" not in accounts_page()
    assert "| `ome` | core | secrets | list |" in accounts_page([*ACCOUNTS, spy])


def test_writing_touches_what_differs_and_leaves_what_people_wrote(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "docs").mkdir()
    for name in BLOCKS:
        (tmp_path / name).write_text((REPOSITORY / name).read_text() + "by hand\n")
    page = tmp_path / "README.md"
    page.write_text(page.read_text().replace('"Publish the model"', '"Something else"'))
    assert {path.relative_to(tmp_path).as_posix() for path in write(tmp_path)} == {"README.md", *WHOLE}
    assert page.read_text() == (REPOSITORY / "README.md").read_text() + "by hand\n"
    assert write(tmp_path) == []


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="0 blocks of a graph"):
        replace_block("no marks here", "a graph", "content")


def test_cells_are_literal() -> None:
    assert table(["a"], [["x | <y>"], ["`<y>`"]]).splitlines()[2:] == [r"| x \| &lt;y&gt; |", "| `<y>` |"]

"""Every numbered example is applied to an API server, strictly, and loads without a remark."""

from pathlib import Path

import pytest
import yaml

from crds.load import load
from tests.apiserver.fixture import ApiServer

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("[0-9]*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_accepted(ome_api_server: ApiServer, path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        loaded = load(document)
        assert (loaded.unknown_fields, loaded.notices) == ((), ())
        ome_api_server.admin.apply(document, dry_run=True)


def test_examples_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:2]) for path in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))

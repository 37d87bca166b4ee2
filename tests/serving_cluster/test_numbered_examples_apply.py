"""Every numbered example loads without a remark, and an API server to which it is applied keeps all that it gives."""

import contextlib
from pathlib import Path

import pytest
import yaml

from crds.load import load
from tests.apiserver.client import ApiRefusedError, Object
from tests.apiserver.fixture import ApiServer

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("[0-9]*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_kept_as_it_is_given(ome_api_server: ApiServer, path: Path) -> None:
    """All objects of a file are there together, under their own names; none is there before or afterwards."""
    admin = ome_api_server.admin
    documents: list[Object] = list(yaml.safe_load_all(path.read_text()))
    with contextlib.ExitStack() as made:
        for document in documents:
            loaded = load(document)
            assert (loaded.unknown_fields, loaded.notices) == ((), ())
            for namespace in namespaces_of(document):
                admin.apply(namespace)
            assert not is_there(ome_api_server, document)
            made.callback(admin.delete, document)
            admin.apply(document)
        for document in documents:
            kept = admin.get(document)
            assert kept["spec"] == document["spec"]
            assert kept["metadata"].items() >= document["metadata"].items()
    assert not any(is_there(ome_api_server, document) for document in documents)


def test_examples_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:2]) for path in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))


def namespaces_of(document: Object) -> list[Object]:
    """The namespace that an object is to be in, if it is in one; it stays: nothing here would take it away."""
    name = document["metadata"].get("namespace")
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}] if name else []


def is_there(server: ApiServer, document: Object) -> bool:
    """Whether the API server has an object of that kind and name."""
    try:
        server.admin.get(document)
    except ApiRefusedError as refusal:
        assert refusal.status == 404, refusal
        return False
    return True

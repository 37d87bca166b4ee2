"""The API server takes our definitions as they are, and keeps every field of OME's manifests and of our examples."""

from pathlib import Path

import pytest
import yaml

import examples
from crds.definition import definitions
from crds.kinds import KINDS
from tests.apiserver.client import ApiRefusedError, Object
from tests.apiserver.fixture import ApiServer
from tests.crds.samples import MANIFESTS

EXAMPLES = Path(examples.__file__).parent
FILES = sorted([*MANIFESTS.glob("*.yaml"), *EXAMPLES.rglob("*.yaml")])
DOCUMENTS = [
    pytest.param(document, id=f"{path.parent.name}/{path.stem}:{document['metadata']['name']}")
    for path in FILES
    for document in yaml.safe_load_all(path.read_text())
    if document and document.get("apiVersion") == "ome.io/v1beta1"
]


@pytest.mark.parametrize("definition", definitions(), ids=lambda definition: definition["spec"]["names"]["kind"])
def test_definitions_are_established_and_structural(ome_api_server: ApiServer, definition: Object) -> None:
    kept = ome_api_server.admin.get(definition)
    conditions = {condition["type"]: condition["status"] for condition in kept["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}  # and no NonStructuralSchema
    assert kept["spec"]["versions"] == definition["spec"]["versions"]  # in full, and nothing added


def test_every_kind_is_among_the_documents() -> None:
    assert {document.values[0]["kind"] for document in DOCUMENTS} == set(KINDS)  # type: ignore[index]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_an_object_is_kept_as_it_was_given(ome_api_server: ApiServer, document: Object) -> None:
    admin = ome_api_server.admin
    given = _in_a_namespace_of_its_own(ome_api_server, document)
    admin.apply({key: value for key, value in given.items() if key != "status"})
    if "status" in given:
        admin.apply({key: given[key] for key in ("apiVersion", "kind", "metadata", "status")}, subresource="status")
    kept = admin.get(given)
    assert kept["spec"] == given["spec"]
    assert kept.get("status", {}) == given.get("status", {})
    for part in ("labels", "annotations"):
        assert kept["metadata"].get(part, {}) == given["metadata"].get(part, {})
    admin.delete(given)


def test_an_unknown_field_is_told_by_its_path(ome_api_server: ApiServer) -> None:
    """As `kubectl apply` asks for; a field that is only dropped would go unnoticed."""
    document = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "typo"},
        "spec": {"model": {"name": "m"}, "engine": {"minReplica": 1}},
    }
    with pytest.raises(ApiRefusedError, match=r'unknown field "spec\.engine\.minReplica"'):
        ome_api_server.admin.create(document)


def _in_a_namespace_of_its_own(server: ApiServer, document: Object) -> Object:
    if not KINDS[document["kind"]].is_namespaced:
        return document
    return document | {"metadata": document["metadata"] | {"namespace": server.new_namespace()}}

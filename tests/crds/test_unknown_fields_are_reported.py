"""A field that no type knows is reported with a suggestion, kept, and never a crash."""

import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crds.load import load
from tests.crds.samples import MANIFESTS, Document, document, model, runtime, service


@pytest.mark.parametrize(
    ("given_document", "report"),
    [
        (
            model(storagUri="x"),
            'spec.storage.storagUri: "storagUri" is not a known field; did you mean storageUri?',
        ),
        (
            model(storage_uri="x"),
            'spec.storage.storage_uri: "storage_uri" is not a known field; did you mean storageUri?',
        ),
        (
            document("BaseModel", {"storageUri": "x", "storage": {"storageUri": "hf://a/b"}}),
            'spec.storageUri: "storageUri" is not a known field; did you mean storage.storageUri?',
        ),
        (
            runtime(model_size_range={"max": "7B"}),
            'spec.model_size_range: "model_size_range" is not a known field; did you mean modelSizeRange?',
        ),
        (model() | {"sepc": {}}, 'sepc: "sepc" is not a known field; did you mean spec?'),
        (
            runtime(
                supportedModelFormats=[{"modelFormat": {"name": "x"}}, {"modelFormat": {"name": "x", "vers": "1"}}]
            ),
            'spec.supportedModelFormats[1].modelFormat.vers: "vers" is not a known field; did you mean version?',
        ),
        (
            runtime(engineConfig={"runner": {"name": "c", "argz": []}}),
            'spec.engineConfig.runner.argz: "argz" is not a known field; did you mean args?',
        ),
        (
            runtime(containers=[{"name": "c"}, {"immage": "x"}]),
            'spec.containers[1].immage: "immage" is not a known field; did you mean image?',
        ),
        (
            runtime(
                supportedModelFormats=[
                    {"modelFormat": {"name": "x"}, "acceleratorConfig": {"nvidia.h100": {"runtimeArgOverride": []}}}
                ]
            ),
            'spec.supportedModelFormats[0].acceleratorConfig["nvidia.h100"].runtimeArgOverride: "runtimeArgOverride"'
            " is not a known field; did you mean runtimeArgsOverride?",
        ),
        (
            service(engine={"minReplica": 1}),
            'spec.engine.minReplica: "minReplica" is not a known field; did you mean minReplicas?',
        ),
        (
            service(engine={"affinity": {"podAfinity": {}}}),
            'spec.engine.affinity.podAfinity: "podAfinity" is not a known field; did you mean podAffinity?',
        ),
        (service(completelyElse=1), 'spec.completelyElse: "completelyElse" is not a known field'),
    ],
)
def test_reported_with_suggestion_and_kept(given_document: Document, report: str) -> None:
    loaded = load(given_document)
    assert [str(problem) for problem in loaded.unknown_fields] == [report]
    assert loaded.notices == ()
    assert loaded.resource.to_dict() == given_document


def test_all_are_reported_at_once() -> None:
    loaded = load(document("BaseModel", {"one1": 1, "storage": {"storageUri": "hf://a/b", "two2": 2}}))
    assert [problem.path for problem in loaded.unknown_fields] == ["spec.one1", "spec.storage.two2"]


_MANIFESTS = [d for path in sorted(MANIFESTS.glob("*.yaml")) for d in yaml.safe_load_all(path.read_text())]


@given(
    data=st.data(), name=st.from_regex(r"zz[a-z]{3,8}", fullmatch=True), value=st.none() | st.integers() | st.text()
)
def test_wherever_a_field_is_added_it_is_reported_and_kept(data: st.DataObject, name: str, value: object) -> None:
    """Except inside free-form maps, which have no known fields, and null, which means absent."""
    whole = copy.deepcopy(data.draw(st.sampled_from(_MANIFESTS)))
    places = [whole, whole["spec"], whole["metadata"]]
    places += [
        whole["spec"][key]
        for key in ("storage", "engine", "model", "endpoint", "engineConfig")
        if isinstance(whole["spec"].get(key), dict)
    ]
    data.draw(st.sampled_from(places))[name] = value
    loaded = load(whole)
    expected = [] if value is None else [name]
    assert [problem.path.rpartition(".")[2] for problem in loaded.unknown_fields] == expected

"""OME's documentation and its code spell things differently; users copy from both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crds.load import load
from crds.metadata import skips_config_parsing
from crds.model_format import API_CAPABILITIES, CAPABILITIES, normalise_capability
from crds.problems import InvalidResourceError
from tests.crds.samples import Document, document, model


def _storage(**storage: object) -> Document:
    written: Document = load(model(**storage)).resource.to_dict()["spec"]["storage"]
    return written


@pytest.mark.parametrize(
    ("given_storage", "written"),
    [
        ({"storageKey": "s"}, {"key": "s"}),
        ({"key": "s"}, {"key": "s"}),
        ({"key": "s", "storageKey": "s"}, {"key": "s"}),
        ({"key": "s", "storageKey": None}, {"key": "s"}),
        ({"key": None, "storageKey": "s"}, {"key": "s"}),
        ({"parameters": {"auth_type": "X"}}, {"parameters": {"auth": "X"}}),
        ({"parameters": {"auth": "X", "auth_type": "X"}}, {"parameters": {"auth": "X"}}),
        ({"parameters": {"revision": "v1"}}, {"storageUri": "hf://org/name@v1"}),
        (
            {"storageUri": "hf://org/name@v1", "parameters": {"revision": "v1", "region": "r"}},
            {"storageUri": "hf://org/name@v1", "parameters": {"region": "r"}},
        ),
        (
            {"storageUri": "s3://b/p", "parameters": {"revision": "v1"}},
            {"storageUri": "s3://b/p", "parameters": {"revision": "v1"}},
        ),
    ],
)
def test_storage_is_written_as_omes_code_reads_it(given_storage: Document, written: Document) -> None:
    assert _storage(**given_storage) == {"storageUri": "hf://org/name", **written}


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        (
            {"key": "a", "storageKey": "b"},
            'spec.storage.storageKey: "b" conflicts with key "a";'
            " accepted: one of key and storageKey, which mean the same",
        ),
        (
            {"parameters": {"auth": "a", "auth_type": "b"}},
            'spec.storage.parameters.auth_type: "b" conflicts with parameters.auth "a";'
            " accepted: one of parameters.auth and parameters.auth_type, which mean the same",
        ),
        (
            {"storageUri": "hf://org/name@main", "parameters": {"revision": "v1"}},
            'spec.storage.parameters.revision: "hf://org/name@main" conflicts with the revision "v1";'
            " accepted: one of the two, or the same in both",
        ),
    ],
)
def test_conflicts_are_errors(storage: Document, message: str) -> None:
    with pytest.raises(InvalidResourceError) as caught:
        load(model(**storage))
    assert str(caught.value) == message


@given(word=st.sampled_from(CAPABILITIES + API_CAPABILITIES), hyphens=st.booleans(), lower=st.lists(st.booleans()))
def test_capability_words_in_any_case(word: str, hyphens: bool, lower: list[bool]) -> None:
    flags = lower + [False] * len(word)
    spelled = "".join(c.lower() if flag else c for c, flag in zip(word, flags, strict=False))
    assert normalise_capability(spelled.replace("_", "-") if hyphens else spelled) == word


def test_a_capability_that_ome_lacks_stays_and_is_told() -> None:
    loaded = load(
        document("BaseModel", {"modelCapabilities": ["TEXT_TO_TXET"], "storage": {"storageUri": "hf://a/b"}})
    )
    assert loaded.resource.to_dict()["spec"]["modelCapabilities"] == ["TEXT_TO_TXET"]
    (notice,) = loaded.notices
    assert notice.path == "spec.modelCapabilities[0]"
    assert notice.message == '"TEXT_TO_TXET" is none of OME\'s capabilities; did you mean "TEXT_TO_TEXT"?'


@pytest.mark.parametrize("key", ["ome.io/skip-config-parsing", "ome.oracle.com/skip-config-parsing"])
def test_both_annotations_skip_parsing(key: str) -> None:
    assert skips_config_parsing({key: "true"})
    assert skips_config_parsing({key: "True"})
    assert not skips_config_parsing({key: "false"})
    assert not skips_config_parsing({})

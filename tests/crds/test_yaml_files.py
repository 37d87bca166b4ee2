"""YAML files as users write them: several documents, lists, other APIs beside ours, and hostile ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crds.load import load, load_all
from crds.problems import InvalidResourceError

MODEL = """\
apiVersion: ome.io/v1beta1
kind: ClusterBaseModel
metadata: {name: NAME}
spec: {storage: {storageUri: "hf://a/b"}}
"""


def _names(text: str) -> list[str]:
    return [loaded.resource.metadata.name for loaded in load_all(text).objects]


def test_documents_lists_and_comments() -> None:
    listed = f"kind: List\nitems:\n- {MODEL.replace('NAME', 'two').replace(chr(10), chr(10) + '  ')}"
    assert _names("\n---\n".join([MODEL.replace("NAME", "one"), "# nothing", listed])) == ["one", "two"]


def test_json_is_yaml() -> None:
    text = (
        '{"apiVersion": "ome.io/v1beta1", "kind": "BaseModel", "metadata": {"name": "a"},'
        ' "spec": {"storage": {"storageUri": "hf://a/b"}}}'
    )
    assert _names(text) == ["a"]


def test_objects_of_other_apis_are_handed_over() -> None:
    loaded = load_all("apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n---\n" + MODEL.replace("NAME", "one"))
    assert [one.resource.metadata.name for one in loaded.objects] == ["one"]
    assert loaded.foreign == ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}},)


def test_problems_name_their_document() -> None:
    bad = MODEL.replace("NAME", "one").replace("hf://a/b", "a")
    with pytest.raises(InvalidResourceError) as caught:
        load_all("\n---\n".join([MODEL.replace("NAME", "ok"), bad, "kind: BaseModel"]))
    assert [problem.path for problem in caught.value.problems] == [
        'document 2 (ClusterBaseModel "one"): spec.storage.storageUri',
        "document 3: apiVersion",
    ]
    typo = MODEL.replace("NAME", "one").replace("storage:", "storag: 1, storage:")
    assert [str(problem) for problem in load_all(typo).problems] == [
        'ClusterBaseModel "one": spec.storag: "storag" is not a known field; did you mean storage?'
    ]


def test_a_key_twice_is_an_error_unless_both_say_the_same() -> None:
    with pytest.raises(InvalidResourceError, match='line 5, column 1: .* "kind" is there twice, first in line 2'):
        load_all(MODEL.replace("NAME", "one") + "kind: BaseModel\n")
    loaded = load_all(MODEL.replace("NAME", "one") + "kind: ClusterBaseModel\n")
    assert [str(notice) for notice in loaded.problems] == [
        'line 5: "kind" is there twice, first in line 2, with the same value'
    ]


def test_anchors_and_merges_work() -> None:
    text = MODEL.replace("NAME", "one").replace("spec: {", "spec: {<<: {vendor: a}, vendor: b, ")
    assert load_all(text).objects[0].resource.to_dict()["spec"]["vendor"] == "b"


def test_time_stamps_are_text() -> None:
    text = MODEL.replace("{name: NAME}", "{name: one, creationTimestamp: 2026-01-31T10:00:00Z}")
    assert load_all(text).objects[0].resource.metadata.creation_timestamp == "2026-01-31T10:00:00Z"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 1, column 5: the YAML cannot be read: expected the node content, but found '<stream end>'"),
        ("a: &x {b: *x}", "line 1, column 4: the YAML cannot be read: found unconstructable recursive node"),
        ("&a [*a]", "the document is nested more than 100 levels deep"),
        ("[" * 5000, "the YAML cannot be read: it is nested too deeply"),
        ("a: !!set {x}", "a: is a set, which JSON does not have"),
        ("a: !!binary aGk=", "a: is a bytes, which JSON does not have"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("1: 2", 'the key 1 is not text; accepted: text: "1" in quotes'),
        ("? {a: b}\n: 3", "a key must be text"),
        ("\x00", "the YAML cannot be read: unacceptable character"),
        ("- a", "a list is not an object; accepted: apiVersion, kind, metadata, spec"),
        ("kind: BaseModel", "apiVersion: is missing; accepted: ome.io/v1beta1"),
        ("apiVersion: ome.io/v1beta1", "kind: is missing"),
        (
            "apiVersion: ome.io/v1beta1\nkind: clusterbasemodel",
            'kind: "clusterbasemodel" is not a kind; did you mean "ClusterBaseModel"?',
        ),
        ("apiVersion: ome.io/v1\nkind: BaseModel", 'apiVersion: "ome.io/v1" is not known; accepted: ome.io/v1beta1'),
        ("kind: List\nitems: [1]", "items[0]: 1 is not an object"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(InvalidResourceError) as caught:
        load_all(text)
    assert message in str(caught.value)


def test_aliases_cannot_blow_up() -> None:
    levels = ["l0: &l0 [1,1,1,1,1,1,1,1,1,1]"]
    levels += [f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(InvalidResourceError, match="more than 200000 values"):
        load_all("\n".join(levels))


@given(st.text() | st.text("{}[]:,-&*!|>%@`'\"#?\n ab1~<", max_size=60))
def test_any_text_loads_or_is_an_error_of_its_own(text: str) -> None:
    try:
        load_all(text)
    except InvalidResourceError as error:
        assert error.problems


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
_kinds = st.sampled_from(
    ["BaseModel", "FineTunedWeight", "ServingRuntime", "InferenceService", "BenchmarkJob", "AcceleratorClass"]
)
_fields = st.sampled_from(
    ["storage", "modelConfiguration", "engine", "supportedModelFormats", "modelSizeRange", "endpoint", "task",
     "rollout", "capabilities", "discovery", "schedule", "trafficScenarios", "thresholds", "outputLocation",
     "containers", "parameters"]
)  # fmt: skip


@given(_kinds, st.dictionaries(_fields, _json), _json)
def test_any_json_in_any_field_loads_or_is_an_error_of_its_own(kind: str, spec: object, status: object) -> None:
    try:
        load({"apiVersion": "ome.io/v1beta1", "kind": kind, "metadata": {"name": "a"}, "spec": spec, "status": status})
    except InvalidResourceError as error:
        assert error.problems

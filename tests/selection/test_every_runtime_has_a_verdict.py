"""Whatever the runtimes are: the answer does not hang on their order, and every one has a verdict with a reason."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from steps.choice import Choice
from steps.errors import OmeError
from steps.selection.explain import explain
from steps.selection.library import Library
from steps.selection.request import Accelerator, FitPolicy, Runtime, SelectionRequest
from steps.selection.selector import select
from tests.selection.objects import CLASSES, LLAMA_8B, MODEL, NODES, gpu

ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"modelFormat": st.sampled_from([{"name": "safetensors"}, {"name": "gguf"}])},
        optional={
            "autoSelect": st.booleans(),
            "priority": st.integers(1, 3),
            "modelArchitecture": st.sampled_from(["LlamaForCausalLM", "Qwen2ForCausalLM"]),
        },
    ),
    max_size=3,
)

NAMES = ("a", "b", "c", "model", "vllm-model", "llama-70b")


@st.composite
def runtime_lists(draw: st.DrawFn) -> list[Runtime]:
    names = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["", "default", "x"])), unique=True))
    return [
        gpu(
            name,
            *draw(ENTRIES),
            namespace=namespace,
            disabled=draw(st.booleans()),
            modelSizeRange=draw(st.sampled_from([{}, {"min": "1B"}, {"max": "10B"}, {"max": "1B"}])),
            acceleratorRequirements={"acceleratorClasses": draw(st.sampled_from([["h100"], ["cpu"], ["tpu"], []]))},
        )
        for name, namespace in names
    ]


def answer(
    runtimes: list[Runtime], request: SelectionRequest, classes: list[Accelerator], nodes: list[Any]
) -> Choice | tuple[type[OmeError], str, str]:
    try:
        return select(LLAMA_8B, MODEL, runtimes, classes, nodes, request)
    except OmeError as error:
        return type(error), error.message, error.remedy


@settings(max_examples=40, deadline=None)
@given(runtime_lists(), st.sampled_from(["", "a", "b"]), st.integers())
def test_the_order_of_the_lists_never_matters(runtimes: list[Runtime], named: str, seed: int) -> None:
    shuffle = random.Random(seed)
    request = SelectionRequest(runtime=named)
    first = answer(runtimes, request, list(CLASSES), list(NODES))
    again = answer(
        shuffle.sample(runtimes, len(runtimes)), request, shuffle.sample(CLASSES, 2), shuffle.sample(NODES, 2)
    )
    assert first == again


@settings(max_examples=100, deadline=None)
@given(runtime_lists(), st.sampled_from(["warn", "enforce", "off"]))
def test_the_library_chooses_what_is_selected(runtimes: list[Runtime], fit: FitPolicy) -> None:
    request = SelectionRequest(fit=fit)
    found = Library(runtimes, CLASSES, NODES).choose(LLAMA_8B, MODEL, request)
    choice = answer(runtimes, request, list(CLASSES), list(NODES))
    if found is None:
        assert not isinstance(choice, Choice)
    else:
        assert isinstance(choice, Choice)
        assert (choice.runtime, choice.runtime_namespace) == (found.runtime.name, found.runtime.namespace)
        assert (choice.accelerator, choice.parallelism, choice.fit) == (
            found.accelerator, found.parallelism, found.fit,
        )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(runtime_lists(), st.sampled_from(["", "a", "b"]))
def test_every_runtime_is_once_in_the_table_chosen_or_with_a_reason(runtimes: list[Runtime], named: str) -> None:
    here = sorted(r.label for r in runtimes if r.namespace in ("", "default"))
    request = SelectionRequest(runtime=named)
    rows = explain(LLAMA_8B, MODEL, runtimes, CLASSES, NODES, request)
    assert sorted(row.runtime for row in rows) == here
    assert all(row.reason for row in rows)
    found = answer(runtimes, request, list(CLASSES), list(NODES))
    chosen = [row.runtime for row in rows if row.verdict == "chosen"]
    if isinstance(found, Choice):
        label = f"{found.runtime_namespace}/{found.runtime}" if found.runtime_namespace else found.runtime
        assert chosen == [label]
        assert sorted([label, *(refusal.runtime for refusal in found.refused)]) == here
        assert [row.runtime for row in rows] == [label, *(refusal.runtime for refusal in found.refused)]
    else:
        assert not chosen


@settings(max_examples=40, deadline=None)
@given(runtime_lists())
def test_naming_the_chosen_runtime_chooses_it_the_same_way(runtimes: list[Runtime]) -> None:
    found = answer(runtimes, SelectionRequest(), list(CLASSES), list(NODES))
    if isinstance(found, Choice):
        hidden = not found.runtime_namespace and any(
            r.name == found.runtime and r.namespace == "default" for r in runtimes
        )
        if not hidden:
            named = select(LLAMA_8B, MODEL, runtimes, CLASSES, NODES, SelectionRequest(runtime=found.runtime))
            assert (named.runtime, named.runtime_namespace) == (found.runtime, found.runtime_namespace)
            assert (named.accelerator, named.fit.verdict) == (found.accelerator, found.fit.verdict)


@settings(max_examples=40, deadline=None)
@given(runtime_lists(), st.sampled_from(NAMES))
def test_a_named_runtime_is_refused_for_the_same_reasons_without_auto_select(
    runtimes: list[Runtime], name: str
) -> None:
    asked = [r for r in runtimes if r.name == name and r.namespace in ("", "default")]
    rows = {row.runtime: row for row in explain(LLAMA_8B, MODEL, runtimes, CLASSES, NODES)}
    found = answer(runtimes, SelectionRequest(runtime=name), list(CLASSES), list(NODES))
    if not asked:
        assert not isinstance(found, Choice)
        return
    first = min(asked, key=lambda r: not r.namespace)
    row = rows[first.label]
    only_auto_select = row.verdict == "refused" and row.reason.endswith("accepted when the runtime is named")
    is_accepted = row.verdict != "refused" or (
        only_auto_select and ";" not in row.reason.replace("; accepted when", "")
    )
    assert isinstance(found, Choice) == is_accepted

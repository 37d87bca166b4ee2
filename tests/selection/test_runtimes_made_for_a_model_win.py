"""A library of 200 runtimes as OME ships them: the one for this model wins, and one for another loses to a general."""

import random

import pytest

from steps.choice import Choice
from steps.facts import Facts
from steps.selection.library import Library
from steps.selection.request import ModelReference, Runtime
from steps.selection.selector import select
from tests.selection.library_of_200 import FP8, GENERAL_NAMES, LIBRARY, LLAMA, MODELS, made_for, on_h100
from tests.selection.objects import CLASSES, LLAMA_8B, LLAMA_70B, NODES, entry, gpu, safetensors


def choose(model: str, facts: Facts, runtimes: list[Runtime]) -> Choice:
    return select(facts, ModelReference(name=model), runtimes, (), ())


@pytest.mark.parametrize(("model", "facts", "own"), MODELS, ids=[row[0] for row in MODELS])
def test_the_runtime_of_this_model_wins_then_a_general_one(model: str, facts: Facts, own: str) -> None:
    assert len(LIBRARY) == 200
    shuffled = random.Random(model).sample(LIBRARY, len(LIBRARY))
    assert choose(model, facts, shuffled).runtime == own
    without = [found for found in shuffled if found.name != own]
    choice = choose(model, facts, without)
    assert choice.runtime in GENERAL_NAMES
    for refusal in choice.refused:
        if refusal.is_candidate and refusal.runtime not in GENERAL_NAMES:
            assert "it is made for another model: its name is for" in refusal.reason


def test_a_quantized_model_takes_its_own_runtime_then_that_of_the_model_it_was_made_from() -> None:
    name = "vllm-llama-3-3-70b-instruct-fp8-dynamic"
    quantized = LLAMA_70B.model_copy(update={"quantization": FP8})
    choice = choose("llama-3-3-70b-instruct-fp8-dynamic", quantized, list(LIBRARY))
    assert (choice.runtime, choice.refused[0].runtime) == (name, "vllm-llama-3-3-70b-instruct")


@pytest.mark.parametrize("name", ["mistral-7b", "my-own-model"])
def test_a_model_without_a_runtime_of_its_own_gets_a_general_one(name: str) -> None:
    facts = safetensors(7_248_023_552, 4096, 32, 32, 8, architecture="MistralForCausalLM", model_type="mistral")
    assert choose(name, facts, list(LIBRARY)).runtime in GENERAL_NAMES


def test_a_runtime_for_another_model_is_better_than_none() -> None:
    other = made_for("srt-mistral-7b-instruct", LLAMA, "7B", "9B", "4.43.0")
    choice = choose("llama-3-1-8b", LLAMA_8B, [other])
    assert choice.runtime == "srt-mistral-7b-instruct"


def test_no_priority_makes_up_for_another_models_name() -> None:
    other = gpu("vllm-llama-3-1-70b", entry(priority=9))
    choice = select(LLAMA_70B, ModelReference(name="llama-3-3-70b"), [other, gpu("vllm")], CLASSES, NODES)
    assert choice.runtime == "vllm"
    assert "made for another model: its name is for llama 3.1" in choice.refused[0].reason


def test_priority_comes_before_the_models_own_name() -> None:
    own, preferred = gpu("vllm-llama-3-3-70b"), gpu("vllm", entry(priority=2))
    choice = select(LLAMA_70B, ModelReference(name="llama-3-3-70b"), [own, preferred], CLASSES, NODES)
    assert choice.runtime == "vllm"


def test_a_runtime_of_this_model_that_does_not_fit_is_not_put_before_one_that_does() -> None:
    cramped = gpu("vllm-llama-3-3-70b", engineConfig={"runner": {"command": ["vllm", "serve"]}})
    model = ModelReference(name="llama-3-3-70b")
    choice = select(LLAMA_70B, model, [cramped, gpu("vllm")], CLASSES, NODES)
    assert (choice.runtime, choice.fit.verdict) == ("vllm", "fits")
    assert select(
        LLAMA_8B, ModelReference(name="llama-3-1-8b"), [gpu("vllm-llama"), gpu("a")], CLASSES, NODES
    ).runtime == ("vllm-llama")


def test_the_reason_is_told_between_runtimes_of_the_model() -> None:
    model = ModelReference(name="llama-3-3-70b-instruct")
    near, general = gpu("vllm-llama"), gpu("vllm")
    choice = select(LLAMA_70B, model, [gpu("vllm-llama-3-3-70b"), near, general], CLASSES, NODES)
    reasons = {refusal.runtime: refusal.reason for refusal in choice.refused}
    assert "shares fewer words with the model's (1 against 4)" in reasons["vllm-llama"]
    assert "that one is called after this model" in reasons["vllm"]


@pytest.mark.parametrize(("model", "facts", "own"), MODELS, ids=[row[0] for row in MODELS])
def test_the_library_alone_chooses_the_same(model: str, facts: Facts, own: str) -> None:
    found = Library(LIBRARY, (), ()).choose(facts, ModelReference(name=model))
    assert found is not None
    assert found.runtime.name == own


def test_the_library_alone_chooses_the_same_where_models_must_fit() -> None:
    runtimes = [on_h100(one) for one in LIBRARY]
    library = Library(runtimes, CLASSES, NODES)
    for model, facts, _ in MODELS:
        found = library.choose(facts, ModelReference(name=model))
        choice = select(facts, ModelReference(name=model), runtimes, CLASSES, NODES)
        assert found is not None
        assert (choice.runtime, choice.accelerator, choice.fit) == (found.runtime.name, "h100", found.fit)

"""Blueprints: what a class's tensors are, as arithmetic over its configuration, evaluated with distrust."""

import json
from typing import Any

import pytest

from steps.parse.blueprint import Tally, count_by_blueprint
from steps.parse.blueprint_library import Library, library
from steps.parse.config import Config
from steps.parse.expression import UnknownValueError, read_expression
from steps.parse.formula import count_from_config

LINES = [
    {"config": "toy", "defaults": {"width": 8, "depths": [1, 2], "kind": "plain", "experts": 4, "bias": False},
     "derived": {"heads": "width//4", "layer_types": ["layers", [["conv", "i % 2 == 0"], ["full", ""]]]},
     "aliases": {"n_embd": "width"}, "names": ["experts", "heads", "hidden_size", "layers", "num_hidden_layers",
     "width"],
     "sections": {"vision_config": ["toy_vision", {"width": 5}]}},
    {"config": "", "names": []},
    {"config": "toy_vision", "defaults": {"width": 3}, "names": ["width"]},
    {"class": "ToyVision", "types": ["toy_vision"], "tensors": [["width*width", "", [], ""]]},
    {"class": "ToyModel", "types": ["toy"], "seen": {"kind": ["plain", "gated"]}, "tensors": [
        ["vocab*width", "", [], "embedding"],
        ["width*heads", "layer_types[i] == 'full'", ["layers"], ""],
        ["width", "bias", ["layers"], ""],
        ["2*width", "i > 0", ["layers", "experts"], "routed"],
        ["depths[i]+j", "", ["len(depths)", "depths[i]"], ""],
    ]},
    {"class": "ToyOfTwoMinds", "types": ["toy"], "tensors": [["width", "", [], ""]],
     "unless": "(bias) and (experts > 4)"},
    {"class": "ToyOfLayers", "types": ["toy"], "tensors": [["per_layer.width[i]", "", ["layers"], ""]]},
    {"config": "toy_around", "defaults": {"tie_word_embeddings": True, "vocab": 10}},
    {"class": "ToyAround", "types": ["toy_around"], "tensors": [["vocab", "not tie_word_embeddings", [], ""]]},
    {"class": "ToyWithSight", "types": ["toy"], "tensors": [["width", "", [], ""]],
     "inner": [["vision_config", "ToyVision", "bias"]]},
]  # fmt: skip
KNOWN = Library([json.dumps(line, separators=(",", ":")) for line in LINES])


def count(values: dict[str, Any], named: str = "ToyModel") -> Tally | None:
    return count_by_blueprint({"model_type": "toy", "architectures": [named], **values}, lambda _: 0, KNOWN)


def test_layers_experts_and_lists_are_walked() -> None:
    # embedding 10*8; layer 1 of 0..2 attends with 8*2; experts 2 layers * 4 * 16; lists (1+0) + (2+0) + (2+1)
    assert count({"vocab": 10, "layers": 3}) == Tally(80 + 16 + 128 + 6, 80, 128)


def test_what_is_given_goes_before_what_is_implied() -> None:
    assert count({"vocab": 10, "layers": 3, "layer_types": ["full"] * 3, "heads": 1}) == Tally(80 + 24 + 134, 80, 128)
    assert count({"vocab": 10, "layers": 1, "n_embd": 4}) == Tally(40 + 6, 40)
    assert count({"vocab": 10, "layers": 1, "bias": True}) == Tally(80 + 8 + 6, 80)


def test_a_section_is_a_model_of_its_own() -> None:
    assert count({"bias": True}, "ToyWithSight") == Tally(8 + 25)
    assert count({"bias": True, "vision_config": {}}, "ToyWithSight") == Tally(8 + 9)
    assert count({"bias": True, "vision_config": {"width": 2}}, "ToyWithSight") == Tally(8 + 4)
    assert count({"bias": True, "vision_config": {"model_type": ""}}, "ToyWithSight") == Tally(8 + 9)
    assert count({}, "ToyWithSight") == Tally(8)


@pytest.mark.parametrize("values", [
    {"layers": 3}, {"vocab": 10}, {"vocab": "many", "layers": 3}, {"vocab": -1, "layers": 3},
    {"vocab": 10, "layers": 3, "kind": "unheard of"}, {"vocab": 10, "layers": [3]}, {"vocab": 1.3, "layers": 3},
    {"vocab": 10, "layers": 3, "depths": {"a": 1}}, {"vocab": 10, "layers": 3, "layer_types": ["full"]},
    {"vocab": 2**63, "layers": 3},
])  # fmt: skip
def test_what_cannot_be_told_is_left_to_the_rules(values: dict[str, Any]) -> None:
    assert count(values) is None


def test_a_size_that_the_class_does_not_know_is_left_to_the_rules() -> None:
    known = {"vocab": 10, "layers": 3, "hidden_size": 8}
    assert count(known) is not None
    assert count({**known, "head_dim": None}) is not None
    assert count({**known, "head_dim": 128}) is None


def test_what_is_like_a_build_that_was_counted_wrongly_is_left_to_the_rules() -> None:
    assert count({"bias": True}, "ToyOfTwoMinds") == Tally(8)
    assert count({"experts": 5}, "ToyOfTwoMinds") == Tally(8)
    assert count({"bias": True, "experts": 5}, "ToyOfTwoMinds") is None


def test_ties_that_no_level_tells_are_left_to_the_rules() -> None:
    around = {"model_type": "toy_around", "text_config": {}}
    assert count({**around, "tie_word_embeddings": False}, "ToyAround") == Tally(10)
    assert count({"model_type": "toy_around"}, "ToyAround") == Tally(0)
    assert count(around, "ToyAround") is None


def test_a_layer_may_have_its_own_value() -> None:
    assert count({"layers": 3, "num_hidden_layers": 3}, "ToyOfLayers") == Tally(8 + 8 + 8)
    own = {"1": {"width": 5}, "2": {"other": 7}, "9": {"width": 1}}
    assert count({"layers": 3, "num_hidden_layers": 3, "per_layer_config": own}, "ToyOfLayers") == Tally(8 + 5 + 8)
    padded = {f"0{number}": layer for number, layer in own.items()}
    assert count({"layers": 3, "num_hidden_layers": 3, "per_layer_config": padded}, "ToyOfLayers") == Tally(8 + 5 + 8)
    assert count({"layers": 3, "num_hidden_layers": 10**9, "per_layer_config": own}, "ToyOfLayers") is None
    spoilt = {"1": {"width": "x"}}
    assert count({"layers": 3, "num_hidden_layers": 3, "per_layer_config": spoilt}, "ToyOfLayers") is None


def test_another_model_type_is_left_to_the_rules() -> None:
    assert count({"model_type": "other", "vocab": 10, "layers": 3}) is None
    assert count({"vocab": 10, "layers": 3}, "OtherModel") is None


@pytest.mark.timeout(60)
def test_endless_layers_are_not_walked() -> None:
    assert count({"vocab": 10, "layers": 10**9}) is None
    assert count({"vocab": 10, "layers": 1, "experts": 10**9, "depths": [10**9, 10**9]}) is None


@pytest.mark.parametrize(
    "text", ["open('x')", "(1).real()", "[1, 2]", "x if y else z", "lambda: 0", "f'{x}'", "x @ y", "x +"]
)
def test_an_expression_is_arithmetic_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="expression|attribute"):
        read_expression(text)


class _Texts:
    def value(self, name: str) -> object:
        return "a" * 50


class _Ratios:
    def __init__(self, *values: object) -> None:
        self.values = list(values)

    def value(self, name: str) -> object:
        return self.values


def test_a_product_of_a_list_is_told_and_kept_small() -> None:
    assert read_expression("prod(x)//2").number(_Ratios(8, 6, 5)) == 120
    for values in ([2] * 63, [2**70], ["a"], [1.5]):
        with pytest.raises(UnknownValueError):
            read_expression("prod(x)").any_value(_Ratios(*values))


@pytest.mark.parametrize("text", ["x*1000000000", "x+x", "2**x", "sum(x)", "len(x)", "10**10**10"])
def test_texts_are_no_numbers(text: str) -> None:
    with pytest.raises(UnknownValueError):
        read_expression(text).number(_Texts())


def test_a_model_with_experts_tells_all_its_counts() -> None:
    known = library()
    told = 0
    for named in known.classes():
        blueprint = known.blueprint(named)
        assert blueprint is not None
        if not named.endswith("ForCausalLM") or not any(group.mark == "routed" for group in blueprint.groups):
            continue
        values = {"model_type": blueprint.types[0], "architectures": [named]}
        if count_by_blueprint(values, lambda _: 0) is None:
            continue  # something has no default, or the default is what the blueprint leaves to the rules
        found = count_from_config(Config(values))
        assert 0 < found.embedding < found.total, named
        assert found.active <= found.total, named
        told += 1
    assert told > 40

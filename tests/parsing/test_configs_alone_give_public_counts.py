"""A configuration without weights gives the counts, context, cache cost and capabilities that are publicly known."""

from pathlib import Path

import pytest

from tests.parsing.made_up_files import parse_folder, write_config
from tests.parsing.public_model import PublicModel
from tests.parsing.public_models import MODELS


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_known_models(model: PublicModel, tmp_path: Path) -> None:
    write_config(tmp_path, model.config)
    facts = parse_folder(tmp_path)
    assert facts.parameters.total == pytest.approx(model.total, rel=0.01)
    assert facts.parameters.confidence == "estimated"
    assert "formula" in facts.parameters.reason
    if model.active:
        assert facts.parameters.active == pytest.approx(model.active, rel=0.01)
    assert facts.context_length == model.context
    assert facts.capabilities == model.capabilities
    if model.kv_bytes_per_token:
        assert facts.attention.kv_bytes_per_token == model.kv_bytes_per_token
    if model.kind:
        assert facts.attention.kind == model.kind
    assert facts.architecture == model.config["architectures"][0]
    assert facts.warnings == ()


def test_most_are_exact_to_a_thousandth(tmp_path: Path) -> None:
    close = 0
    for index, model in enumerate(MODELS):
        write_config(tmp_path / str(index), model.config)
        counted = parse_folder(tmp_path / str(index)).parameters.total
        close += abs(counted / model.total - 1) < 0.001
    assert close >= 0.95 * len(MODELS)


def test_an_unknown_type_is_parsed_anyway(tmp_path: Path) -> None:
    known = next(model for model in MODELS if model.name == "Llama-3.1-8B")
    write_config(tmp_path, {**known.config, "model_type": "brandnew", "architectures": ["BrandNewForCausalLM"]})
    facts = parse_folder(tmp_path)
    assert facts.model_type == "brandnew"
    assert facts.parameters.total == known.total
    assert facts.capabilities == ("TEXT_TO_TEXT",)


@pytest.mark.parametrize("wrapper", ["text_config", "llm_config", "language_config", "my_language_model"])
def test_a_nested_language_model_is_found(wrapper: str, tmp_path: Path) -> None:
    known = next(model for model in MODELS if model.name == "Qwen3-0.6B")
    inner = {k: v for k, v in known.config.items() if k != "architectures"}
    root = {"model_type": "wrapped", "architectures": ["WrappedForConditionalGeneration"], wrapper: inner}
    write_config(tmp_path, root)
    facts = parse_folder(tmp_path)
    assert facts.parameters.total == known.total
    assert facts.context_length == known.context
    assert facts.architecture == "WrappedForConditionalGeneration"


def test_two_levels_of_nesting_are_searched(tmp_path: Path) -> None:
    known = next(model for model in MODELS if model.name == "Qwen3-0.6B")
    write_config(tmp_path, {
        "model_type": "some_omni", "architectures": ["SomeOmniModel"],
        "talker_config": {"text_config": {**known.config, "hidden_size": 64, "num_hidden_layers": 2}},
        "thinker_config": {"model_type": "some_thinker", "text_config": known.config},
    })  # fmt: skip
    assert parse_folder(tmp_path).hidden_size == 1024


def test_what_the_config_does_not_tell_is_named(tmp_path: Path) -> None:
    write_config(tmp_path, {"model_type": "odd", "architectures": ["OddForCausalLM"], "hidden_size": 64})
    facts = parse_folder(tmp_path)
    assert facts.parameters.confidence == "estimated"
    assert "num_hidden_layers" in facts.parameters.reason
    assert "vocab_size" in facts.parameters.reason


def test_params_json_of_meta_and_mistral(tmp_path: Path) -> None:
    meta = {"dim": 4096, "n_layers": 32, "n_heads": 32, "n_kv_heads": 8, "vocab_size": 128256, "multiple_of": 1024,
            "ffn_dim_multiplier": 1.3, "norm_eps": 1e-5}  # fmt: skip
    mistral = {"dim": 4096, "n_layers": 32, "head_dim": 128, "hidden_dim": 14336, "n_heads": 32, "n_kv_heads": 8,
               "vocab_size": 32768}  # fmt: skip
    known = (
        ("meta", meta, 8_030_261_248, "LlamaForCausalLM"),
        ("mistral", mistral, 7_248_023_552, "MistralForCausalLM"),
    )
    for name, params, total, architecture in known:
        write_config(tmp_path / name, params, "params.json")
        (tmp_path / name / "consolidated.00.pth").write_bytes(b"x" * 100)
        facts = parse_folder(tmp_path / name)
        assert (facts.parameters.total, facts.architecture) == (total, architecture)

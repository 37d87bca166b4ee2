"""Entries of supportedModelFormats: what one leaves out accepts anything, what it names must be the model's."""

from typing import Any

import pytest

from crds.serving_runtime import SupportedModelFormat
from steps.facts import DiffusionComponent, Facts, Quantization
from steps.selection.format_match import EntryMatch, Mismatch, match_entry, match_formats
from tests.selection.objects import LLAMA_8B, SMOLLM2, entry

FLUX = LLAMA_8B.model_copy(
    update={
        "architecture": "FluxPipeline",
        "format": "diffusers",
        "diffusion": {
            "scheduler": DiffusionComponent(library="diffusers", type="FlowMatchEulerDiscreteScheduler"),
            "transformer": DiffusionComponent(library="diffusers", type="FluxTransformer2DModel"),
            "text_encoder_2": DiffusionComponent(library="transformers", type="T5EncoderModel"),
        },
    }
)
FP8 = LLAMA_8B.model_copy(update={"quantization": Quantization(method="fbgemm_fp8", bits=8)})


def match(facts: Facts, **fields: Any) -> EntryMatch | Mismatch:
    return match_entry(facts, SupportedModelFormat.from_dict(fields))


@pytest.mark.parametrize(
    ("facts", "fields"),
    [
        (SMOLLM2, {"modelFormat": {"name": "gguf"}}),
        (SMOLLM2, {"name": "gguf"}),
        (SMOLLM2, {"modelFormat": {"name": "GGUF"}, "quantization": "Q4-K-M"}),
        (SMOLLM2, {}),
        (LLAMA_8B, {"modelFormat": {"name": "safetensors"}, "modelArchitecture": "LlamaForCausalLM"}),
        (LLAMA_8B, {"modelFormat": {"name": "safetensors", "version": "1.0.0", "operator": "Equal"}}),
        (LLAMA_8B, {"modelFramework": {"name": "transformers", "version": "4.43.0"}}),
        (LLAMA_8B, {"modelFramework": {"name": "transformers", "version": "4.41.0"}}),
        (FP8, {"modelFormat": {"name": "safetensors"}}),
        (FP8, {"quantization": "fbgemm_fp8"}),
        (FLUX, {"diffusionPipeline": {"className": "FluxPipeline"}}),
        (FLUX, {"diffusionPipeline": {"scheduler": {"library": "diffusers"}}}),
        (FLUX, {"diffusionPipeline": {"additionalComponents": {"text_encoder_2": {}}}}),
        (LLAMA_8B.model_copy(update={"format": "tensorrt-llm"}), {"modelFormat": {"name": "tensorrtllm"}}),
    ],
)
def test_entry_matches(facts: Facts, fields: dict[str, Any]) -> None:
    assert isinstance(match(facts, **fields), EntryMatch)


@pytest.mark.parametrize(
    ("facts", "fields", "value", "accepted"),
    [
        (SMOLLM2, {"modelFormat": {"name": "safetensors"}}, "gguf", "safetensors"),
        (SMOLLM2, {"modelFormat": {"name": "gguf"}, "quantization": "int4"}, "q4_k_m", "int4"),
        (SMOLLM2, {"modelFramework": {"name": "transformers"}}, "(unknown)", "transformers"),
        (LLAMA_8B, {"modelArchitecture": "Qwen2ForCausalLM"}, "LlamaForCausalLM", "Qwen2ForCausalLM"),
        (LLAMA_8B, {"quantization": "fp8"}, "(none)", "fp8"),
        (FP8, {"quantization": "int4"}, "fbgemm_fp8", "int4"),
        (LLAMA_8B, {"modelFormat": {"name": "safetensors", "version": "2.0.0"}}, "1.0.0", "2.x"),
        (
            LLAMA_8B,
            {"modelFramework": {"name": "transformers", "version": "4.40", "operator": "Equal"}},
            "4.43",
            "4.40",
        ),
        (LLAMA_8B, {"diffusionPipeline": {"className": "FluxPipeline"}}, "no diffusion pipeline", "FluxPipeline"),
        (FLUX, {"diffusionPipeline": {"className": "SanaPipeline"}}, "FluxPipeline", "SanaPipeline"),
        (FLUX, {"diffusionPipeline": {"vae": {"type": "AutoencoderKL"}}}, "no vae", "AutoencoderKL"),
        (FLUX, {"diffusionPipeline": {"transformer": {"type": "Other"}}}, "FluxTransformer2DModel", "Other"),
        (FLUX, {"diffusionPipeline": {"additionalComponents": {"image_encoder": {}}}}, "image_encoder", ""),
    ],
)
def test_mismatch_says_the_value_and_what_is_accepted(
    facts: Facts, fields: dict[str, Any], value: str, accepted: str
) -> None:
    found = match(facts, **fields)
    assert isinstance(found, Mismatch)
    assert value in found.problem
    assert found.accepted == accepted


@pytest.mark.parametrize(
    ("fields", "score"),
    [
        ({"modelFormat": {"name": "safetensors"}}, 1),
        ({"modelFormat": {"name": "safetensors", "weight": 4}}, 4),
        ({"modelFormat": {"name": "safetensors", "weight": 0}}, 10),
        ({"modelFormat": {"name": "safetensors"}, "priority": 3}, 3),
        ({"modelFormat": {"name": "safetensors"}, "modelFramework": {"name": "transformers"}}, 2),
        ({"modelFormat": {"name": "safetensors"}, "modelFramework": {"name": "transformers", "weight": 0}}, 6),
        ({"modelFormat": {"name": "safetensors", "weight": 2}, "modelFramework": {"name": "transformers"},
          "priority": 2}, 6),
    ],
)  # fmt: skip
def test_score_is_weights_times_priority(fields: dict[str, Any], score: int) -> None:
    found = match(LLAMA_8B, **fields)
    assert isinstance(found, EntryMatch)
    assert found.score == score


def test_naming_more_is_more_specific() -> None:
    steps: list[dict[str, Any]] = [
        {"modelFormat": {"name": "safetensors"}},
        {"modelArchitecture": "LlamaForCausalLM"},
        {"modelFramework": {"name": "transformers"}},
        {"quantization": "fbgemm_fp8"},
    ]
    fields: dict[str, Any] = {}
    last = -1
    for step in steps:
        fields |= step
        found = match(FP8, **fields)
        assert isinstance(found, EntryMatch)
        assert found.specificity > last
        last = found.specificity


def test_an_exact_version_is_more_specific_than_a_compatible_one() -> None:
    exact = match(LLAMA_8B, modelFramework={"name": "transformers", "version": "4.43.0"})
    newer = match(LLAMA_8B, modelFramework={"name": "transformers", "version": "4.57.0"})
    older = match(LLAMA_8B, modelFramework={"name": "transformers", "version": "4.40.0"})
    assert isinstance(exact, EntryMatch)
    assert isinstance(newer, EntryMatch)
    assert isinstance(older, EntryMatch)
    assert exact.specificity > newer.specificity > older.specificity
    assert not exact.warnings
    assert not newer.warnings
    assert "4.43.0" in older.warnings[0]


def entries(*fields: dict[str, Any]) -> list[SupportedModelFormat]:
    return [SupportedModelFormat.from_dict(f) for f in fields]


def test_only_an_entry_that_matches_gives_the_score() -> None:
    found, _ = match_formats(LLAMA_8B, entries(entry("onnx", priority=100), entry()), is_named=False)
    assert found is not None
    assert (found.index, found.score) == (1, 1)


def test_the_entry_that_selects_automatically_comes_first_unless_the_runtime_is_named() -> None:
    both = entries({"modelFormat": {"name": "safetensors"}, "priority": 5}, entry(priority=2))
    automatic, _ = match_formats(LLAMA_8B, both, is_named=False)
    named, _ = match_formats(LLAMA_8B, both, is_named=True)
    assert automatic is not None
    assert named is not None
    assert (automatic.index, named.index) == (1, 0)


def test_of_several_matching_entries_the_best_counts() -> None:
    plain, scored = entry(), entry(priority=3)
    specific = entry(priority=3, modelArchitecture="LlamaForCausalLM")
    found, _ = match_formats(LLAMA_8B, entries(plain, scored, specific), is_named=False)
    assert found is not None
    assert (found.index, found.score) == (2, 3)


def test_the_sentence_is_about_the_nearest_entries_and_lists_what_they_accept() -> None:
    architectures = [entry(modelArchitecture=f"Arch{n}ForCausalLM") for n in range(20)]
    found, sentence = match_formats(LLAMA_8B, entries(entry("onnx"), *architectures), is_named=False)
    assert found is None
    assert sentence.startswith("architecture LlamaForCausalLM is not supported; accepted: Arch0ForCausalLM, Arch1")
    assert "and 12 more" in sentence
    assert "onnx" not in sentence


def test_a_runtime_without_entries_says_so() -> None:
    assert match_formats(LLAMA_8B, [], is_named=True) == (None, "it has no supportedModelFormats")

"""TensorRT-LLM: facts of an engine's config.json, one folder of several shapes, and no rank left out."""

from pathlib import Path
from typing import Any

import pytest

from steps.errors import NotFoundError
from tests.parsing.made_up_files import parse_folder, write_config, write_safetensors

MODEL: dict[str, Any] = {
    "architecture": "LlamaForCausalLM", "dtype": "float16", "vocab_size": 100, "hidden_size": 64, "head_size": 32,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 128,
    "max_position_embeddings": 8192, "hidden_act": "silu",
    "quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8", "exclude_modules": ["lm_head"]},
    "mapping": {"world_size": 2, "tp_size": 2, "pp_size": 1}, "moe": {"num_experts": 0, "top_k": 0},
}  # fmt: skip
ENGINE = {"version": "0.17.0", "pretrained_config": MODEL, "build_config": {"max_seq_len": 2048, "max_batch_size": 8}}


def write_engine(folder: Path, config: dict[str, Any] = ENGINE, ranks: int = 2) -> None:
    write_config(folder, config)
    for rank in range(ranks):
        (folder / f"rank{rank}.engine").write_bytes(b"0" * 100)


def test_an_engine_tells_its_model_and_its_limits(tmp_path: Path) -> None:
    write_engine(tmp_path)
    facts = parse_folder(tmp_path)
    assert (facts.format, facts.framework, facts.framework_version) == ("tensorrt-llm", "tensorrt-llm", "0.17.0")
    assert (facts.architecture, facts.dtype, facts.context_length) == ("LlamaForCausalLM", "float16", 2048)
    assert facts.quantization is not None
    assert (facts.quantization.method, facts.quantization.kv_cache_dtype) == ("fp8", "fp8")
    assert facts.attention.head_dim == 32
    assert facts.weight_files == ("rank0.engine", "rank1.engine")
    assert facts.parameters.confidence == "estimated"
    assert "rank0.engine is not opened" in facts.parameters.reason
    assert any("2 GPUs, tensor parallel 2 and pipeline parallel 1" in warning for warning in facts.warnings)


def test_one_shape_of_several_is_read(tmp_path: Path) -> None:
    for shape in ("a100-2", "h100-2"):
        write_engine(tmp_path / "llama" / shape)
    facts = parse_folder(tmp_path)
    assert facts.weight_files == ("llama/a100-2/rank0.engine", "llama/a100-2/rank1.engine")
    assert facts.bytes_on_disk == 200
    assert any("llama/h100-2/rank0.engine" in warning for warning in facts.warnings)


def test_ranks_come_in_order(tmp_path: Path) -> None:
    mapping = {"world_size": 12, "tp_size": 4, "pp_size": 3}
    write_engine(tmp_path, {**ENGINE, "pretrained_config": {**MODEL, "mapping": mapping}}, ranks=12)
    assert parse_folder(tmp_path).weight_files[-2:] == ("rank10.engine", "rank11.engine")


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_rank_is_named(missing: int, tmp_path: Path) -> None:
    write_engine(tmp_path)
    (tmp_path / f"rank{missing}.engine").unlink()
    with pytest.raises(NotFoundError, match=f"rank{missing}.engine"):
        parse_folder(tmp_path)


def test_a_checkpoint_and_its_experts(tmp_path: Path) -> None:
    write_config(tmp_path, {**MODEL, "architecture": "MixtralForCausalLM", "moe": {"num_experts": 8, "top_k": 2},
                            "quantization": {"quant_algo": "W4A16_AWQ", "group_size": 128}})  # fmt: skip
    for rank in range(2):  # parts of the same tensors, under the same names
        write_safetensors(tmp_path / f"rank{rank}.safetensors", {"transformer.w": ("F16", (4 + rank, 8))})
    facts = parse_folder(tmp_path)
    assert (facts.format, facts.experts, facts.experts_per_token) == ("tensorrt-llm", 8, 2)
    assert "rank0.safetensors is not opened" in facts.parameters.reason
    assert facts.quantization is not None
    assert (facts.quantization.method, facts.quantization.group_size) == ("awq", 128)


def test_an_old_engine_says_its_input_and_output(tmp_path: Path) -> None:
    write_engine(tmp_path, {**ENGINE, "build_config": {"max_input_len": 1000, "max_output_len": 500}})
    assert parse_folder(tmp_path).context_length == 1500

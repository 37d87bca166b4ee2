"""Which files hold the weights: shards, duplicates, adapters, diffusion pipelines, PyTorch, ONNX and engines."""

import json
from pathlib import Path

import pytest

from steps.errors import InvalidInputError, NotFoundError
from steps.parse.config import Config
from steps.parse.quantization import quantization_of
from tests.parsing.made_up_files import parse_folder, write_config, write_safetensors
from tests.parsing.made_up_pytorch import state_dict, write_pytorch
from tests.parsing.public_models import MODELS

LLAMA = MODELS[0].config
ONE = {"model.norm.weight": ("BF16", (8,))}
OTHER = {"model.embed_tokens.weight": ("BF16", (100, 8))}


def test_shards_and_a_consolidated_copy_count_once(tmp_path: Path) -> None:
    write_config(tmp_path, LLAMA)
    write_safetensors(tmp_path / "model-00001-of-00002.safetensors", ONE)
    write_safetensors(tmp_path / "model-00002-of-00002.safetensors", OTHER)
    write_safetensors(tmp_path / "consolidated.safetensors", {**ONE, **OTHER})
    facts = parse_folder(tmp_path)
    assert facts.weight_files == ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert facts.parameters.total == 808
    assert facts.bytes_in_memory == 1616
    assert facts.bytes_on_disk == sum(p.stat().st_size for p in tmp_path.glob("model-*"))


def test_weights_in_a_subfolder_of_omes(tmp_path: Path) -> None:
    write_config(tmp_path / "safetensors", LLAMA)
    write_safetensors(tmp_path / "safetensors" / "model.safetensors", ONE)
    facts = parse_folder(tmp_path)
    assert facts.weight_files == ("safetensors/model.safetensors",)
    assert facts.architecture == "LlamaForCausalLM"


def test_an_adapter(tmp_path: Path) -> None:
    write_config(tmp_path, {"peft_type": "LORA", "r": 16, "lora_alpha": 32, "target_modules": ["v_proj", "q_proj"],
                            "base_model_name_or_path": "org/base", "peft_version": "0.15.0"},
                 "adapter_config.json")  # fmt: skip
    write_safetensors(tmp_path / "adapter_model.safetensors", {
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": ("F32", (16, 64)),
        "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight": ("F32", (64, 16)),
    })  # fmt: skip
    facts = parse_folder(tmp_path)
    assert facts.adapter is not None
    assert (facts.adapter.rank, facts.adapter.alpha) == (16, 32)
    assert facts.adapter.targets == ("q_proj", "v_proj")
    assert facts.adapter.base_model == "org/base"
    assert facts.parameters.total == 2048
    assert (facts.framework, facts.framework_version) == ("peft", "0.15.0")


@pytest.mark.parametrize(
    ("config", "kind", "rank", "targets", "base"),
    [
        ({"peft_type": "LORA", "r": 8, "rank_pattern": {"layers.0": 64, "layers.1": 4}, "target_modules": "all-linear",
          "base_model_name_or_path": "o/b"}, "lora", 64, ("all-linear",), "o/b"),
        ({"peft_type": "LORA", "r": 8, "use_dora": True}, "dora", 8, (), ""),
        ({"peft_type": "IA3", "target_modules": ["k_proj"], "feedforward_modules": []}, "ia3", 0, ("k_proj",), ""),
        ({"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 20}, "prompt_tuning", 0, (), ""),
        ({"fine_tune_type": "lora", "model": "o/b", "lora_parameters": {"rank": 16, "keys": ["q", "v"], "scale": 2.0}},
         "lora", 16, ("q", "v"), "o/b"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("has_model_config", [False, True])
def test_adapters_of_every_kind(
    config: dict[str, object], kind: str, rank: int, targets: tuple[str, ...], base: str, has_model_config: bool,
    tmp_path: Path,
) -> None:  # fmt: skip
    write_config(tmp_path, config, "adapter_config.json")
    if has_model_config:
        write_config(tmp_path, LLAMA)
    write_safetensors(tmp_path / "adapter_model.safetensors", {"a.weight": ("F32", (16, 64))})
    facts = parse_folder(tmp_path)
    assert facts.adapter is not None
    assert (facts.model_type, facts.adapter.rank, facts.adapter.targets) == (kind, rank, targets)
    assert (facts.adapter.base_model, facts.parameters.total) == (base, 1024)


def test_a_model_beside_an_adapter_is_a_model(tmp_path: Path) -> None:
    write_config(tmp_path, LLAMA)
    write_config(tmp_path, {"peft_type": "LORA", "r": 8}, "adapter_config.json")
    write_safetensors(tmp_path / "model.safetensors", ONE)
    assert parse_folder(tmp_path).adapter is None


def test_a_diffusion_pipeline(tmp_path: Path) -> None:
    index = {"_class_name": "FluxPipeline", "_diffusers_version": "0.30.0", "scheduler": ["diffusers", "FlowMatch"],
             "text_encoder": ["transformers", "CLIPTextModel"], "transformer": ["diffusers", "FluxTransformer2DModel"],
             "vae": ["diffusers", "AutoencoderKL"], "safety_checker": [None, None]}  # fmt: skip
    write_config(tmp_path, index, "model_index.json")
    write_config(tmp_path / "text_encoder", {"model_type": "clip_text_model", "max_position_embeddings": 77})
    write_safetensors(tmp_path / "vae" / "diffusion_pytorch_model.safetensors", {"a.weight": ("BF16", (10, 10))})
    write_safetensors(tmp_path / "vae" / "diffusion_pytorch_model.fp16.safetensors", {"a.weight": ("F16", (10, 10))})
    write_safetensors(tmp_path / "transformer" / "model.safetensors", {"a.weight": ("BF16", (20, 20))})
    write_safetensors(tmp_path / "flux.safetensors", {"a.weight": ("BF16", (20, 20))})
    facts = parse_folder(tmp_path)
    assert (facts.format, facts.architecture, facts.framework_version) == ("diffusers", "FluxPipeline", "0.30.0")
    assert facts.parameters.total == 500
    assert facts.capabilities == ("TEXT_TO_IMAGE",)
    assert facts.diffusion["vae"].type == "AutoencoderKL"
    assert facts.diffusion["safety_checker"].type == ""
    assert facts.context_length == 77


def test_components_are_counted_and_other_folders_left_out(tmp_path: Path) -> None:
    index = {"_class_name": "StableDiffusionXLPipeline", "scheduler": ["diffusers", "EulerDiscreteScheduler"],
             "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
             "text_encoder": ["transformers", "CLIPTextModel"]}  # fmt: skip
    write_config(tmp_path, index, "model_index.json")
    for shard in (1, 2):
        write_safetensors(tmp_path / "unet" / f"diffusion_pytorch_model-0000{shard}-of-00002.safetensors",
                          {f"{shard}.weight": ("F32", (10, 10))})  # fmt: skip
    write_safetensors(tmp_path / "unet" / "diffusion_pytorch_model.fp16.safetensors", {"1.weight": ("F16", (20, 10))})
    write_safetensors(tmp_path / "vae" / "diffusion_pytorch_model.safetensors", {"a.weight": ("F32", (5, 5))})
    write_pytorch(tmp_path / "vae" / "diffusion_pytorch_model.bin", state_dict({"a.weight": ("Float", (5, 5))}))
    write_safetensors(tmp_path / "vae_1_0" / "diffusion_pytorch_model.safetensors", {"a.weight": ("F32", (5, 5))})
    write_pytorch(tmp_path / "text_encoder" / "pytorch_model.bin", state_dict({"b.weight": ("Half", (3, 3))}))
    facts = parse_folder(tmp_path)
    counted = {name: (part.parameters, part.bytes) for name, part in facts.diffusion.items()}
    assert counted == {"scheduler": (0, 0), "unet": (200, 800), "vae": (25, 100), "text_encoder": (9, 18)}
    assert (facts.parameters.total, facts.bytes_in_memory, facts.parameters.confidence) == (234, 918, "exact")
    assert facts.parameters.source == "PyTorch pickles, safetensors headers"
    assert not any(path.startswith("vae_1_0") or "fp16" in path for path in facts.weight_files)


def test_a_component_alone_and_its_copy_in_half_precision_count_once(tmp_path: Path) -> None:
    write_config(tmp_path, {"_class_name": "AutoencoderKL", "_diffusers_version": "0.30.0"})
    for variant, dtype in (("", "F32"), (".fp16", "F16")):
        write_safetensors(tmp_path / f"diffusion_pytorch_model{variant}.safetensors", {"a.weight": (dtype, (5, 5))})
    facts = parse_folder(tmp_path)
    assert (facts.parameters.total, facts.weight_files) == (25, ("diffusion_pytorch_model.safetensors",))


def test_shards_with_short_numbers_are_a_series(tmp_path: Path) -> None:
    write_config(tmp_path, LLAMA)
    for shard in range(1, 12):
        write_safetensors(tmp_path / f"model-{shard}-of-11.safetensors", {f"{shard}.weight": ("BF16", (8,))})
    assert parse_folder(tmp_path).parameters.total == 88
    (tmp_path / "model-7-of-11.safetensors").unlink()
    with pytest.raises(NotFoundError, match="model-7-of-11.safetensors"):
        parse_folder(tmp_path)


def test_pytorch_files_count_by_the_index(tmp_path: Path) -> None:
    write_config(tmp_path, LLAMA)
    for number in (1, 2):
        (tmp_path / f"pytorch_model-0000{number}-of-00002.bin").write_bytes(b"0" * 1000)
    (tmp_path / "training_args.bin").write_bytes(b"0" * 100)
    write_config(tmp_path, {"metadata": {"total_size": 16_060_522_496}}, "pytorch_model.bin.index.json")
    facts = parse_folder(tmp_path)
    assert facts.format == "pytorch"
    assert facts.parameters.total == 8_030_261_248
    assert (facts.parameters.confidence, facts.parameters.source) == ("estimated", "PyTorch index")
    assert facts.weight_files == ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")


def test_onnx_and_engines_are_named_and_estimated(tmp_path: Path) -> None:
    write_config(tmp_path / "o", LLAMA)
    (tmp_path / "o" / "model.onnx").write_bytes(b"\x08\x08")
    assert parse_folder(tmp_path / "o").format == "onnx"
    counted = parse_folder(tmp_path / "o").parameters
    assert (counted.total, counted.confidence) == (MODELS[0].total, "estimated")
    assert "model.onnx: has no initializers that hold weights" in counted.reason
    inner = {"architecture": "LlamaForCausalLM", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
             "vocab_size": 100, "intermediate_size": 128, "dtype": "float16"}  # fmt: skip
    write_config(tmp_path / "t", {"version": "0.17", "pretrained_config": inner, "build_config": {}})
    (tmp_path / "t" / "rank0.engine").write_bytes(b"0" * 10)
    facts = parse_folder(tmp_path / "t")
    assert (facts.format, facts.framework, facts.hidden_size) == ("tensorrt-llm", "tensorrt-llm", 64)
    assert facts.architecture == "LlamaForCausalLM"


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("hello")
    with pytest.raises(InvalidInputError, match="has no model"):
        parse_folder(tmp_path)


@pytest.mark.parametrize(
    ("config", "hf_quant", "expected"),
    [
        ({}, None, None),
        ({"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}, None, ("fp8", 8, 128, "")),
        ({"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 64}}, None, ("awq", 4, 64, "")),
        ({"quantization_config": {"quant_method": "gptq", "bits": 3, "group_size": -1}}, None, ("gptq", 3, 0, "")),
        ({"quantization_config": {"quant_method": "mxfp4"}}, None, ("mxfp4", 4.25, 32, "")),
        ({"quantization_config": {"load_in_8bit": True}}, None, ("bitsandbytes", 8, 0, "")),
        ({"text_config": {"quantization_config": {"quant_method": "fbgemm_fp8"}}}, None, ("fbgemm_fp8", 8, 0, "")),
        ({}, {"quantization": {"quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8", "group_size": 16}},
         ("nvfp4", 4.5, 16, "fp8")),
        ({"quantization_config": {"quant_method": "compressed-tensors",
                                  "kv_cache_scheme": {"num_bits": 8, "type": "float"},
                                  "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}}}},
         None, ("compressed-tensors", 8, 0, "fp8")),
        ({"quantization_config": "oops"}, None, None),
        ({"quantization": {"group_size": 64, "bits": 4}}, None, ("mlx", 4, 64, "")),
        ({"pretrained_config": {"quantization": {"quant_algo": "W4A16_AWQ", "kv_cache_quant_algo": "INT8",
                                                 "group_size": 128}}}, None, ("awq", 4, 128, "int8")),
        ({"quantization": {"quant_algo": "W8A8_SQ_PER_CHANNEL_PER_TOKEN_PLUGIN", "kv_cache_quant_algo": None}}, None,
         ("int8", 8, 0, "")),
        ({"quantization": {"quant_algo": None, "kv_cache_quant_algo": None}}, None, None),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": {
            "a": {"quant_algo": "W4A16_NVFP4"}, "b": {"quant_algo": "W4A16_NVFP4"}, "c": {"quant_algo": "FP8"}}}},
         None, ("nvfp4", 4.5, 16, "")),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8", "weights": {"num_bits": 8},
                                  "kv_cache_scheme": {"type": "float"}}}, None, ("fp8", 8, 0, "fp8")),
        ({"quantization_config": {"quant_method": "quark", "global_quant_config": {
            "weight": {"dtype": "fp8_e4m3", "qscheme": "per_channel"}},
            "layer_quant_config": {"*k_proj": {"output_tensors": {"dtype": "fp8_e4m3"}}}}},
         None, ("quark", 8, 0, "fp8_e4m3")),
        ({"quantization_config": {"quant_method": "quark", "quant_config": {"global_quant_config": {
            "weight": {"dtype": "int4", "group_size": 128}}}}}, None, ("quark", 4, 128, "")),
        ({"quantization_config": {"quant_method": "hqq", "quant_config": {"weight_quant_params": {
            "nbits": 3, "group_size": 64}}}}, None, ("hqq", 3, 64, "")),
        ({"quantization_config": {"quant_method": "torchao", "quant_type": "int4_weight_only",
                                  "quant_type_kwargs": {"group_size": 32}}}, None, ("torchao", 4, 32, "")),
        ({"quantization_config": {"quant_method": "torchao", "quant_type": {"default": {
            "_type": "Float8DynamicActivationFloat8WeightConfig", "_data": {}}}}}, None, ("torchao", 8, 0, "")),
        ({"quantization_config": {"quant_method": "quanto", "weights": "int8"}}, None, ("quanto", 8, 0, "")),
        ({"quantization_config": {"quant_method": "aqlm", "in_group_size": 8, "out_group_size": 1,
                                  "num_codebooks": 2, "nbits_per_codebook": 8}}, None, ("aqlm", 2, 0, "")),
        ({"quantization_config": {"quant_method": "awq_marlin", "w_bit": 4, "q_group_size": 128}}, None,
         ("awq", 4, 128, "")),
        ({"quantization_config": {"quant_method": "brandnew", "bits": 5, "group_size": 16,
                                  "kv_cache_dtype": "auto"}}, None, ("brandnew", 5, 16, "")),
    ],
)  # fmt: skip
def test_quantization_is_named(
    config: dict[str, object], hf_quant: dict[str, object] | None, expected: tuple[object, ...] | None
) -> None:
    found = quantization_of(Config(json.loads(json.dumps(config))), Config(hf_quant) if hf_quant else None)
    given = None if found is None else (found.method, found.bits, found.group_size, found.kv_cache_dtype)
    assert given == expected

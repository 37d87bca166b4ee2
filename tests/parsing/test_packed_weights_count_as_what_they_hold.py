"""One small model in every packing counts the same parameters: packed weights by value, scales and buffers not."""

from pathlib import Path

import pytest

from tests.parsing.made_up_files import Shapes, parse_folder, write_config, write_safetensors

HIDDEN, WIDTH, VOCABULARY, LAYERS = 256, 512, 1000, 2
EXACT = 2 * VOCABULARY * HIDDEN + LAYERS * (4 * HIDDEN * HIDDEN + 3 * HIDDEN * WIDTH + 2 * HIDDEN) + HIDDEN
CONFIG: dict[str, object] = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": WIDTH,
    "num_hidden_layers": LAYERS, "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": VOCABULARY,
    "max_position_embeddings": 2048, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}  # fmt: skip
LINEARS = {"self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.k_proj": (HIDDEN, HIDDEN),
           "self_attn.v_proj": (HIDDEN, HIDDEN), "self_attn.o_proj": (HIDDEN, HIDDEN),
           "mlp.gate_proj": (WIDTH, HIDDEN), "mlp.up_proj": (WIDTH, HIDDEN),
           "mlp.down_proj": (HIDDEN, WIDTH)}  # fmt: skip


def _plain(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight": ("BF16", (out, into))}


def _gptq(at: str, out: int, into: int, bits: int = 4) -> Shapes:
    return {f"{at}.qweight": ("I32", (into * bits // 32, out)),
            f"{at}.qzeros": ("I32", (into // 128, out * bits // 32)),
            f"{at}.scales": ("F16", (into // 128, out)), f"{at}.g_idx": ("I32", (into,))}  # fmt: skip


def _awq(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.qweight": ("I32", (into, out // 8)), f"{at}.qzeros": ("I32", (into // 128, out // 8)),
            f"{at}.scales": ("F16", (into // 128, out))}  # fmt: skip


def _bitsandbytes(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight": ("U8", (out * into // 2, 1)), f"{at}.weight.absmax": ("U8", (out * into // 64,)),
            f"{at}.weight.nested_absmax": ("F32", (8,)), f"{at}.weight.nested_quant_map": ("F32", (256,)),
            f"{at}.weight.quant_map": ("F32", (16,)),
            f"{at}.weight.quant_state.bitsandbytes__nf4": ("U8", (90,))}  # fmt: skip


def _eight_bit(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight": ("I8", (out, into)), f"{at}.SCB": ("F32", (out,)), f"{at}.weight_format": ("U8", ())}


def _fp8_blocks(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight": ("F8_E4M3", (out, into)), f"{at}.weight_scale_inv": ("F32", (out // 128, into // 128))}


def _fp8_tensor(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight": ("F8_E4M3", (out, into)), f"{at}.weight_scale": ("F32", (out, 1)),
            f"{at}.input_scale": ("F32", (1,)), f"{at}.k_scale": ("F32", ())}  # fmt: skip


def _nvfp4(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight": ("U8", (out, into // 2)), f"{at}.weight_scale": ("F8_E4M3", (out, into // 16)),
            f"{at}.weight_scale_2": ("F32", ()), f"{at}.input_scale": ("F32", ())}  # fmt: skip


def _compressed(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight_packed": ("I32", (out, into // 8)), f"{at}.weight_scale": ("BF16", (out, into // 128)),
            f"{at}.weight_shape": ("I64", (2,)), f"{at}.weight_g_idx": ("I32", (into,)),
            f"{at}.weight_zero_point": ("I32", (out // 8, into // 128))}  # fmt: skip


def _compressed_nvfp4(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight_packed": ("U8", (out, into // 2)), f"{at}.weight_scale": ("F8_E4M3", (out, into // 16)),
            f"{at}.weight_global_scale": ("F32", (1,)), f"{at}.input_global_scale": ("F32", (1,))}  # fmt: skip


def _mxfp4(at: str, out: int, into: int) -> Shapes:
    return {f"{at}_blocks": ("U8", (out, into // 32, 16)), f"{at}_scales": ("U8", (out, into // 32))}


def _gptq8(at: str, out: int, into: int) -> Shapes:
    return _gptq(at, out, into, bits=8)


def _gptq3(at: str, out: int, into: int) -> Shapes:
    return _gptq(at, out, into, bits=3)


def _gptq_without_zeros(at: str, out: int, into: int) -> Shapes:
    return {name: shape for name, shape in _gptq(at, out, into, bits=8).items() if not name.endswith("qzeros")}


def _mlx(at: str, out: int, into: int, bits: int = 4, group: int = 64) -> Shapes:
    return {f"{at}.weight": ("U32", (out, into * bits // 32)), f"{at}.scales": ("BF16", (out, into // group)),
            f"{at}.biases": ("BF16", (out, into // group))}  # fmt: skip


def _mlx_mixed(at: str, out: int, into: int) -> Shapes:
    return _mlx(at, out, into, *((8, 32) if at.endswith("q_proj") else (6, 64) if "mlp" in at else (3, 64)))


def _compressed_mixed(at: str, out: int, into: int) -> Shapes:
    """Channel-wise and in groups, symmetric and not, of 8 and 4 bits: as two `config_groups` give."""
    bits, groups = (8, 1) if "mlp" in at else (4, into // 32)
    made: Shapes = {f"{at}.weight_packed": ("I32", (out, into * bits // 32)),
                    f"{at}.weight_scale": ("BF16", (out, groups)), f"{at}.weight_shape": ("I64", (2,))}  # fmt: skip
    return {**made, f"{at}.weight_zero_point": ("I32", (out * bits // 32, groups))} if groups == 1 else made


def _compressed_sparse(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight.compressed": ("F8_E4M3", (out, into // 2)), f"{at}.weight.bitmask": ("U8", (out, into // 8)),
            f"{at}.weight.shape": ("I64", (2,)), f"{at}.weight_scale": ("F32", (out, 1))}  # fmt: skip


def _quark_int4(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight": ("I32", (into, out // 8)), f"{at}.weight_scale": ("BF16", (into // 128, out)),
            f"{at}.weight_zero_point": ("I32", (into // 128, out // 8))}  # fmt: skip


def _quark_mxfp4(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight": ("U8", (out, into // 2)), f"{at}.weight_scale": ("U8", (out, into // 32))}


def _nvfp4_padded(at: str, out: int, into: int) -> Shapes:
    """Scales padded to the tiles of a kernel, so that their number tells nothing."""
    return {**_nvfp4(at, out, into), f"{at}.weight_scale": ("F8_E4M3", (out + 128, into // 16))}


def _hqq(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.W_q": ("U8", (out * into // 64 // 4, 64)), f"{at}.scale": ("F16", (out * into // 64, 1)),
            f"{at}.zero": ("F16", (out * into // 64, 1)), f"{at}.nbits": ("I32", ())}  # fmt: skip


def _torchao(at: str, out: int, into: int) -> Shapes:
    return {f"{at}._weight_qdata": ("U8", (out, into // 2)), f"{at}._weight_scale": ("BF16", (into // 128, out)),
            f"{at}._weight_zero_point": ("BF16", (into // 128, out))}  # fmt: skip


def _bitnet(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.weight": ("U8", (out // 4, into)), f"{at}.weight_scale": ("BF16", (1,))}


def _aqlm(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.codes": ("I16", (out, into // 8, 1)), f"{at}.codebooks": ("F16", (1, 65536, 1, 8)),
            f"{at}.scales": ("F16", (out, 1, 1, 1))}  # fmt: skip


def _exl2(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.q_weight": ("I32", (into * 5 // 32 // 2, out)), f"{at}.q_invperm": ("I32", (into,)),
            f"{at}.q_scale": ("I32", (into // 128, out // 8)), f"{at}.q_scale_max": ("F16", (into // 128,)),
            f"{at}.q_groups": ("I16", (into // 64,))}  # fmt: skip


def _exl3(at: str, out: int, into: int) -> Shapes:
    return {f"{at}.trellis": ("I16", (into // 16, out // 16, 48)), f"{at}.suh": ("F16", (into,)),
            f"{at}.svh": ("F16", (out,))}  # fmt: skip


PACKINGS = {
    "plain": (_plain, None, ""),
    "gptq 4 bit": (_gptq, {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": True}, "gptq"),
    "gptq 8 bit": (_gptq8, {"quant_method": "gptq", "bits": 8, "group_size": 128}, "gptq"),
    "awq": (_awq, {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}, "awq"),
    "bitsandbytes 4 bit": (_bitsandbytes, {"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
    "bitsandbytes 8 bit": (_eight_bit, {"quant_method": "bitsandbytes", "load_in_8bit": True}, "bitsandbytes"),
    "fp8 blocks": (_fp8_blocks, {"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
    "fbgemm": (_fp8_tensor, {"quant_method": "fbgemm_fp8"}, "fbgemm_fp8"),
    "nvfp4": (_nvfp4, {"quant_method": "modelopt", "quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8"}, "nvfp4"),
    "compressed int4": (_compressed, {"quant_method": "compressed-tensors", "format": "pack-quantized",
                                      "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 128}}}},
                        "compressed-tensors"),
    "compressed nvfp4": (_compressed_nvfp4, {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized",
                                             "config_groups": {"group_0": {"weights": {"num_bits": 4}}}},
                         "compressed-tensors"),
    "mxfp4": (_mxfp4, {"quant_method": "mxfp4"}, "mxfp4"),
    "packed, unsaid": (_awq, None, ""),
    "gptq 3 bit, unsaid": (_gptq3, {"quant_method": "gptq_marlin", "desc_act": True}, "gptq"),
    "gptq, said wrongly": (_gptq8, {"quant_method": "gptq", "bits": 4, "group_size": 128}, "gptq"),
    "gptq without zeros": (_gptq_without_zeros, {"quant_method": "gptq", "bits": 4}, "gptq"),
    "mlx": (_mlx, {"bits": 4, "group_size": 64}, "mlx"),
    "mlx, some modules else": (_mlx_mixed, {"bits": 3, "group_size": 64, "mode": "affine",
                                            **{f"model.layers.{layer}.self_attn.q_proj": {"bits": 8, "group_size": 32}
                                               for layer in range(LAYERS)}}, "mlx"),
    "compressed, two groups": (_compressed_mixed, {"quant_method": "compressed-tensors", "config_groups": {
        "group_0": {"weights": {"num_bits": 4, "group_size": 32}}, "group_1": {"weights": {"num_bits": 8}}}},
                               "compressed-tensors"),
    "compressed, sparse": (_compressed_sparse, {"quant_method": "compressed-tensors"}, "compressed-tensors"),
    "quark int4": (_quark_int4, {"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "int4"}}},
                   "quark"),
    "quark mxfp4": (_quark_mxfp4, {"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp4"}}},
                    "quark"),
    "nvfp4, padded": (_nvfp4_padded, {"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
    "hqq": (_hqq, {"quant_method": "hqq", "quant_config": {"weight_quant_params": {"nbits": 2, "group_size": 64}}},
            "hqq"),
    "torchao": (_torchao, {"quant_method": "torchao", "quant_type": {"default": {
        "_type": "Int4WeightOnlyConfig", "_data": {"group_size": 128}}}}, "torchao"),
    "bitnet": (_bitnet, {"quant_method": "bitnet", "linear_class": "bitlinear"}, "bitnet"),
    "aqlm": (_aqlm, {"quant_method": "aqlm", "in_group_size": 8, "num_codebooks": 1, "nbits_per_codebook": 16},
             "aqlm"),
    "exl2": (_exl2, {"quant_method": "exl2", "bits": 2.5}, "exl2"),
    "exl3": (_exl3, {"quant_method": "exl3", "bits": 3.0}, "exl3"),
}  # fmt: skip


@pytest.mark.parametrize("packing", PACKINGS)
def test_packed_models_count_alike(packing: str, tmp_path: Path) -> None:
    write, section, method = PACKINGS[packing]
    tensors: dict[str, tuple[str, object]] = {
        "model.embed_tokens.weight": ("BF16", (VOCABULARY, HIDDEN)),
        "lm_head.weight": ("BF16", (VOCABULARY, HIDDEN)),
        "model.norm.weight": ("BF16", (HIDDEN,)),
    }
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        for name, (out, into) in LINEARS.items():
            tensors |= write(f"{at}.{name}", out, into)
        tensors[f"{at}.input_layernorm.weight"] = ("BF16", (HIDDEN,))
        tensors[f"{at}.post_attention_layernorm.weight"] = ("BF16", (HIDDEN,))
        tensors[f"{at}.self_attn.rotary_emb.inv_freq"] = ("F32", (32,))
    write_config(tmp_path, CONFIG if section is None else {**CONFIG, "quantization_config": section})
    write_safetensors(tmp_path / "model.safetensors", tensors)  # type: ignore[arg-type]  # shapes vary
    facts = parse_folder(tmp_path)
    assert facts.parameters.total == EXACT
    assert facts.parameters.embedding == 2 * VOCABULARY * HIDDEN
    assert facts.parameters.confidence == "exact", facts.parameters.reason
    assert facts.parameters.source == "safetensors headers"
    assert (facts.quantization.method if facts.quantization else "") == method
    assert facts.dtype == "bfloat16"


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("model.layers.0.mlp.up_proj.qweight", {"qweight": ("I32", (64, 512)), "scales": ("F16", (4, 512))}),
        ("model.layers.0.mlp.up_proj.indices", {"indices": ("I32", (64, 512))}),
    ],
)
def test_what_nothing_tells_the_bits_of_is_an_estimate(name: str, shapes: Shapes, tmp_path: Path) -> None:
    write_config(tmp_path, {**CONFIG, "quantization_config": {"quant_method": "brandnew"}})
    at = name.rpartition(".")[0]
    write_safetensors(tmp_path / "model.safetensors", {
        "model.norm.weight": ("BF16", (8,)), **{f"{at}.{end}": shape for end, shape in shapes.items()}})  # fmt: skip
    counted = parse_folder(tmp_path).parameters
    assert counted.confidence == "estimated"
    assert name in counted.reason


def test_quantized_embeddings_and_experts_are_told_apart(tmp_path: Path) -> None:
    write_config(tmp_path, {**CONFIG, "num_experts": 4, "num_experts_per_tok": 1, "quantization": {
        "group_size": 64, "bits": 4}})  # fmt: skip
    shapes = {**_mlx("model.embed_tokens", VOCABULARY, HIDDEN), **_mlx("lm_head", VOCABULARY, HIDDEN)}
    for name in ("weight", "scales", "biases"):
        dtype, (out, into) = _mlx("x", WIDTH, HIDDEN)[f"x.{name}"]
        shapes[f"model.layers.0.mlp.switch_mlp.up_proj.{name}"] = (dtype, (4, out, into))
    write_safetensors(tmp_path / "model.safetensors", shapes)
    counted = parse_folder(tmp_path).parameters
    assert counted.embedding == 2 * VOCABULARY * HIDDEN
    assert counted.total == counted.embedding + 4 * WIDTH * HIDDEN
    assert counted.active == counted.embedding + WIDTH * HIDDEN


def test_a_tied_head_that_is_stored_counts_once(tmp_path: Path) -> None:
    write_config(tmp_path, {**CONFIG, "tie_word_embeddings": True})
    shapes = {"model.embed_tokens.weight": ("BF16", (VOCABULARY, HIDDEN)),
              "lm_head.weight": ("BF16", (VOCABULARY, HIDDEN)), "model.norm.weight": ("BF16", (HIDDEN,))}  # fmt: skip
    write_safetensors(tmp_path / "model.safetensors", shapes)
    facts = parse_folder(tmp_path)
    assert facts.parameters.total == VOCABULARY * HIDDEN + HIDDEN
    assert facts.bytes_in_memory == 2 * (2 * VOCABULARY * HIDDEN + HIDDEN)


def test_masks_and_position_ids_are_no_parameters(tmp_path: Path) -> None:
    write_config(tmp_path, {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 8, "n_layer": 1,
                            "n_head": 1, "vocab_size": 10, "n_positions": 16})  # fmt: skip
    shapes = {"wte.weight": ("F32", (10, 8)), "h.0.attn.bias": ("F32", (1, 1, 16, 16)),
              "h.0.attn.masked_bias": ("F32", ()), "h.0.attn.c_attn.bias": ("F32", (24,)),
              "embeddings.position_ids": ("I64", (1, 16)), "some.lookup": ("I32", (100,)),
              "some.flags": ("BOOL", (100,))}  # fmt: skip
    write_safetensors(tmp_path / "model.safetensors", shapes)
    assert parse_folder(tmp_path).parameters.total == 80 + 24


def test_routed_experts_are_active_by_share(tmp_path: Path) -> None:
    write_config(tmp_path, {**CONFIG, "model_type": "qwen3_moe", "num_experts": 8, "num_experts_per_tok": 2})
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        f"model.layers.0.mlp.experts.{e}.up_proj.weight": ("BF16", (64, 8)) for e in range(8)
    }
    shapes |= {"model.layers.0.mlp.shared_experts.up_proj.weight": ("BF16", (64, 8)),
               "model.layers.1.mlp.experts.gate_up_proj": ("BF16", (8, 64, 8)),
               "mtp.layers.0.eh_proj.weight": ("BF16", (8, 16))}  # fmt: skip
    write_safetensors(tmp_path / "model.safetensors", shapes)
    facts = parse_folder(tmp_path)
    assert facts.parameters.total == 2 * 8 * 512 + 512 + 128
    assert facts.parameters.active == 2 * 2 * 512 + 512


def test_bytes_that_nothing_explains_make_it_an_estimate(tmp_path: Path) -> None:
    write_config(tmp_path, {**CONFIG, "quantization_config": {"quant_method": "brandnew"}})
    write_safetensors(tmp_path / "model.safetensors", {"model.layers.0.mlp.up_proj.odd": ("U8", (512, 512))})
    facts = parse_folder(tmp_path)
    assert facts.parameters.confidence == "estimated"
    assert "up_proj.odd" in facts.parameters.reason
    assert facts.quantization is not None
    assert facts.quantization.method == "brandnew"

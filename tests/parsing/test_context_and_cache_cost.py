"""Context length after rotary scaling, layer patterns, and what the KV cache costs by kind of layer."""

import pytest

from steps.parse.attention import attention_facts
from steps.parse.config import Config
from steps.parse.context import context_length
from steps.parse.formula import with_defaults
from steps.parse.layers import Layer, layer_plan

Values = dict[str, object]


def config(**values: object) -> Config:
    return with_defaults(Config(values))


@pytest.mark.parametrize(
    ("values", "tokens"),
    [
        ({"max_position_embeddings": 4096}, 4096),
        ({"n_positions": 1024}, 1024),
        ({"seq_length": 8192}, 8192),
        ({"max_seq_len": 2048}, 2048),
        ({"max_position_embeddings": 4096, "max_sequence_length": 16384}, 16384),
        ({"max_position_embeddings": 131072, "rope_scaling": {"rope_type": "llama3", "factor": 8}}, 131072),
        ({"max_position_embeddings": 131072, "rope_scaling": {"type": "longrope", "factor": 32}}, 131072),
        ({"max_position_embeddings": 32768, "rope_scaling": {"type": "yarn", "factor": 4.0}}, 131072),
        ({"max_position_embeddings": 163840,
          "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096}}, 163840),
        ({"max_position_embeddings": 40960,
          "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}}, 131072),
        ({"max_position_embeddings": 8192, "rope_scaling": {"type": "dynamic", "factor": 2.0}}, 16384),
        ({"max_position_embeddings": 16384, "rope_scaling": {"type": "linear", "factor": 4.0}}, 16384),
        ({"max_position_embeddings": 8192, "rope_parameters": {
            "sliding_attention": {"rope_type": "default"}, "full_attention": {"rope_type": "yarn", "factor": 2.0}}},
         16384),
        ({"max_position_embeddings": 8192, "rope_scaling": {"type": "yarn", "factor": float("nan")}}, 8192),
        ({"max_position_embeddings": 8194, "model_type": "xlm-roberta"}, 8192),
        ({}, 0),
    ],
)  # fmt: skip
def test_context(values: Values, tokens: int) -> None:
    assert context_length(config(**values)) == tokens


def test_the_tokenizer_bounds_only_what_nothing_else_says() -> None:
    tokenizer = Config({"model_max_length": 512})
    assert context_length(config(), tokenizer) == 512
    assert context_length(config(max_position_embeddings=4096), tokenizer) == 4096
    assert context_length(config(), Config({"model_max_length": 1e30})) == 0


BASE: Values = {"hidden_size": 512, "num_attention_heads": 8, "num_key_value_heads": 2, "num_hidden_layers": 12,
                "intermediate_size": 1024, "vocab_size": 100, "max_position_embeddings": 32768}  # fmt: skip
PER_LAYER = 2 * 2 * 64 * 2


@pytest.mark.parametrize(
    ("values", "full", "sliding", "window"),
    [
        ({}, 12, 0, 0),
        ({"sliding_window": 4096}, 0, 12, 4096),
        ({"sliding_window": None}, 12, 0, 0),
        ({"sliding_window": 65536}, 12, 0, 0),
        ({"sliding_window": 4096, "use_sliding_window": False}, 12, 0, 0),
        ({"sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 8}, 8, 4, 4096),
        ({"sliding_window": 1024, "sliding_window_pattern": 6}, 2, 10, 1024),
        ({"sliding_window": 1024, "sliding_window_pattern": "LLLG"}, 3, 9, 1024),
        ({"model_type": "gemma2", "sliding_window": 4096}, 6, 6, 4096),
        ({"sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"] * 6}, 6, 6, 128),
        ({"attention_chunk_size": 8192}, 3, 9, 8192),
        ({"attention_chunk_size": 8192, "no_rope_layers": [1, 0] * 6}, 6, 6, 8192),
    ],
)
def test_sliding_layers(values: Values, full: int, sliding: int, window: int) -> None:
    facts = attention_facts(config(**{**BASE, **values}))
    assert facts.kv_bytes_per_token == full * PER_LAYER
    assert facts.sliding_kv_bytes_per_token == sliding * PER_LAYER
    assert (facts.sliding_layers, facts.sliding_window) == (sliding, window)
    assert facts.kind == "gqa"


def test_latent_attention_keeps_one_latent_a_token() -> None:
    latent: Values = {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128}
    facts = attention_facts(config(**{**BASE, **latent}))
    assert facts.kv_bytes_per_token == 12 * (512 + 64) * 2
    assert facts.kind == "mla"


def test_latent_attention_beside_linear_layers_is_still_latent() -> None:
    """Kimi Linear: three of twelve layers attend; what they keep is no more divided than in other latent models."""
    latent: Values = {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128}
    linear: Values = {"linear_attn_config": {"full_attn_layers": [4, 8, 12], "num_heads": 8, "head_dim": 64}}
    facts = attention_facts(config(**{**BASE, **latent, **linear}))
    assert facts.kv_bytes_per_token == 3 * (512 + 64) * 2
    assert facts.state_bytes_per_sequence
    assert facts.kind == "mla"


def test_full_layers_may_have_heads_of_their_own() -> None:
    """Gemma 4 (vllm-project/vllm-metal#276): sliding layers 16 heads of 256, full ones 4 of 512."""
    layers: Values = {"sliding_window": 1024, "layer_types": ["sliding_attention"] * 5 + ["full_attention"]}
    heads: Values = {"num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 256, "global_head_dim": 512}
    facts = attention_facts(config(**{**BASE, **layers, **heads, "num_global_key_value_heads": 4}))
    assert facts.sliding_kv_bytes_per_token == 10 * 2 * 16 * 256 * 2
    assert facts.kv_bytes_per_token == 2 * 2 * 4 * 512 * 2
    assert facts.kv_heads == 4  # more devices than that hold the same keys and values again
    wide = attention_facts(config(**{**BASE, **layers, **heads}))
    assert (wide.kv_bytes_per_token, wide.kv_heads) == (2 * 2 * 16 * 512 * 2, 16)


def test_recurrent_layers_cost_a_sequence_not_a_token() -> None:
    jamba: Values = {**BASE, "model_type": "jamba", "attn_layer_period": 4, "attn_layer_offset": 1,
                     "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2}  # fmt: skip
    facts = attention_facts(config(**jamba))
    assert facts.kv_bytes_per_token == 3 * PER_LAYER
    assert facts.state_bytes_per_sequence == 9 * (1024 * 16 * 4 + 1024 * 3 * 2)
    assert facts.kind == "hybrid"


def test_a_decoder_keeps_its_encoders_output_too() -> None:
    """Whisper large v3 turbo: 4 layers write what 32 layers hear."""
    turbo: Values = {"model_type": "whisper", "is_encoder_decoder": True, "d_model": 1280, "num_hidden_layers": 32,
                     "encoder_layers": 32, "decoder_layers": 4, "decoder_attention_heads": 20,
                     "max_source_positions": 1500, "max_target_positions": 448}  # fmt: skip
    facts = attention_facts(config(**turbo))
    assert facts.kv_bytes_per_token == 4 * 2 * 1280 * 2
    assert facts.state_bytes_per_sequence == 1500 * facts.kv_bytes_per_token


def test_encoders_keep_no_cache() -> None:
    facts = attention_facts(config(**{**BASE, "model_type": "bert", "num_key_value_heads": None}))
    assert (facts.kv_bytes_per_token, facts.kind) == (0, "mha")


@pytest.mark.parametrize(
    ("values", "routed"),
    [
        ({"first_k_dense_replace": 3}, range(3, 12)),
        ({"moe_layer_freq": 2, "first_k_dense_replace": 1}, range(2, 12, 2)),
        ({"moe_layer_freq": [0] * 2 + [1] * 10}, range(2, 12)),
        ({"decoder_sparse_step": 2}, range(1, 12, 2)),
        ({"decoder_sparse_step": 1, "mlp_only_layers": [0, 5]}, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]),
        ({"interleave_moe_layer_step": 2}, range(1, 12, 2)),
        ({"moe_layers": [1, 3]}, [1, 3]),
        ({"moe_layers_enum": "4,5, 6"}, [4, 5, 6]),
        ({"expert_layer_period": 2, "expert_layer_offset": 1}, range(1, 12, 2)),
        ({"mlp_layer_types": ["dense"] + ["sparse"] * 11}, range(1, 12)),
        ({}, range(12)),
    ],
)
def test_routed_layers(values: Values, routed: object) -> None:
    plan = layer_plan(config(**{**BASE, "num_experts": 8, **values}))
    assert [index for index, layer in enumerate(plan) if layer.feed == "moe"] == list(routed)  # type: ignore[call-overload]


def test_letters_of_hybrid_models() -> None:
    plan = layer_plan(config(hybrid_override_pattern="M-*E"))
    assert plan == (Layer("mamba2", "none"), Layer("none", "dense"), Layer("full", "none"), Layer("none", "moe"))

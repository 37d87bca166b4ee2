"""The shape of attention, and what its cache costs: a token in attention layers, a sequence in recurrent ones.

The parameter formula takes the shapes from here; the facts take the costs, which fit multiplies by context.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from steps.facts import Attention
from steps.parse.config import HIDDEN, Config
from steps.parse.layers import Layer, layer_plan, sliding_window_of
from steps.parse.traits import ENCODERS

VALUE_BYTES: Final = 2  # the cache at 16 bits a value
STATE_BYTES: Final = 4  # engines keep recurrent states in float32


@dataclass(frozen=True)
class HeadShape:
    """Heads of one attention layer; `latent` above 0 means multi-head latent attention (MLA)."""

    heads: int
    kv_heads: int
    head_dim: int
    value_dim: int
    latent: int = 0
    rope_dim: int = 0
    query_latent: int = 0
    nope_dim: int = 0


@dataclass(frozen=True)
class MambaShape:
    """Sizes of a Mamba layer; `heads` is 0 for the first Mamba."""

    inner: int
    state: int
    kernel: int
    groups: int
    heads: int
    rank: int


@dataclass(frozen=True)
class LinearShape:
    """Sizes of a gated linear attention layer (Gated DeltaNet and kin)."""

    key_heads: int
    value_heads: int
    key_dim: int
    value_dim: int
    kernel: int


def hidden_size_of(config: Config) -> int:
    """Width of the residual stream."""
    return config.integer(*HIDDEN)


def head_shape(config: Config) -> HeadShape:
    """Heads of the attention layers; all 0 when the model has none."""
    heads = config.integer("num_attention_heads", "n_head", "num_heads", "n_heads", "attention_heads",
                           "decoder_attention_heads")  # fmt: skip
    kv_heads = config.integer(
        "num_key_value_heads", "num_kv_heads", "n_kv_heads", "multi_query_group_num", "n_head_kv"
    )
    inner = config.section("attn_config")
    if not kv_heads and inner is not None:
        kv_heads = inner.integer("kv_n_heads")
    if config.flag("multi_query") and not config.flag("new_decoder_architecture"):
        kv_heads = 1
    kv_heads = kv_heads or heads
    head_dim = config.integer("head_dim", "attention_head_dim", "kv_channels", "d_kv", "head_size")
    if not head_dim and heads:
        head_dim = hidden_size_of(config) // heads
    latent = config.integer("kv_lora_rank")
    if latent:
        rope = config.integer("qk_rope_head_dim", default=64)
        nope = config.integer("qk_nope_head_dim", default=128)
        value = config.integer("v_head_dim", default=128)
        return HeadShape(heads, kv_heads, nope + rope, value, latent, rope, config.integer("q_lora_rank"), nope)
    return HeadShape(heads, kv_heads, head_dim, config.integer("v_head_dim") or head_dim)


def of_full_layers(config: Config) -> Config:
    """The configuration as layers with full attention read it: in Gemma 4 these have heads of their own."""
    wide, shared = config.integer("global_head_dim"), config.integer("num_global_key_value_heads")
    if not wide:
        return config
    return config.with_values({"head_dim": wide, **({"num_key_value_heads": shared} if shared else {})})


def mamba_shape(config: Config) -> MambaShape:
    """Sizes of the Mamba layers of Mamba, Jamba, Nemotron-H, Bamba, Falcon-H1 and kin."""
    hidden = hidden_size_of(config)
    heads = config.integer(
        "mamba_n_heads", "mamba_num_heads", "num_heads" if config.has("n_groups") else "mamba_heads"
    )
    head_dim = config.integer("mamba_d_head", "mamba_head_dim", "head_dim")
    inner = config.integer("mamba_d_ssm", "d_inner") or (heads * head_dim if heads and head_dim else 0)
    if not inner:
        inner = int(config.number("mamba_expand", "expand", default=2) * hidden)
    if config.text("model_type") in ("mamba", "falcon_mamba"):
        inner = config.integer("intermediate_size", "d_inner") or inner
        heads = 0
    if config.text("model_type") == "mamba2" and not heads:
        heads = inner // (head_dim or 64)
    rank = config.integer("mamba_dt_rank", "time_step_rank") or -(-hidden // 16)
    return MambaShape(
        inner=inner,
        state=config.integer("mamba_d_state", "ssm_state_size", "state_size", default=16),
        kernel=config.integer("mamba_d_conv", "conv_kernel", "conv_kernel_size", "d_conv", default=4),
        groups=config.integer("mamba_n_groups", "n_groups", default=1),
        heads=heads,
        rank=rank,
    )


def linear_shape(config: Config) -> LinearShape:
    """Sizes of the linear attention layers of Qwen3-Next, Kimi Linear and kin."""
    nested = config.section("linear_attn_config")
    if nested is not None:
        heads, dim = nested.integer("num_heads"), nested.integer("head_dim")
        return LinearShape(heads, heads, dim, dim, nested.integer("short_conv_kernel_size", default=4))
    if heads := config.integer("linear_num_heads"):
        dim = config.integer("linear_head_dim")
        return LinearShape(heads, heads, dim, dim, config.integer("linear_conv_kernel_dim", default=4))
    return LinearShape(
        config.integer("linear_num_key_heads"),
        config.integer("linear_num_value_heads"),
        config.integer("linear_key_head_dim"),
        config.integer("linear_value_head_dim"),
        config.integer("linear_conv_kernel_dim", default=4),
    )


def attention_facts(config: Config) -> Attention:
    """What the cache costs, by kind of layer.

    MLA keeps one latent vector and the rotary part a token (DeepSeek-V2's paper, section 2.1); grouped attention keeps
    keys and values of each KV head. A decoder keeps those of its encoder's output besides, as long for every
    sequence (Whisper pads to the limit: vllm-project/vllm#23664). Where full layers have fewer KV heads than sliding
    ones, these are told: a cache can be divided among so many.
    """
    plan = layer_plan(config)
    shape, of_full = head_shape(config), head_shape(of_full_layers(config))
    counts = Counter(layer.mixer for layer in plan)
    full, sliding = counts["full"] + counts["parallel"], counts["sliding"]
    is_kept = config.text("model_type") not in ENCODERS
    per_full, per_sliding = (_cache_values(one) * VALUE_BYTES * is_kept for one in (of_full, shape))
    if not full + sliding:
        shape = HeadShape(0, 0, 0, 0)
    return Attention(
        layers=len(plan),
        heads=shape.heads,
        kv_heads=min(shape.kv_heads, of_full.kv_heads),
        head_dim=shape.head_dim,
        kv_bytes_per_token=per_full * full,
        sliding_layers=sliding,
        sliding_kv_bytes_per_token=per_sliding * sliding,
        sliding_window=sliding_window_of(config) if sliding else 0,
        state_bytes_per_sequence=_state_bytes(config, plan) + per_full * full * _encoder_positions(config),
        kind=attention_kind(
            shape.heads, shape.kv_heads, full + sliding, len(plan) - counts["none"], is_latent=bool(shape.latent)
        ),
    )


def _encoder_positions(config: Config) -> int:
    """Positions that a decoder attends to in its encoder's output, 0 when there is none or the limit is unknown."""
    return config.integer("max_source_positions") if config.flag("is_encoder_decoder") else 0


def _cache_values(shape: HeadShape) -> int:
    if shape.latent:
        return shape.latent + shape.rope_dim
    return shape.kv_heads * (shape.head_dim + shape.value_dim)


def attention_kind(heads: int, kv_heads: int, attending: int, mixing: int, *, is_latent: bool) -> str:
    """The word for `Attention.kind`; that of latent attention comes first, since no engine divides its cache.

    Args:
        heads: Query heads.
        kv_heads: Key-value heads.
        attending: Layers that attend.
        mixing: Layers that mix tokens in any way.
        is_latent: Whether those that attend keep a latent vector.
    """
    if not attending or not heads:
        return "none"
    if is_latent:
        return "mla"
    if attending < mixing:
        return "hybrid"
    if kv_heads == 1 < heads:
        return "mqa"
    return "mha" if kv_heads == heads else "gqa"


def _state_bytes(config: Config, plan: tuple[Layer, ...]) -> int:
    counts = Counter(layer.mixer for layer in plan)
    total = 0
    if mambas := counts["mamba"] + counts["mamba2"] + counts["parallel"]:
        mamba = mamba_shape(config)
        channels = mamba.inner + (2 * mamba.groups * mamba.state if mamba.heads else 0)
        total += mambas * (mamba.inner * mamba.state * STATE_BYTES + channels * (mamba.kernel - 1) * VALUE_BYTES)
    if counts["linear"]:
        linear = linear_shape(config)
        keys, values = linear.key_heads * linear.key_dim, linear.value_heads * linear.value_dim
        state = linear.value_heads * linear.key_dim * linear.value_dim * STATE_BYTES
        total += counts["linear"] * (state + (2 * keys + values) * (linear.kernel - 1) * VALUE_BYTES)
    if counts["lightning"]:
        shape = head_shape(config)
        total += counts["lightning"] * shape.heads * shape.head_dim * shape.value_dim * STATE_BYTES
    if counts["conv"]:
        total += counts["conv"] * hidden_size_of(config) * config.integer("conv_L_cache", default=3) * VALUE_BYTES
    if counts["recurrent"]:
        total += counts["recurrent"] * config.integer("lru_width", default=hidden_size_of(config)) * STATE_BYTES
    return max(total, 0)

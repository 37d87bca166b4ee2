"""Parameters of what mixes tokens in one layer: attention, Mamba, linear attention, convolutions; and of its norms.

Blocks follow the papers and transformers' modules: grouped attention, latent attention (DeepSeek-V2), Mamba 1 and 2,
Gated DeltaNet and Kimi Delta Attention, lightning attention, short convolutions, gated recurrences.
"""

from steps.parse.attention import (
    HeadShape,
    head_shape,
    hidden_size_of,
    linear_shape,
    mamba_shape,
    of_full_layers,
)
from steps.parse.config import Config
from steps.parse.heads import is_bert_like
from steps.parse.layers import Layer, Mixer
from steps.parse.traits import ALL_BIASES, FOUR_NORMS, GATED_ATTENTION, QKV_BIAS


def mixer_parameters(config: Config, mixer: Mixer) -> int:
    """One layer's part that mixes tokens; 0 for a layer without one."""
    if mixer in ("full", "sliding"):
        return attention_parameters(of_full_layers(config) if mixer == "full" else config)
    if mixer == "parallel":
        return attention_parameters(config) + _mamba2_parameters(config)
    if mixer == "mamba2":
        return _mamba2_parameters(config)
    if mixer == "mamba":
        return _mamba_parameters(config)
    if mixer == "linear":
        return _linear_parameters(config)
    hidden = hidden_size_of(config)
    if mixer == "conv":
        return 4 * hidden * hidden + hidden * config.integer("conv_L_cache", default=3)
    if mixer == "lightning":
        shape = head_shape(config)
        return 5 * hidden * shape.heads * shape.head_dim + shape.heads * shape.head_dim
    if mixer == "recurrent":
        width = config.integer("lru_width", default=hidden)
        heads = max(config.integer("num_attention_heads"), 1)
        return 3 * hidden * width + 2 * width * width // heads + 8 * width
    return 0


def attention_parameters(config: Config) -> int:
    """One attention layer: projections, biases and the norms inside it."""
    hidden, shape = hidden_size_of(config), head_shape(config)
    kind = config.text("model_type")
    if shape.latent:
        return _latent_attention(hidden, shape) + _indexer_parameters(config, hidden, shape)
    queries, keys, values = (
        shape.heads * shape.head_dim,
        shape.kv_heads * shape.head_dim,
        shape.kv_heads * shape.value_dim,
    )
    out = shape.heads * shape.value_dim
    total = hidden * (queries + keys + values) + out * hidden
    if config.flag("attn_output_gate", default=kind in GATED_ATTENTION):
        total += hidden * queries
    biases = config.flag(
        "attention_bias", "qkv_bias", "use_qkv_bias", "add_qkv_bias", "use_bias", "bias", "add_bias_linear"
    )
    if biases or kind in QKV_BIAS or is_bert_like(config):
        total += queries + keys + values
    if kind in ALL_BIASES or is_bert_like(config) or (config.flag("attention_bias") and kind not in QKV_BIAS):
        total += hidden
    if kind.startswith(("qwen3", "gemma3")) or config.flag("use_qk_norm", "qk_layernorm"):
        total += 2 * shape.head_dim
    return total + (shape.heads if kind == "gpt_oss" else 0)


def _latent_attention(hidden: int, shape: HeadShape) -> int:
    width = shape.heads * shape.head_dim
    query = hidden * shape.query_latent + shape.query_latent * (1 + width) if shape.query_latent else hidden * width
    down = hidden * (shape.latent + shape.rope_dim) + shape.latent
    up = shape.latent * shape.heads * (shape.nope_dim + shape.value_dim)
    return query + down + up + shape.heads * shape.value_dim * hidden


def _indexer_parameters(config: Config, hidden: int, shape: HeadShape) -> int:
    """The indexer that chooses what sparse attention reads (DeepSeek-V3.2's report, section 2.1)."""
    heads, width = config.integer("index_n_heads"), config.integer("index_head_dim")
    return (shape.query_latent or hidden) * heads * width + hidden * (width + heads) + 2 * width if heads else 0


def _mamba_parameters(config: Config) -> int:
    hidden, mamba = hidden_size_of(config), mamba_shape(config)
    inner = mamba.inner
    projections = 2 * hidden * inner + inner * (mamba.rank + 2 * mamba.state) + mamba.rank * inner + inner * hidden
    return projections + inner * (mamba.kernel + 1) + inner * (mamba.state + 2)


def _mamba2_parameters(config: Config) -> int:
    hidden, mamba = hidden_size_of(config), mamba_shape(config)
    channels = mamba.inner + 2 * mamba.groups * mamba.state
    entrance = hidden * (mamba.inner + channels + mamba.heads)
    return entrance + channels * (mamba.kernel + 1) + 3 * mamba.heads + mamba.inner + mamba.inner * hidden


def _linear_parameters(config: Config) -> int:
    hidden, linear = hidden_size_of(config), linear_shape(config)
    keys, values = linear.key_heads * linear.key_dim, linear.value_heads * linear.value_dim
    if config.has(
        "linear_attn_config", "linear_num_heads"
    ):  # Kimi Delta Attention: gates through a bottleneck (arXiv:2510.26692)
        dim, heads = linear.value_dim, linear.value_heads
        gates = 2 * (hidden * dim + dim * values) + hidden * heads + heads + values + dim
        return 4 * hidden * values + 3 * values * linear.kernel + gates
    projections = hidden * (2 * keys + 2 * values + 2 * linear.value_heads) + values * hidden
    return projections + (2 * keys + values) * linear.kernel + 2 * linear.value_heads + linear.value_dim


def norm_parameters(config: Config, layer: Layer) -> int:
    """One layer's norms as wide as the model."""
    kind = config.text("model_type")
    norms = 4 if kind in FOUR_NORMS else (layer.mixer != "none") + (layer.feed != "none")
    return (
        norms
        * hidden_size_of(config)
        * (2 if (kind in ALL_BIASES and kind != "gpt_oss") or is_bert_like(config) else 1)
    )

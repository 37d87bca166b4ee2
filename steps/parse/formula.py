"""Parameters from a configuration alone: one formula per block, whatever the model is called.

Used when no tensor header can be read, and to foresee the tensors of very large models. Blocks follow the papers and
transformers' modules: grouped and latent attention, plain and gated feed-forward, routed and shared experts, Mamba 1
and 2, gated linear attention, short convolutions, towers, embeddings.
"""

from dataclasses import dataclass
from typing import Final

from steps.parse.attention import HeadShape, head_shape, hidden_size_of, linear_shape, mamba_shape
from steps.parse.config import Config, audio_part, text_part, vision_part
from steps.parse.layers import Layer, Mixer, experts_of, experts_per_token_of, layer_plan
from steps.parse.towers import encoder_decoder_parameters, is_encoder_decoder, tower_parameters
from steps.parse.traits import (
    ALL_BIASES,
    DEFAULTS,
    ENCODERS,
    FOUR_NORMS,
    GATED,
    LEARNED_POSITIONS,
    NO_GATE_ACTIVATIONS,
    NOT_GATED,
    QKV_BIAS,
    TIED,
)

_WIDTHS: Final = ("intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim", "d_ff", "inner_hidden_size",
                  "feed_forward_size")  # fmt: skip
_VOCABULARY: Final = ("vocab_size", "padded_vocab_size", "n_vocab")


@dataclass(frozen=True)
class FormulaCount:
    """What the formula gives; `missing` says what the configuration does not tell, "" when nothing."""

    total: int
    active: int
    embedding: int
    missing: str


def with_defaults(config: Config) -> Config:
    """A section with the defaults of its class behind it."""
    known = DEFAULTS.get(config.text("model_type"))
    return config.over(known) if known else config


def count_from_config(root: Config) -> FormulaCount:
    """Count the parameters that a configuration describes, towers and draft layers included."""
    if is_encoder_decoder(root):
        total, embedding = encoder_decoder_parameters(root)
        return FormulaCount(total, total, embedding, "" if total else "sizes of encoder and decoder")
    text = with_defaults(text_part(root))
    missing = [name for name, value in (
        ("hidden_size", hidden_size_of(text)),
        ("num_hidden_layers", len(layer_plan(text))),
        ("vocab_size", text.integer(*_VOCABULARY)),
    ) if not value]  # fmt: skip
    towers = sum(
        tower_parameters(with_defaults(t), hidden_size_of(text)) for t in (vision_part(root), audio_part(root)) if t
    )
    embedding = _embedding_parameters(text, root)
    layers, active_layers = _layers_parameters(text)
    drafts = _draft_parameters(text)
    rest = hidden_size_of(text) + _extra_parameters(text) + towers
    return FormulaCount(
        total=embedding + layers + drafts + rest,
        active=embedding + active_layers + rest,
        embedding=embedding,
        missing=", ".join(missing),
    )


def is_tied(config: Config, root: Config | None = None) -> bool:
    """Whether the output head is the token embedding."""
    for level in (config, root):
        if level is not None and level.has("tie_word_embeddings"):
            return level.flag("tie_word_embeddings")
    return config.text("model_type") in TIED


def vocabulary_size(config: Config) -> int:
    """Tokens of the vocabulary, as the embedding has them."""
    return config.integer(*_VOCABULARY)


def _embedding_parameters(config: Config, root: Config) -> int:
    hidden = hidden_size_of(config)
    width = config.integer("embedding_size", "word_embed_proj_dim") or hidden
    named = next(iter(root.texts("architectures")), "")
    is_headless = named.endswith("Model") and not named.endswith("LMHeadModel")
    is_encoder = config.text("model_type") in ENCODERS
    heads = 1 if is_encoder or is_headless or is_tied(config) else 2
    total = vocabulary_size(config) * width * heads
    if config.text("model_type") in LEARNED_POSITIONS:
        total += config.integer("max_position_embeddings", "n_positions") * hidden
    return total + config.integer("type_vocab_size") * hidden


def _layers_parameters(config: Config) -> tuple[int, int]:
    """All layers: every parameter, and those a token uses."""
    total = active = 0
    cache: dict[Layer, tuple[int, int]] = {}
    for layer in layer_plan(config):
        if layer not in cache:
            mixer = _mixer_parameters(config, layer.mixer)
            all_feed, used_feed = _feed_parameters(config, layer)
            norms = _norm_parameters(config, layer)
            cache[layer] = mixer + all_feed + norms, mixer + used_feed + norms
        total, active = total + cache[layer][0], active + cache[layer][1]
    return total, active


def _norm_parameters(config: Config, layer: Layer) -> int:
    kind = config.text("model_type")
    norms = 4 if kind in FOUR_NORMS else (layer.mixer != "none") + (layer.feed != "none")
    return norms * hidden_size_of(config) * (2 if kind in ALL_BIASES and kind != "gpt_oss" else 1)


def _mixer_parameters(config: Config, mixer: Mixer) -> int:
    if mixer in ("full", "sliding"):
        return attention_parameters(config)
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
        return _latent_attention(hidden, shape)
    queries, keys, values = (
        shape.heads * shape.head_dim,
        shape.kv_heads * shape.head_dim,
        shape.kv_heads * shape.value_dim,
    )
    out = shape.heads * shape.value_dim
    total = hidden * (queries + keys + values) + out * hidden
    if config.flag("attn_output_gate"):
        total += hidden * queries
    biases = config.flag(
        "attention_bias", "qkv_bias", "use_qkv_bias", "add_qkv_bias", "use_bias", "bias", "add_bias_linear"
    )
    if biases or kind in QKV_BIAS:
        total += queries + keys + values
    if kind in ALL_BIASES or (config.flag("attention_bias") and kind not in QKV_BIAS):
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
    projections = hidden * (2 * keys + 2 * values + 2 * linear.value_heads) + values * hidden
    return projections + (2 * keys + values) * linear.kernel + 2 * linear.value_heads + linear.value_dim


def _feed_parameters(config: Config, layer: Layer) -> tuple[int, int]:
    """One layer's feed-forward part: every parameter, and those a token uses."""
    if layer.feed == "none":
        return 0, 0
    hidden, experts = hidden_size_of(config), experts_of(config)
    if layer.feed == "dense":
        width = config.integer("intermediate_size_mlp") if experts else 0
        size = feed_forward_parameters(config, hidden, width or feed_width(config))
        return size, size
    inner = config.section("ffn_config", "moe_config", "moe")
    width = config.integer("moe_intermediate_size", "moe_ffn_hidden_size", "expert_ffn_hidden_size", "expert_dim")
    if not width and (listed := config.integers("moe_intermediate_size")):
        width = listed[0]
    if not width and inner is not None:
        width = inner.integer("moe_intermediate_size", "ffn_hidden_size")
    width = width or feed_width(config)
    latent = config.integer("moe_latent_size")
    one = feed_forward_parameters(config, latent or hidden, width)
    fixed = _shared_parameters(config, hidden, width) + hidden * experts + 2 * hidden * latent
    if config.text("model_type") == "gpt_oss" or config.has("topk_method", "e_score_correction_bias"):
        fixed += experts
    return experts * one + fixed, min(experts_per_token_of(config) or experts, experts) * one + fixed


def _shared_parameters(config: Config, hidden: int, width: int) -> int:
    """Experts that every token passes through."""
    own = config.integer("shared_expert_intermediate_size", "moe_shared_expert_intermediate_size",
                         "shared_intermediate_size")  # fmt: skip
    count = config.integer("n_shared_experts", "num_shared_experts", "num_shared_expert", "moe_num_shared_experts")
    if config.text("model_type") in ("llama4", "llama4_text"):
        count = 1
    if own:
        gate = hidden if config.text("model_type").startswith(("qwen2_moe", "qwen3_next", "qwen3_5_moe")) else 0
        return feed_forward_parameters(config, hidden, own * max(count, 1)) + gate
    return feed_forward_parameters(config, hidden, width * count) if count else 0


def feed_width(config: Config) -> int:
    """Width of the dense feed-forward part."""
    width = config.integer(*_WIDTHS)
    if not width and (listed := config.integers("intermediate_size")):
        width = listed[0]
    if not width:
        width = 4 * hidden_size_of(config)
    if config.flag("block_auto_adjust_ff_dim"):  # LFM2: two thirds, rounded up to a multiple
        multiple = config.integer("block_multiple_of", default=256) or 1
        width = int(2 * width / 3 * config.number("block_ffn_dim_multiplier", default=1.0))
        width = -(-width // multiple) * multiple
    return width // 2 if config.text("model_type") == "qwen" else width


def feed_forward_parameters(config: Config, hidden: int, width: int) -> int:
    """One feed-forward part: three matrices behind a gate, else two; with their biases."""
    matrices = 3 if is_gated(config) else 2
    total = matrices * hidden * width
    if config.flag("mlp_bias") or config.text("model_type") in ALL_BIASES:
        total += (matrices - 1) * width + hidden
    return total


def is_gated(config: Config) -> bool:
    """Whether the feed-forward part multiplies by a gate."""
    kind = config.text("model_type")
    if kind in GATED or config.flag("use_gated_mlp", "is_gated_act"):
        return True
    activation = config.text("hidden_act", "hidden_activation", "activation_function", "mlp_hidden_act", "ffn_act_fn")
    return kind not in NOT_GATED and activation.lower() not in NO_GATE_ACTIVATIONS


def _draft_parameters(config: Config) -> int:
    """Multi-token prediction layers as DeepSeek-V3 stores them: a layer, a merge, norms, embedding and head."""
    count = config.integer("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_layers")
    if not count:
        return 0
    hidden, plan = hidden_size_of(config), layer_plan(config)
    if not plan:
        return 0
    last = plan[-1]
    layer = _mixer_parameters(config, "full") + _feed_parameters(config, last)[0] + _norm_parameters(config, last)
    tables = 2 * vocabulary_size(config) * hidden if config.text("model_type").startswith(("deepseek", "glm")) else 0
    return min(count, 16) * (layer + 2 * hidden * hidden + 3 * hidden + tables)


def _extra_parameters(config: Config) -> int:
    """What only some models have beside layers: a pooler, per-layer embeddings (Gemma 3n)."""
    hidden = hidden_size_of(config)
    total = 0
    if config.text("model_type") in ("bert", "roberta", "xlm-roberta", "mpnet"):
        total += hidden * hidden + 2 * hidden
    per_layer = config.integer("hidden_size_per_layer_input")
    if per_layer:
        layers = len(layer_plan(config))
        total += config.integer("vocab_size_per_layer_input") * layers * per_layer
        total += layers * (3 * hidden * per_layer + hidden) + per_layer
    return total

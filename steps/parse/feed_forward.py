"""Parameters of what feeds forward in one layer: plain or gated, dense or routed to experts, with shared ones."""

from typing import Final

from steps.parse.attention import hidden_size_of
from steps.parse.config import Config
from steps.parse.heads import is_bert_like
from steps.parse.layers import Layer, experts_of, experts_per_token_of
from steps.parse.traits import ALL_BIASES, GATED, NO_GATE_ACTIVATIONS, NOT_GATED

_WIDTHS: Final = ("intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim", "d_ff", "inner_hidden_size",
                  "feed_forward_size", "dff")  # fmt: skip


def feed_parameters(config: Config, layer: Layer) -> tuple[int, int]:
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
    widths = config.integers("moe_intermediate_size")
    if not width and widths:
        width = widths[0]
    if not width and inner is not None:
        width = inner.integer("moe_intermediate_size", "ffn_hidden_size")
    width = width or feed_width(config)
    latent = config.integer("moe_latent_size")
    one = feed_forward_parameters(config, latent or hidden, width)
    routed = experts + config.integer("zero_expert_num")
    fixed = _shared_parameters(config, hidden, width) + hidden * routed + 2 * hidden * latent
    if config.text("model_type") == "gpt_oss" or config.has("topk_method", "e_score_correction_bias"):
        fixed += experts
    used = min(experts_per_token_of(config) or experts, experts) * one + fixed
    counts = config.integers("moe_num_experts")[1:] or (experts,) * len(widths[1:])
    for count, narrow in zip(counts, widths[1:], strict=False):  # ERNIE 4.5 VL: experts of images beside those of text
        fixed += count * feed_forward_parameters(config, hidden, narrow) + hidden * count
    return experts * one + fixed, used


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
    if config.text("model_type") == "recurrent_gemma":
        width //= 2
    if config.flag("block_auto_adjust_ff_dim"):  # LFM2: two thirds, rounded up to a multiple
        multiple = config.integer("block_multiple_of", default=256) or 1
        width = int(2 * width / 3 * config.number("block_ffn_dim_multiplier", default=1.0))
        width = -(-width // multiple) * multiple
    return width // 2 if config.text("model_type") == "qwen" else width


def feed_forward_parameters(config: Config, hidden: int, width: int) -> int:
    """One feed-forward part: three matrices behind a gate, else two; with their biases."""
    matrices = 3 if is_gated(config) else 2
    total = matrices * hidden * width
    if config.flag("mlp_bias") or config.text("model_type") in ALL_BIASES or is_bert_like(config):
        total += (matrices - 1) * width + hidden
    return total


def is_gated(config: Config) -> bool:
    """Whether the feed-forward part multiplies by a gate."""
    kind = config.text("model_type")
    if is_bert_like(config) and kind not in GATED:
        return False
    if kind in GATED or config.flag("use_gated_mlp", "is_gated_act"):
        return True
    activation = config.text("hidden_act", "hidden_activation", "activation_function", "mlp_hidden_act", "ffn_act_fn")
    return kind not in NOT_GATED and activation.lower() not in NO_GATE_ACTIVATIONS

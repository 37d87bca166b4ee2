"""The layers of a model one by one: what mixes tokens in each, and what feeds forward.

Every way that configurations spell a pattern is read here once: lists of types, periods and offsets, letters. The
parameter formula, the KV cache and the sampling of large models' headers all ask this plan.
"""

from typing import Final, Literal, NamedTuple

from steps.parse.config import LAYERS, MAX_LAYERS, Config

Mixer = Literal["full", "sliding", "linear", "mamba", "mamba2", "conv", "lightning", "recurrent", "parallel", "none"]
Feed = Literal["dense", "moe", "none"]


class Layer(NamedTuple):
    """One layer: `parallel` has attention and Mamba 2 side by side."""

    mixer: Mixer
    feed: Feed


EXPERTS: Final = ("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts", "num_moe_experts",
                  "n_experts")  # fmt: skip
EXPERTS_PER_TOKEN: Final = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_top_k",
                            "moe_topk", "moe_k", "top_k_experts", "num_selected_experts", "topk", "moe_router_topk",
                            "top_k")  # fmt: skip
_TYPE_LISTS: Final = ("layer_types", "layers_block_type", "block_types", "_block_types", "layers_type")
_WORDS: Final[dict[str, Mixer]] = {
    "full_attention": "full",
    "attention": "full",
    "full": "full",
    "global": "full",
    "global_attention": "full",
    "mla": "full",
    "sliding_attention": "sliding",
    "chunked_attention": "sliding",
    "local_attention": "sliding",
    "local": "sliding",
    "sliding": "sliding",
    "linear_attention": "linear",
    "kda": "linear",
    "deltanet": "linear",
    "conv": "conv",
    "short_conv": "conv",
    "recurrent": "recurrent",
    "hybrid": "parallel",
    "lightning": "lightning",
}
_MAMBA_UNLESS_LISTED: Final = frozenset({"bamba", "granitemoehybrid"})
_LETTERS: Final[dict[str, Layer]] = {
    "M": Layer("mamba2", "none"),
    "*": Layer("full", "none"),
    "-": Layer("none", "dense"),
    "E": Layer("none", "moe"),
}


def experts_of(config: Config) -> int:
    """Routed experts in a layer, 0 for a dense model. A list of numbers counts with its first."""
    if config.has("is_moe") and not config.flag("is_moe"):
        return 0
    found = config.integer(*EXPERTS)
    if not found:
        listed = next((v for name in EXPERTS if (v := config.integers(name))), ())
        found = listed[0] if listed else 0
    inner = config.section("ffn_config", "moe_config", "moe")
    if not found and inner is not None:
        found = inner.integer(*EXPERTS)
    return found if found > 1 else 0


def experts_per_token_of(config: Config) -> int:
    """Routed experts that a token passes through."""
    found = config.integer(*EXPERTS_PER_TOKEN)
    if not found:
        listed = next((v for name in EXPERTS_PER_TOKEN if (v := config.integers(name))), ())
        found = listed[0] if listed else 0
    inner = config.section("ffn_config", "moe_config", "moe")
    if not found and inner is not None:
        found = inner.integer(*EXPERTS_PER_TOKEN)
    if not found and config.text("model_type") in ("llama4", "llama4_text"):
        found = 1
    return found


def layer_count(config: Config) -> int:
    """How many layers, bounded."""
    stated = config.integer(*LAYERS)
    if config.flag("is_encoder_decoder"):  # there num_hidden_layers is the encoder's
        stated = config.integer("decoder_layers", "num_decoder_layers") or stated
    if groups := config.integer("num_hidden_groups"):  # ALBERT: all layers of a group are one
        return min(groups * config.integer("inner_group_num", default=1), MAX_LAYERS)
    return min(stated or len(next((w for name in _TYPE_LISTS if (w := config.texts(name))), ())), MAX_LAYERS)


def layer_plan(config: Config) -> tuple[Layer, ...]:
    """Every layer of the language model, in order; draft (multi-token prediction) layers are not among them."""
    letters = config.text("hybrid_override_pattern")
    if letters and all(letter in _LETTERS for letter in letters):
        return tuple(_LETTERS[letter] for letter in letters)
    count = layer_count(config)
    mixers = _mixers(config, count)
    words = _layer_words(config, count)
    feeds = _feeds(config, count)
    plan = []
    for index in range(count):
        alone = words[index] if words else ""
        if alone in ("mlp", "moe"):
            plan.append(Layer("none", "moe" if alone == "moe" else "dense"))
        elif config.text("model_type") == "nemotron_h" or mixers[index] in ("mamba", "mamba2") and _is_pure(config):
            plan.append(Layer(mixers[index], "none"))
        else:
            plan.append(Layer(mixers[index], feeds[index]))
    return tuple(plan)


def _is_pure(config: Config) -> bool:
    """Whether a Mamba model has no feed-forward part between its mixers."""
    return not config.has("num_attention_heads", "n_head", "intermediate_size") or config.text("model_type") in (
        "mamba",
        "mamba2",
        "falcon_mamba",
    )


def _layer_words(config: Config, count: int) -> tuple[str, ...]:
    for name in _TYPE_LISTS:
        words = config.texts(name)
        if words and count:
            return tuple(words[index % len(words)] for index in range(count))
    return ()


def _mixers(config: Config, count: int) -> list[Mixer]:
    mamba: Mixer = "mamba2" if _is_mamba2(config) else "mamba"
    if words := _layer_words(config, count):
        if not config.has("linear_num_value_heads", "linear_attn_config", "linear_num_key_heads", "linear_num_heads"):
            # newer configurations call every layer without a growing cache linear attention
            other = mamba if config.has("mamba_d_state", "ssm_state_size", "mamba_expand") else "lightning"
            words = tuple(other if word == "linear_attention" else word for word in words)
        return [_WORDS.get(w, mamba if "mamba" in w or w == "ssm" else "none" if w in ("mlp", "moe") else "full")
                for w in words]  # fmt: skip
    if config.text("model_type") in ("falcon_h1",):
        return ["parallel"] * count
    if kinds := config.integers("attn_type_list"):
        return ["full" if kinds[i % len(kinds)] else "lightning" for i in range(count)]
    if (linear := config.section("linear_attn_config")) is not None and (ids := linear.integers("full_attn_layers")):
        return ["full" if i + 1 in ids else "linear" for i in range(count)]
    if interval := config.integer("full_attention_interval"):
        return ["full" if (i + 1) % interval == 0 else "linear" for i in range(count)]
    if period := config.integer("attn_layer_period"):
        offset = config.integer("attn_layer_offset")
        return ["full" if i % period == offset else mamba for i in range(count)]
    for name, others in (("attn_layer_indices", mamba), ("full_attn_idxs", "conv")):
        if config.has(name):
            chosen = set(config.integers(name))
            return ["full" if i in chosen else others for i in range(count)]
    if _is_attention_free(config) or config.text("model_type") in _MAMBA_UNLESS_LISTED:
        return [mamba] * count
    return _windows(config, count)


def _windows(config: Config, count: int) -> list[Mixer]:
    """Full and sliding layers of a model that has only attention."""
    if config.integer("attention_chunk_size"):
        rope = config.integers("no_rope_layers")
        every = config.integer("no_rope_layer_interval", default=4) or 4
        return ["sliding" if (rope[i] if len(rope) == count else (i + 1) % every) else "full" for i in range(count)]
    window = sliding_window_of(config)
    if not window:
        return ["full"] * count
    letters = config.text("sliding_window_pattern", "layer_pattern").upper()
    if letters and set(letters) <= {"L", "G", "S"}:
        return ["full" if letters[i % len(letters)] == "G" else "sliding" for i in range(count)]
    every = config.integer("sliding_window_pattern", "_sliding_window_pattern", "global_attn_every_n_layers")
    if every:
        first = 1 if config.has("global_attn_every_n_layers") else 0
        return ["full" if (i + 1 - first) % every == 0 else "sliding" for i in range(count)]
    if config.has("use_sliding_window", "max_window_layers"):
        start = config.integer("max_window_layers")
        return ["sliding" if i >= start else "full" for i in range(count)]
    return ["sliding"] * count


def sliding_window_of(config: Config) -> int:
    """Tokens that a sliding layer keeps, 0 when no layer slides."""
    if chunk := config.integer("attention_chunk_size"):
        return chunk
    if config.has("use_sliding_window") and not config.flag("use_sliding_window"):
        return 0
    window = config.integer("sliding_window", "sliding_window_size", "local_attention", "attention_window")
    limit = config.integer("max_position_embeddings")
    return 0 if limit and window >= limit else window


def _is_mamba2(config: Config) -> bool:
    return config.text("model_type") in (
        "mamba2",
        "nemotron_h",
        "bamba",
        "granitemoehybrid",
        "zamba2",
        "falcon_h1",
    ) or config.has("mamba_n_heads", "mamba_num_heads", "mamba_d_head", "mamba_head_dim")


def _is_attention_free(config: Config) -> bool:
    return config.text("model_type") in ("mamba", "mamba2", "falcon_mamba") or (
        config.has("state_size", "ssm_cfg") and not config.has("num_attention_heads", "n_head", "num_heads")
    )


def _feeds(config: Config, count: int) -> list[Feed]:
    """Dense or routed, layer by layer; without a rule every layer of a mixture of experts routes."""
    if not experts_of(config):
        return ["dense"] * count
    words = config.texts("mlp_layer_types")
    if len(words) >= count > 0:
        return ["moe" if word in ("sparse", "moe") else "dense" for word in words[:count]]
    flags = config.integers("moe_layer_freq")
    if len(flags) >= count > 0:
        return ["moe" if flag else "dense" for flag in flags[:count]]
    if (routed := _routed_layers(config)) is not None:
        return ["moe" if index in routed else "dense" for index in range(count)]
    first = config.integer("first_k_dense_replace", "num_dense_layers", "moe_layer_start_index", "n_dense_layers")
    last = config.integer("moe_layer_end_index", default=count) or count
    dense = frozenset(config.integers("mlp_only_layers"))
    period, offset = config.integer("expert_layer_period"), config.integer("expert_layer_offset")
    step = config.integer("interleave_moe_layer_step", "decoder_sparse_step")
    every = config.integer("moe_layer_freq", "moe_layer_interval", "moe_every_n_layers") or 1

    def routes(index: int) -> bool:
        if index < first or index > last or index in dense:
            return False
        if period:
            return index % period == offset
        return (index + 1) % step == 0 if step else index % every == 0

    return ["moe" if routes(index) else "dense" for index in range(count)]


def _routed_layers(config: Config) -> frozenset[int] | None:
    """The layers that a configuration lists as routed, None when it lists none."""
    for name in ("moe_layers", "moe_layer_indices"):
        if config.items(name):
            return frozenset(config.integers(name))
    listed = config.text("moe_layers_enum")
    if not listed:
        return None
    return frozenset(int(part) for part in listed.split(",") if part.strip().isdecimal())

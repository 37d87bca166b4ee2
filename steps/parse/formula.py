"""Parameters from a configuration alone: by the blueprint of its class, else one formula per block.

Used when no tensor header can be read. `blueprint` knows what transformers builds for a class by its name; the rules
count whatever a model is called. To them a model is its embeddings, its layers (what mixes tokens: `mixers`; what
feeds forward: `feed_forward`), what stands around them (`heads`), draft layers, and towers. Models of another build
are told first: with an encoder and a decoder, with two towers, or hearing waves. `tests/parsing/transformers_table`
compares the counts with what transformers builds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from steps.parse.attention import hidden_size_of
from steps.parse.blueprint import count_by_blueprint
from steps.parse.config import Config, audio_part, text_part, vision_part
from steps.parse.conformer import conformer_parameters, hears_spectrograms
from steps.parse.feed_forward import feed_forward_parameters, feed_parameters, feed_width
from steps.parse.heads import around_encoder, is_bert_like, position_rows
from steps.parse.layers import Layer, experts_of, experts_per_token_of, layer_plan
from steps.parse.mixers import mixer_parameters, norm_parameters
from steps.parse.query_transformer import query_transformer_parameters
from steps.parse.sequence_to_sequence import encoder_decoder_parameters, is_encoder_decoder
from steps.parse.speech import hears_waves, speech_parameters
from steps.parse.towers import tower_parameters
from steps.parse.traits import DEFAULTS, ENCODERS, LEARNED_POSITIONS, TIED
from steps.parse.two_towers import is_two_towers, two_towers_parameters

_VOCABULARY: Final = ("vocab_size", "padded_vocab_size", "n_vocab")


@dataclass(frozen=True)
class FormulaCount:
    """What the formula gives; `missing` says what the configuration does not tell, "" when nothing."""

    total: int
    active: int
    embedding: int
    missing: str
    drafts: int = 0

    @property
    def undrafted(self) -> int:
        """What transformers builds of it: checkpoints store draft layers, and it leaves them out."""
        return self.total - self.drafts


def with_defaults(config: Config) -> Config:
    """A section with the defaults of its class behind it."""
    known = DEFAULTS.get(config.text("model_type"))
    return config.over(known) if known else config


def count_from_config(root: Config) -> FormulaCount:
    """Count the parameters that a configuration describes, towers and draft layers included."""
    tally = count_by_blueprint(root.values, lambda values: count_by_rules(Config(values)).undrafted)
    if tally is None:
        return count_by_rules(root)
    text = with_defaults(text_part(root))
    drafts, experts, used = _draft_parameters(text), experts_of(text), experts_per_token_of(text)
    idle = tally.routed - tally.routed * used // experts if 0 < used <= experts else 0
    return FormulaCount(tally.total + drafts, tally.total - idle, tally.embedding, "", drafts)


def count_by_rules(root: Config) -> FormulaCount:
    """Count by what every model has in common, and what its configuration tells of its own."""
    if is_encoder_decoder(root):
        total, embedding = encoder_decoder_parameters(root)
        return FormulaCount(total, total, embedding, "" if total else "sizes of encoder and decoder")
    if is_two_towers(root):
        total, embedding = two_towers_parameters(root)
        return FormulaCount(total, total, embedding, "")
    if hears_spectrograms(root):
        total = conformer_parameters(root)
        return FormulaCount(total, total, 0, "")
    if hears_waves(root):
        total = speech_parameters(root)
        return FormulaCount(total, total, 0, "")
    text = with_defaults(text_part(root))
    missing = [name for name, value in (
        ("hidden_size", hidden_size_of(text)),
        ("num_hidden_layers", len(layer_plan(text))),
        ("vocab_size", text.integer(*_VOCABULARY)),
    ) if not value]  # fmt: skip
    towers = sum(
        tower_parameters(with_defaults(t), hidden_size_of(text), root)
        for t in (vision_part(root), audio_part(root))
        if t
    )
    towers += query_transformer_parameters(root, hidden_size_of(text))
    embedding = _embedding_parameters(text, root)
    layers, active_layers = _layers_parameters(text)
    drafts = _draft_parameters(text)
    hidden, named = hidden_size_of(text), next(iter(root.texts("architectures")), "")
    around = around_encoder(text, root, hidden) if is_bert_like(text) else hidden
    if not is_bert_like(text) and (named.endswith("ForMaskedLM") or text.text("model_type") == "modernbert-decoder"):
        around += 0 if text.text("model_type") == "eurobert" else hidden * hidden + hidden + vocabulary_size(text)
    rest = around + _extra_parameters(text) + towers + _classifier_parameters(text, root)
    return FormulaCount(
        total=embedding + layers + drafts + rest,
        active=embedding + active_layers + rest,
        embedding=embedding,
        missing=", ".join(missing),
        drafts=drafts,
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
    # A chat model around a language model has its head, as the language model's own section says.
    named = next(iter(config.texts("architectures") or root.texts("architectures")), "")
    is_headless = named.endswith(("Model", "ForSequenceClassification"))
    is_headless = is_headless and not named.endswith(("LMHeadModel", "ChatModel"))
    is_encoder = (config.text("model_type") in ENCODERS or is_bert_like(config)) and not _unties(root)
    heads = 1 if is_encoder or is_headless or _ties(config, root) else 2
    total = vocabulary_size(config) * width * heads
    if is_bert_like(config):
        total += position_rows(config) * width
    elif config.text("model_type") in LEARNED_POSITIONS:
        total += config.integer("max_position_embeddings", "n_positions") * hidden
    return total + config.integer("type_vocab_size") * (width if is_bert_like(config) else hidden)


def _unties(root: Config) -> bool:
    return root.has("tie_word_embeddings") and not root.flag("tie_word_embeddings")


def _ties(config: Config, root: Config) -> bool:
    """Whether the head is tied: what a root says of a model with towers decides over its language model's section."""
    return is_tied(root) if root.has("tie_word_embeddings") else is_tied(config)


def _classifier_parameters(config: Config, root: Config) -> int:
    """The head of rerankers and reward models: one row for each label."""
    named = next(iter(root.texts("architectures")), "")
    if not named.endswith("ForSequenceClassification") or is_bert_like(config):
        return 0
    labels = root.section("id2label")
    count = len(labels.values) if labels is not None else root.integer("num_labels", default=2)
    return count * hidden_size_of(config)


def _layers_parameters(config: Config) -> tuple[int, int]:
    """All layers: every parameter, and those a token uses."""
    total = active = 0
    cache: dict[tuple[Layer, str], tuple[int, int]] = {}
    own = _own_sizes(config)
    for index, layer in enumerate(layer_plan(config)):
        key = layer, str(own.get(index, ""))
        if key not in cache:
            cache[key] = _layer_parameters(config.with_values(own[index]) if index in own else config, layer)
        total, active = total + cache[key][0], active + cache[key][1]
    return total, active


def _own_sizes(config: Config) -> dict[int, Mapping[str, object]]:
    """Sizes that single layers have of their own, by the layer's number (`per_layer_config` of transformers)."""
    listed = config.section("per_layer_config")
    if listed is None:
        return {}
    return {int(k): v for k, v in listed.values.items() if k.isdecimal() and len(k) < 5 and isinstance(v, dict)}


def _layer_parameters(config: Config, layer: Layer) -> tuple[int, int]:
    mixer = mixer_parameters(config, layer.mixer)
    every, used = feed_parameters(config, layer)
    norms = norm_parameters(config, layer)
    if config.has("zero_expert_num"):  # shortcut-connected experts: two blocks beside each routed part
        twin = feed_forward_parameters(config, hidden_size_of(config), feed_width(config))
        mixer, norms = 2 * mixer + 2 * twin, 2 * norms
    return mixer + every + norms, mixer + used + norms


def _draft_parameters(config: Config) -> int:
    """Multi-token prediction layers as DeepSeek-V3 stores them: a layer, a merge, norms, embedding and head."""
    count = config.integer("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_layers")
    if not count:
        return 0
    hidden, plan = hidden_size_of(config), layer_plan(config)
    if not plan:
        return 0
    last = plan[-1]
    layer = mixer_parameters(config, "full") + feed_parameters(config, last)[0] + norm_parameters(config, last)
    tables = 2 * vocabulary_size(config) * hidden if config.text("model_type").startswith(("deepseek", "glm")) else 0
    return min(count, 16) * (layer + 2 * hidden * hidden + 3 * hidden + tables)


def _extra_parameters(config: Config) -> int:
    """What only some models have beside layers: a pooler, per-layer embeddings (Gemma 3n)."""
    hidden = hidden_size_of(config)
    total = 0
    per_layer = config.integer("hidden_size_per_layer_input")
    if per_layer:
        layers = len(layer_plan(config))
        total += config.integer("vocab_size_per_layer_input") * layers * per_layer
        total += layers * (3 * hidden * per_layer + hidden) + per_layer
    return total

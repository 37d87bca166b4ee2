"""What stands around the layers of an encoder: embeddings with their norms, poolers, and the heads of tasks.

Encoders follow BERT (Devlin et al. 2018) unless their type says otherwise: learned positions, types of tokens, one
norm after the embeddings, a pooler in the bare model, and a transformed, tied head for masked words.
"""

from collections.abc import Mapping
from typing import Final

from steps.parse.config import Config
from steps.parse.notation import parameters_of
from steps.parse.traits import BERT_LIKE, ENCODERS, GATED

_NO_POOLER: Final = frozenset(
    {"distilbert", "deberta", "deberta-v2", "electra", "roformer", "modernbert", "nomic_bert", "new", "gte",
     "eurobert", "convbert", "bert-generation", "megatron-bert", "mra", "nystromformer", "yoso", "squeezebert",
     "albert"}
)  # fmt: skip
"""Encoders whose bare model has no pooler."""
_WITHOUT_BIASES: Final = frozenset({"modernbert", "nomic_bert", "eurobert", "modernbert-decoder"})
_ROTARY: Final = frozenset({"jina_embeddings_v3"})
_POSITION_OFFSETS: Final[Mapping[str, int]] = {"mra": 2, "nystromformer": 2, "yoso": 2}
_BESIDE: Final[Mapping[str, str]] = {
    "layoutlm": "4*z*h h>h+", "big_bird": "h>h+", "roc_bert": "pv*pe sv*se pe*h se*h h*h h",
    "esm": "", "fnet": "h>h+ h>h+", "rembert": "",
}  # fmt: skip
"""Tensors beside BERT's in the class with a language head."""


def is_bert_like(config: Config) -> bool:
    """Whether a stack of layers is an encoder with BERT's embeddings and norms."""
    kind = config.text("model_type")
    return kind in BERT_LIKE or (
        config.has("type_vocab_size")
        and kind not in GATED
        and not config.has("rope_theta", "rms_norm_eps", "num_key_value_heads")
    )


def around_encoder(config: Config, root: Config, hidden: int) -> int:
    """Embedding norms, and the pooler or the head of the named class; tables of tokens are not among them."""
    kind, named = config.text("model_type"), next(iter(root.texts("architectures")), "")
    width = config.integer("embedding_size") or hidden
    sizes = {
        "h": hidden, "e": width, "V": config.integer("vocab_size"), "l": _labels(root),
        "z": config.integer("max_2d_position_embeddings"), "pv": config.integer("pronunciation_vocab_size"),
        "pe": config.integer("pronunciation_embed_dim"), "sv": config.integer("shape_vocab_size"),
        "se": config.integer("shape_embed_dim"),
    }  # fmt: skip
    terms = ["ln:e" if kind not in _WITHOUT_BIASES else "h"]
    if width != hidden:
        terms.append("e>h+")
    if kind in _WITHOUT_BIASES and kind != "nomic_bert":
        terms.append("h")
    if named.endswith(("ForMaskedLM", "ForCausalLM", "LMHeadModel")):
        terms.append("h>h h V" if kind in _WITHOUT_BIASES else "h>e+ ln:e V" if kind != "bert-generation" else "V")
        terms.append(_BESIDE.get(kind, ""))
    elif named.endswith("ForSequenceClassification"):
        terms.append("h>h+ h>l+")
    elif kind not in _NO_POOLER and (named.endswith("Model") or (not named and kind in ENCODERS)):
        terms.append("h>h+")
    return parameters_of(" ".join(terms), sizes)


def position_rows(config: Config) -> int:
    """Rows of an encoder's table of learned positions."""
    if config.text("position_embedding_type") in ("rotary", "rope", "alibi") or config.has(
        "rope_parameters", "rope_theta"
    ):
        return 0
    if config.text("model_type") in _ROTARY:
        return 0
    rows = config.integer("max_position_embeddings", "n_positions")
    return rows + _POSITION_OFFSETS.get(config.text("model_type"), 0)


def _labels(root: Config) -> int:
    labels = root.section("id2label")
    return len(labels.values) if labels is not None else root.integer("num_labels", default=2)

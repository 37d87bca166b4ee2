"""Parameters of models that read with an encoder and write with a decoder: T5, BART, Whisper and their kin.

An encoder's layer has attention and a feed-forward part, a decoder's has attention to the encoder besides. What
differs between families and is in no configuration (positions, norms around the layers) is in FAMILIES.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from steps.parse.config import LAYERS, Config


@dataclass(frozen=True)
class Family:
    """What a family's configurations do not say.

    Attributes:
        offset: Rows of a table of learned positions beyond the stated limit; None when there is no table.
        entrance: Norms after the embeddings, in encoder and decoder each.
        exit: Norms after the layers, in each.
        has_biases: Whether attention has biases; the feed-forward part has them in every family.
    """

    offset: int | None = 0
    entrance: int = 0
    exit: int = 0
    has_biases: bool = True


FAMILIES: Final[Mapping[str, Family]] = {
    "bart": Family(offset=2, entrance=1),
    "mvp": Family(offset=2, entrance=1),
    "plbart": Family(offset=2, entrance=1),
    "mbart": Family(offset=2, entrance=1, exit=1),
    "trocr": Family(offset=2, entrance=1),
    "bigbird_pegasus": Family(entrance=1, has_biases=False),
    "led": Family(entrance=1),
    "blenderbot": Family(exit=1),
    "blenderbot-small": Family(entrance=1),
    "pegasus": Family(exit=1),
    "pegasus_x": Family(offset=None, exit=1, has_biases=False),
    "marian": Family(),
    "m2m_100": Family(offset=None, exit=1),
    "nllb-moe": Family(offset=None, exit=1),
    "speech_to_text": Family(offset=None, exit=1),
    "whisper": Family(exit=1),
    "fsmt": Family(offset=None),
}
_T5_KIN: Final = frozenset({"t5", "mt5", "umt5", "longt5", "switch_transformers", "pop2piano", "udop"})


def is_encoder_decoder(root: Config) -> bool:
    """Whether the model reads with an encoder and writes with a decoder, or is one half of such a model."""
    if root.text("model_type") in FAMILIES or root.text("model_type") in _T5_KIN:
        return True
    return root.flag("is_encoder_decoder") and root.has("d_model", "decoder_layers", "num_decoder_layers")


def encoder_decoder_parameters(root: Config) -> tuple[int, int]:
    """All parameters, and those of the shared embedding and of an untied output head."""
    if root.text("model_type") in _T5_KIN or root.has("feed_forward_proj", "d_kv"):
        return _t5(root)
    hidden = root.integer("d_model", "hidden_size")
    family = FAMILIES.get(root.text("model_type"), Family(offset=0 if root.has("max_position_embeddings") else None))
    embedding = root.integer("vocab_size") * hidden
    halves = [_half(root, family, hidden, "decoder")]
    if not _is_decoder_alone(root):
        halves.append(_half(root, family, hidden, "encoder"))
    if root.has("tie_word_embeddings") and not root.flag("tie_word_embeddings") and "For" in _named(root):
        embedding *= 2
    return embedding + sum(halves) + _ears(root, hidden), embedding


def _named(root: Config) -> str:
    return next(iter(root.texts("architectures")), "")


def _is_decoder_alone(root: Config) -> bool:
    """Whether the class is a decoder that still has its attention to an encoder, such as BartForCausalLM."""
    return _named(root).endswith("ForCausalLM") or root.text("model_type") == "trocr"


def _half(root: Config, family: Family, hidden: int, side: str) -> int:
    """The encoder or the decoder: its layers, positions, and norms around them."""
    layers = root.integer(f"{side}_layers", *(("num_layers",) if side == "encoder" else ()), *LAYERS)
    width = root.integer(f"{side}_ffn_dim", default=4 * hidden)
    norm, bias = 2 * hidden, family.has_biases
    key_bias = bias and root.text("model_type") != "whisper"
    attention = 4 * hidden * hidden + (3 * bias + key_bias) * hidden
    feed = 2 * hidden * width + width + hidden
    layer = attention + feed + 2 * norm
    if side == "decoder":
        layer += attention + norm
    elif root.text("model_type") == "led":
        layer += 3 * (hidden * hidden + hidden)  # Longformer's global attention has projections of its own
    around = (family.entrance + family.exit) * norm
    return layers * layer + around + _positions(root, family, side) * hidden


def _positions(root: Config, family: Family, side: str) -> int:
    if root.has("num_mel_bins"):
        return (root.integer("max_source_positions", default=1500) if side == "encoder"
                else root.integer("max_target_positions", default=448))  # fmt: skip
    if family.offset is None:
        return 0
    return root.integer(f"max_{side}_position_embeddings", "max_position_embeddings") + family.offset


def _ears(root: Config, hidden: int) -> int:
    """The convolutions before an encoder that hears."""
    if _is_decoder_alone(root):
        return 0
    if mels := root.integer("num_mel_bins"):
        return 3 * mels * hidden + 3 * hidden * hidden + 2 * hidden
    if bands := root.integer("input_feat_per_channel"):
        channels, count = root.integer("conv_channels"), root.integer("num_conv_layers", default=2)
        kernel = (root.integers("conv_kernel_sizes") or (5,))[0]
        first = channels * bands * kernel + channels
        last = 2 * hidden * (channels // 2) * kernel + 2 * hidden
        return first + last + max(count - 2, 0) * (channels * (channels // 2) * kernel + channels)
    return 0


def _t5(root: Config) -> tuple[int, int]:
    hidden = root.integer("d_model", "hidden_size")
    encoders = root.integer("num_layers", *LAYERS)
    decoders = root.integer("num_decoder_layers") or encoders
    inner = root.integer("num_heads") * root.integer("d_kv", default=64)
    matrices = 3 if root.text("feed_forward_proj").startswith("gated") or root.flag("is_gated_act") else 2
    feed = matrices * hidden * root.integer("d_ff", default=4 * hidden)
    attention = 4 * hidden * inner
    buckets = root.integer("relative_attention_num_buckets", default=32) * root.integer("num_heads")
    each = root.text("model_type") == "umt5"
    tables = encoders + decoders if each else 2
    kind = root.text("model_type")
    total = encoders * (attention + feed + 2 * hidden) + decoders * (2 * attention + feed + 3 * hidden)
    if kind == "switch_transformers":
        experts = root.integer("num_experts")
        sparse = root.integer("num_sparse_encoder_layers") + root.integer("num_sparse_decoder_layers")
        total += sparse * ((experts - 1) * feed + experts * hidden)
    named = _named(root)
    heads = 1 if root.flag("tie_word_embeddings", default=True) or named.endswith("Model") else 2
    if named.endswith("EncoderModel"):
        total = encoders * (attention + feed + 2 * hidden) - hidden
        tables = encoders if each else 1
    embedding = heads * root.integer("vocab_size") * hidden
    return total + embedding + tables * buckets + 2 * hidden, embedding

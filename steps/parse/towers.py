"""Parameters of what stands beside a language model: vision and audio towers; and of encoder-decoder models."""

from typing import Final

from steps.parse.config import LAYERS, Config
from steps.parse.traits import NO_GATE_ACTIVATIONS

_DEPTHS: Final = ("depth", "encoder_layers", "n_layers_vision")
_HIDDEN: Final = ("hidden_size", "embed_dim", "d_model", "width", "dim")


def tower_parameters(tower: Config, text_hidden: int) -> int:
    """A vision or audio transformer with its entrance and its projection to the language model.

    Args:
        tower: The section that describes it.
        text_hidden: Width of the language model.
    """
    layers = tower.integer(*LAYERS) or tower.integer(*_DEPTHS)
    hidden = tower.integer(*_HIDDEN)
    if tower.has("embed_dim") and tower.has("depth"):
        hidden = tower.integer("embed_dim")  # Qwen2-VL: here hidden_size is the language model's
    width = tower.integer("intermediate_size", "encoder_ffn_dim") or int(tower.number("mlp_ratio", default=4) * hidden)
    matrices = 3 if _is_gated(tower) else 2
    block = 4 * hidden * hidden + 4 * hidden + matrices * hidden * width + width + hidden + 4 * hidden
    return layers * block + _entrance(tower, hidden) + _projection(tower, hidden, text_hidden)


def _is_gated(tower: Config) -> bool:
    activation = tower.text("hidden_act", "activation_function").lower()
    return bool(activation) and activation not in NO_GATE_ACTIVATIONS


def _entrance(tower: Config, hidden: int) -> int:
    if mels := tower.integer("num_mel_bins"):
        positions = tower.integer("max_source_positions", default=1500)
        return 3 * mels * hidden + 3 * hidden * hidden + 2 * hidden + positions * hidden
    patch = tower.integer("patch_size", "spatial_patch_size", default=14)
    channels = tower.integer("num_channels", "in_channels", "in_chans", default=3)
    frames = tower.integer("temporal_patch_size", default=1)
    image = tower.integer("image_size")
    positions = tower.integer("num_position_embeddings") or ((image // patch) ** 2 if patch and image else 0)
    return hidden * (channels * patch * patch * frames + 1) + positions * hidden


def _projection(tower: Config, hidden: int, text_hidden: int) -> int:
    merge = tower.integer("spatial_merge_size", default=1) ** 2
    out = tower.integer("out_hidden_size") or text_hidden
    if merge > 1:
        return (merge * hidden) ** 2 + merge * hidden * out
    return hidden * out


def is_encoder_decoder(root: Config) -> bool:
    """Whether the model reads with an encoder and writes with a decoder: T5, BART, Whisper."""
    if root.flag("is_encoder_decoder"):
        return True
    return root.text("model_type") in ("t5", "mt5", "umt5", "bart", "mbart", "whisper", "marian", "m2m_100")


def encoder_decoder_parameters(root: Config) -> tuple[int, int]:
    """All parameters, and those of the shared embedding."""
    hidden = root.integer("d_model", "hidden_size")
    encoders = root.integer("encoder_layers", "num_layers", *LAYERS)
    decoders = root.integer("decoder_layers", "num_decoder_layers") or encoders
    embedding = root.integer("vocab_size") * hidden
    if root.text("model_type") in ("t5", "mt5", "umt5"):
        return _t5(root, hidden, encoders, decoders, embedding)
    square, norm = hidden * hidden, 2 * hidden
    attention = 4 * square + 4 * hidden
    encoder_width = root.integer("encoder_ffn_dim", default=4 * hidden)
    decoder_width = root.integer("decoder_ffn_dim", default=4 * hidden)
    encoder = attention + 2 * hidden * encoder_width + encoder_width + hidden + 2 * norm
    decoder = 2 * attention + 2 * hidden * decoder_width + decoder_width + hidden + 3 * norm
    positions = root.integer("max_position_embeddings") * 2
    if mels := root.integer("num_mel_bins"):
        positions = root.integer("max_source_positions", default=1500) + root.integer(
            "max_target_positions", default=448
        )
        embedding_in = 3 * mels * hidden + 3 * square + 2 * hidden
        return (
            embedding + embedding_in + positions * hidden + encoders * encoder + decoders * decoder + 2 * norm,
            embedding,
        )
    return embedding + positions * hidden + encoders * encoder + decoders * decoder + 2 * norm, embedding


def _t5(root: Config, hidden: int, encoders: int, decoders: int, embedding: int) -> tuple[int, int]:
    inner = root.integer("num_heads") * root.integer("d_kv", default=64)
    matrices = 3 if root.text("feed_forward_proj").startswith("gated") else 2
    feed = matrices * hidden * root.integer("d_ff", default=4 * hidden)
    attention = 4 * hidden * inner
    total = encoders * (attention + feed + 2 * hidden) + decoders * (2 * attention + feed + 3 * hidden)
    heads = 1 if root.flag("tie_word_embeddings", default=True) else 2
    return total + heads * embedding + 2 * hidden, heads * embedding

"""Parameters of models that hear raw sound: wav2vec 2.0 and its kin.

Convolutions over the waveform, a projection, convolutional positions, a transformer encoder, and a head over letters
(Baevski et al. 2020, arXiv:2006.11477, section 2 and appendix B).
"""

from steps.parse.config import LAYERS, Config
from steps.parse.notation import parameters_of


def hears_waves(root: Config) -> bool:
    """Whether a configuration describes convolutions over the waveform before a transformer."""
    return bool(root.integers("conv_dim")) and root.has("conv_kernel") and root.has(*LAYERS)


def speech_parameters(root: Config) -> int:
    """All parameters of the class that the configuration names."""
    hidden, layers = root.integer("hidden_size"), root.integer(*LAYERS)
    width = root.integer("intermediate_size", default=4 * hidden)
    channels = root.integers("conv_dim")
    attention = 4 * (hidden * hidden + hidden)
    heads, extra = root.integer("num_attention_heads") or 1, 0
    if root.text("model_type") == "wavlm":  # gated relative positions, section 3.1 of arXiv:2110.13900
        attention += heads + 8 * (hidden // heads) + 8
        extra = root.integer("num_buckets", default=320) * heads
    layer = attention + parameters_of("h>w+ w>h+ ln:h ln:h", {"h": hidden, "w": width})
    entrance = parameters_of("h ln:c c>h+ ln:h", {"h": hidden, "c": channels[-1]})
    if root.has("feat_proj_layer_norm") and not root.flag("feat_proj_layer_norm"):
        entrance -= 2 * channels[-1]
    head = 0
    named = next(iter(root.texts("architectures")), "")
    if named.endswith("ForCTC"):
        head = parameters_of("h>v+", {"h": hidden, "v": root.integer("vocab_size")})
    return _waves(root) + entrance + _positions(root, hidden) + layers * layer + extra + head


def _waves(root: Config) -> int:
    channels, kernels = root.integers("conv_dim"), root.integers("conv_kernel")
    total, before = 0, 1
    is_grouped = root.text("feat_extract_norm") == "group"
    for index, (wide, kernel) in enumerate(zip(channels, kernels, strict=False)):
        total += before * wide * kernel + (wide if root.flag("conv_bias") else 0)
        total += 2 * wide if not is_grouped or index == 0 else 0
        before = wide
    return total


def _positions(root: Config, hidden: int) -> int:
    groups = root.integer("num_conv_pos_embedding_groups", default=16) or 1
    count = root.integer("num_conv_pos_embeddings", default=128)
    if kernel := root.integer("conv_pos_kernel_size"):  # data2vec: several plain convolutions
        return count * (hidden * (hidden // groups) * kernel + hidden)
    return hidden * (hidden // groups) * count + count + hidden  # one, its weight normed

"""Parameters of speech encoders whose layers convolve and attend (FastConformer, arXiv:2305.05084).

A stack of strided convolutions shortens the spectrogram; each layer has two half feed-forward parts around attention
with relative positions and a gated convolution (Conformer, arXiv:2005.08100, figure 1).
"""

from typing import Final

from steps.parse.config import LAYERS, Config
from steps.parse.notation import parameters_of

_LAYER: Final = (
    "h>i+ i>h+ ln:h "  # half a feed-forward part, before and after
    "h>i+ i>h+ ln:h "
    "h>h+ h>h+ h>h+ h>h+ h>h 2*h ln:h "  # attention with projected relative positions and their two biases
    "h>2*h+ k*h h ln:h h>h+ ln:h "  # a gated convolution over k frames
    "ln:h"
)


def hears_spectrograms(root: Config) -> bool:
    """Whether a configuration describes such an encoder with a head over letters."""
    named = next(iter(root.texts("architectures")), "")
    encoder = root.section("encoder_config")
    return named.endswith("ForCTC") and encoder is not None and encoder.has("subsampling_conv_channels")


def conformer_parameters(root: Config) -> int:
    """All parameters of the encoder and its head."""
    encoder = root.section("encoder_config") or root
    factor = min(encoder.integer("subsampling_factor", default=8) or 1, 64)
    sizes = {
        "h": encoder.integer("hidden_size"), "i": encoder.integer("intermediate_size"),
        "k": encoder.integer("conv_kernel_size", default=9), "c": encoder.integer("subsampling_conv_channels"),
        "s": encoder.integer("subsampling_conv_kernel_size", default=3),
        "b": encoder.integer("num_mel_bins", default=80) // factor, "V": root.integer("vocab_size"),
    }  # fmt: skip
    strides = factor.bit_length() - 1
    shortening = parameters_of("s*s>c+ c*b>h+", sizes) + (strides - 1) * parameters_of("s*s>c+ c>c+", sizes)
    return shortening + encoder.integer(*LAYERS) * parameters_of(_LAYER, sizes) + parameters_of("h>V+", sizes)

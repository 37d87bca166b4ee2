"""Parameters of models that hold texts against images: CLIP (arXiv:2103.00020), SigLIP and their text halves alone.

Both towers are plain transformers. CLIP projects both into a common space; SigLIP pools with a head in each.
"""

from typing import Final

from steps.parse.config import Config
from steps.parse.notation import parameters_of
from steps.parse.towers import encoder_parameters

_CLIP_KIN: Final = frozenset({"clip", "metaclip_2", "clipseg"})
_SIGLIP_KIN: Final = frozenset({"siglip", "siglip2"})
_TEXT_HALVES: Final = frozenset(
    {"clip_text_model", "siglip_text_model", "siglip2_text_model", "metaclip_2_text_model"}
)


def is_two_towers(root: Config) -> bool:
    """Whether a configuration describes such a model, or its text half."""
    kind = root.text("model_type")
    if kind in _TEXT_HALVES:
        return True
    if root.section("text_config") is None or root.section("vision_config") is None:
        return False
    return kind in _CLIP_KIN | _SIGLIP_KIN


def two_towers_parameters(root: Config) -> tuple[int, int]:
    """All parameters, and those of the text's embedding."""
    kind = root.text("model_type")
    if kind in _TEXT_HALVES:
        return _text_parameters(root, has_head=kind.startswith("siglip"))
    text, image = root.section("text_config"), root.section("vision_config")
    if text is None or image is None:
        return 0, 0
    total, embedding = _text_parameters(text, has_head=kind in _SIGLIP_KIN)
    total += encoder_parameters(image)
    sizes = {"t": text.integer("hidden_size"), "v": image.integer("hidden_size"),
             "p": root.integer("projection_dim", default=512)}  # fmt: skip
    return total + (2 if kind in _SIGLIP_KIN else 1 + parameters_of("t>p v>p", sizes)), embedding


def _text_parameters(text: Config, *, has_head: bool) -> tuple[int, int]:
    hidden, words = text.integer("hidden_size", default=512), text.integer("vocab_size")
    head = hidden * text.integer("projection_size", default=hidden) + hidden if has_head else 0
    return encoder_parameters(text) + head + words * hidden, words * hidden

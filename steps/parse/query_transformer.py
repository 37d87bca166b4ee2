"""Parameters of a querying transformer between a vision tower and a language model (BLIP-2, arXiv:2301.12597)."""

from steps.parse.config import LAYERS, Config
from steps.parse.notation import parameters_of


def query_transformer_parameters(root: Config, text_hidden: int) -> int:
    """Its queries, layers and projection; 0 where a configuration has none."""
    section = root.section("qformer_config")
    if section is None:
        return 0
    hidden, layers = section.integer("hidden_size", default=768), section.integer(*LAYERS)
    sizes = {
        "h": hidden, "i": section.integer("intermediate_size", default=4 * hidden), "t": text_hidden,
        "e": section.integer("encoder_hidden_size", default=hidden), "q": root.integer("num_query_tokens", default=32),
        "V": section.integer("vocab_size"), "p": section.integer("max_position_embeddings"),
    }  # fmt: skip
    every = section.integer("cross_attention_frequency", default=2) or 1
    reads = root.text("model_type") in ("instructblip", "instructblipvideo") or section.flag("use_qformer_text_input")
    feed = "h>i+ i>h+ ln:h"
    layer = parameters_of(f"h>h+ h>h+ h>h+ h>h+ ln:h {feed}" + (f" {feed}" if reads else ""), sizes)
    cross = parameters_of("h>h+ h>h+ e>h+ e>h+ ln:h", sizes)
    around = parameters_of("q*h ln:h h>t+" + (" V*h p*h" if reads else ""), sizes)
    return layers * layer + -(-layers // every) * cross + around

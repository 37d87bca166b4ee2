"""Configurations in the spelling of Meta's and Mistral's own releases: `params.json` into the usual names."""

from typing import Final

from steps.parse.config import Config
from steps.parse.strict_json import Json

_NAMES: Final = {
    "dim": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "hidden_dim": "intermediate_size",
    "max_position_embeddings": "max_position_embeddings",
    "max_seq_len": "max_position_embeddings",
}


def from_params(values: Json, where: str = "params.json") -> Config:
    """The same configuration in transformers' names; what has no other name is kept."""
    made: Json = {_NAMES.get(name, name): value for name, value in values.items()}
    config = Config(made, where)
    experts = config.section("moe")
    made["model_type"] = "mixtral" if experts is not None else "mistral"
    if config.has("multiple_of") and not config.has("intermediate_size"):
        made["model_type"] = "llama"
        made["intermediate_size"] = _llama_width(config)
    made["architectures"] = [f"{made['model_type'].capitalize()}ForCausalLM"]
    made.setdefault("tie_word_embeddings", bool(values.get("tied_embeddings")))
    if isinstance(vision := values.get("vision_encoder"), dict):
        made["vision_config"] = vision
    return config


def _llama_width(config: Config) -> int:
    """Meta's rule: two thirds of four times the width, times a factor, rounded up to a multiple."""
    width = int(2 * 4 * config.integer("hidden_size") / 3)
    factor = config.number("ffn_dim_multiplier", default=1.0)
    multiple = config.integer("multiple_of", default=1) or 1
    width = int(min(max(factor, 0.0), 100.0) * width)
    return -(-width // multiple) * multiple

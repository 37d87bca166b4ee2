"""How many tokens a model can read: the configuration's limit under all its names, then rotary scaling.

Scaling follows the checkpoints' own use: `llama3` and `longrope` state the scaled limit already; YaRN scales the
original one (`original_max_position_embeddings` x `factor`) unless the stated limit is larger; `dynamic` multiplies;
`linear` states the scaled limit.
"""

from typing import Final

from steps.parse.config import LARGEST, Config

_LIMITS: Final = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "seq_length",
                  "n_ctx", "model_max_length", "max_context_length", "max_seq_length", "seq_len",
                  "max_target_positions")  # fmt: skip
_OFFSET_TYPES: Final = frozenset({"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"})
_OFFSET: Final = 2  # these count positions from the padding token's id plus one
_MAX_FACTOR: Final = 10_000.0
_UNSET_TOKENIZER_LIMIT: Final = 1 << 31


def context_length(config: Config, tokenizer: Config | None = None) -> int:
    """Tokens, 0 when unknown.

    Args:
        config: The language model's part of the configuration.
        tokenizer: `tokenizer_config.json`; its limit counts only when the configuration has none.
    """
    stated = max(config.integer("model_max_length") if config.text("model_type") == "baichuan" else 0,
                 config.integer(*_LIMITS))  # fmt: skip
    if longer := config.integer("max_sequence_length"):
        stated = max(stated, longer)
    if stated:
        if config.text("model_type") in _OFFSET_TYPES:
            stated = max(stated - _OFFSET, 0)
        return _scaled(stated, config)
    limit = tokenizer.integer("model_max_length") if tokenizer is not None else 0
    return limit if limit < _UNSET_TOKENIZER_LIMIT else 0


def _scaled(stated: int, config: Config) -> int:
    rope = _rope(config)
    if rope is None:
        return stated
    kind = rope.text("rope_type", "type").lower()
    factor = min(max(rope.number("factor", default=1.0), 1.0), _MAX_FACTOR)
    original = rope.integer("original_max_position_embeddings")
    if kind in ("yarn", "deepseek_yarn"):
        scaled = round((original or stated) * factor)
        return min(max(stated, scaled), LARGEST)
    if kind == "dynamic":
        return min(round((original or stated) * factor), LARGEST) if not rope.has("alpha") else stated
    return stated


def _rope(config: Config) -> Config | None:
    rope = config.section("rope_scaling", "rope_parameters")
    if rope is not None and (nested := rope.section("full_attention")) is not None:
        return nested
    return rope

"""Varied configurations of one class: all sizes changed to telling numbers, then one flag or option at a time."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.parsing.transformers_table.skipped import COMMON

Json = dict[str, Any]
MOST_FLAGS: Final = 6
NOT_STRUCTURE: Final = re.compile(
    rf"{COMMON}|drop_rate|init_|_init$|rope|pretraining_tp|_coef|^dt_|_mask_|prob$|"
    r"time_step_(min|max|floor|limit|scale)|_lr$|^diversity"
)
"""Names of values that no tensor's shape depends on."""
_KEPT: Final = re.compile(
    r"^rope_parameters$|local_rope|rope_head_dim|partial_rotary|global_rope|^dt_rank$|init_values"
)
_KEPT_NULLS: Final = ("vision_config", "audio_config", "head_dim", "num_key_value_heads", "q_lora_rank")
LAYERS: Final = re.compile(r"layers$|^depth$|^n_layer|_depth$|^num_blocks|^num_layers|^n_layers|^num_stages")
_TABLES: Final = re.compile(
    r"vocab|position|intermediate|ffn|ff_dim|inner|experts|n_ctx|mlp|width|num_mel|bucket|labels"
)
_GROUPS: Final = (
    ("layers", "tables", "heads", "widths"),
    ("layers", "tables", "widths"),
    ("layers", "tables", "heads"),
    ("layers", "heads", "widths"),
    ("tables", "heads"),
    ("layers", "tables"),
    ("layers",),
    ("tables",),
)
"""What is changed together; what no model can be built with is tried with less."""
_OPTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "num_key_value_heads": lambda value: 1 if value and value > 1 else None,
    "q_lora_rank": lambda value: None if value else 96,
    "hidden_size_per_layer_input": lambda value: 0,
    "head_dim": lambda value: value * 2 if value else None,
    "first_k_dense_replace": lambda value: 0 if value else 2,
    "num_kv_shared_layers": lambda value: 0 if value else 2,
    "feed_forward_proj": lambda value: "gated-gelu" if value == "relu" else "relu",
}


def variants(base: Json, count: Callable[[Json], int | None]) -> Iterator[tuple[str, Json]]:
    """Names and configurations of what differs from the default.

    Args:
        base: The default configuration, every value in it.
        count: Builds a configuration and counts its parameters, None when it cannot be built.
    """
    for groups in _GROUPS:
        sized = _sized(base, groups)
        total = count(sized)
        if total:
            break
    else:
        return
    yield "sizes", sized
    flags = 0
    for path, level in _sections(sized):
        for name, value in level.items():
            if flags >= MOST_FLAGS or not _is_option(name, value):
                continue
            trial = json.loads(json.dumps(sized))
            _at(trial, path)[name] = not value if isinstance(value, bool) else _OPTIONS[name](value)
            if count(trial) not in (None, total):
                flags += 1
                yield ".".join((*path, name)), trial


def reduced(values: Json) -> Json:
    """A configuration less what no tensor depends on."""
    kept: Json = {}
    for name, value in values.items():
        if NOT_STRUCTURE.search(name) and not _KEPT.search(name):
            continue
        if isinstance(value, dict) and name != "id2label":
            value = reduced(value)
        is_long = isinstance(value, list) and (len(value) > 300 or len(str(value)) > 4000)
        if not is_long and value != {} and (value is not None or name in _KEPT_NULLS):
            kept[name] = value
    return kept


def _is_option(name: str, value: Any) -> bool:  # noqa: ANN401
    return name in _OPTIONS or isinstance(value, bool) and not NOT_STRUCTURE.search(name)


def _sized(values: Json, groups: tuple[str, ...]) -> Json:
    """A copy with all sizes of some groups changed, tables each to a number that no other has."""
    copy: Json = json.loads(json.dumps(values))
    taken = 0
    for _, level in list(_sections(copy)):
        lengths = {v for k, v in level.items() if LAYERS.search(k) and isinstance(v, int)}
        for name, value in list(level.items()):
            if isinstance(value, list) and len(value) in lengths and "layers" in groups:
                level.pop(name)  # the class makes lists for each layer anew
            if not isinstance(value, int) or isinstance(value, bool) or value < 2 or NOT_STRUCTURE.search(name):
                continue
            if LAYERS.search(name):
                level[name] = min(value, 4 if "decoder" in name else 5) if "layers" in groups else value
            elif _TABLES.search(name) and "experts_per" not in name:
                taken += 2
                if "tables" in groups:
                    level[name] = (value * 3 // 8) // 2 * 2 + 3 + taken if value > 8 else value + 3
            elif "heads" in name or "groups" in name:
                level[name] = value // 2 if "heads" in groups and value % 2 == 0 and value > 2 else value
            elif "widths" in groups and value >= 16 and value % 8 == 0:
                level[name] = value * 3 // 4
    return copy


def _sections(values: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Every level of a nested configuration with its path."""
    yield path, values
    for name, value in values.items():
        if isinstance(value, dict) and ("model_type" in value or name.endswith("config")):
            yield from _sections(value, (*path, name))


def _at(values: Json, path: tuple[str, ...]) -> Json:
    for name in path:
        values = values[name]
    return values

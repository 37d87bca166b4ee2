"""Adapters: what `adapter_config.json` says of them, as PEFT and MLX write it."""

from collections.abc import Sequence
from typing import Final

from steps.facts import Adapter
from steps.parse.config import Config

_FILES: Final = ("adapter_model", "adapters", "pytorch_lora_weights")


def is_adapter(config: Config | None, weights: Sequence[str], *, has_model: bool) -> bool:
    """Whether the weights are an adapter's: trainers put the model's own config.json beside them too."""
    if config is None:
        return False
    names = [path.rpartition("/")[2] for path in weights]
    return not has_model or (bool(names) and all(name.startswith(_FILES) for name in names))


def adapter_of(config: Config) -> Adapter:
    """The facts of an adapter: rank, alpha, the modules it changes and the model it belongs to.

    The rank is the largest, where layers have ranks of their own: engines make room by it. Methods without ranks
    (IA3, prompt tuning) have 0.
    """
    mlx = config.section("lora_parameters")
    where = mlx if mlx is not None else config
    ranks = [where.integer("r", "rank")]
    if (patterns := config.section("rank_pattern")) is not None:
        ranks += [patterns.integer(name) for name in list(patterns.values)[:10_000]]
    targets = {target for name in ("target_modules", "keys") for target in where.texts(name)}
    if not targets and (pattern := where.text("target_modules")):
        targets = {pattern}
    return Adapter(
        rank=max(ranks),
        alpha=where.number("lora_alpha", "alpha", "scale"),
        targets=tuple(sorted(targets)),
        base_model=config.text("base_model_name_or_path", "model"),
    )


def adapter_kind(config: Config) -> str:
    """The method, in lower case: lora, dora, ia3, prompt_tuning and so on."""
    named = config.text("peft_type", "fine_tune_type").lower() or "lora"
    return "dora" if named == "lora" and config.flag("use_dora") else named

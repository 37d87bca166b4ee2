"""LoRA adapters: what `adapter_config.json` says of them."""

from steps.facts import Adapter
from steps.parse.config import Config


def adapter_of(config: Config) -> Adapter:
    """The facts of a PEFT adapter: rank, alpha, the modules it changes and the model it belongs to."""
    targets = config.texts("target_modules") or (
        (config.text("target_modules"),) if config.text("target_modules") else ()
    )
    return Adapter(
        rank=config.integer("r", "rank"),
        alpha=config.number("lora_alpha", "alpha"),
        targets=tuple(sorted(targets)),
        base_model=config.text("base_model_name_or_path"),
    )

"""What is explained: samples, or the layers of each, and the value of every name for every one of them."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tests.parsing.transformers_table.skipped import SKIPPED

Json = dict[str, Any]
Numbers = Any  # numpy arrays, of which the environment that runs this has no stubs
Item = tuple[int, ...]  # a sample, then the numbers of the layers that hold something
PREFERRED: Final = ("hidden_size", "d_model", "n_embd", "intermediate_size", "vocab_size", "num_attention_heads",
                    "head_dim", "num_key_value_heads", "embed_dim", "moe_intermediate_size", "num_hidden_layers",
                    "num_experts", "n_routed_experts", "num_local_experts")  # fmt: skip
LETTERS: Final = "ijk"
BY_LAYER: Final = "per_layer."
"""What stands before the name of a value of which layers may have their own."""


def flat(config: Json, prefix: str = "") -> Json:
    """Every value of a configuration by its dotted name."""
    found: Json = {}
    for name, value in config.items():
        if name == "id2label":
            found[f"{prefix}num_labels"] = len(value) if isinstance(value, dict) else 2
        elif name == "per_layer_config" and isinstance(value, dict):
            found |= _by_layer(config, value, prefix)
        elif not name.isidentifier() or SKIPPED.search(name) and not (isinstance(value, dict) and "config" in name):
            continue
        elif isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.") if "rope" not in name else {}
        else:
            found[prefix + name] = value
    return found


def _by_layer(config: Json, overrides: Json, prefix: str) -> Json:
    """What some layers have of their own, as lists for all layers."""
    layers = range(config.get("num_hidden_layers", 0))
    own = [overrides.get(str(n), {}) for n in layers]
    names = {name for one in own for name in one} - {"skip"}
    return {f"{prefix}{BY_LAYER}{name}": [one.get(name, config.get(name)) for one in own] for name in names}


def flats(configs: list[Json]) -> list[Json]:
    """Flat configurations, each with lists of what layers of any of them have of their own."""
    envs = [flat(config) for config in configs]
    for name in {name for env in envs for name in env if BY_LAYER in name}:
        prefix, _, plain = name.partition(BY_LAYER)
        for env in envs:
            if name not in env and type(layers := env.get(f"{prefix}num_hidden_layers")) is int:
                env[name] = [env.get(prefix + plain)] * layers
    return envs


class Items:
    """Items, and the names of the configurations that they were built from, the most telling first."""

    def __init__(self, envs: list[Json], items: list[Item], relevant: set[str]) -> None:
        self.envs, self.items = envs, items
        self.depth = len(items[0]) - 1
        self.samples = sorted({item[0] for item in items})
        self.names = self._ordered(relevant)

    def _ordered(self, relevant: set[str]) -> list[str]:
        names = {n: None for s in self.samples for n in self.envs[s]}
        return sorted(names, key=lambda n: (n not in relevant, n.rsplit(".", 1)[-1] not in PREFERRED, n.count("."),
                                            len(n)))  # fmt: skip

    def row(self, value: Callable[[Json, Item], Any]) -> Numbers | None:
        """The values of all items; what has none gets a number that nothing else has."""
        out = np.empty(len(self.items), dtype=np.int64)
        some = False
        for n, item in enumerate(self.items):
            try:
                v = value(self.envs[item[0]], item)
            except (TypeError, IndexError, KeyError, ZeroDivisionError):
                v = None
            if type(v) is int and abs(v) < 2**31:
                out[n], some = v, True
            else:
                out[n] = -(10**10) - 7919 * n
        return out if some else None

"""Builds a class from a configuration and writes down its tensors, those of inner models apart.

An inner model is one that is built from a section of the configuration as it would be alone.
"""

import ast
import contextlib
import copy
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

from transformers import PreTrainedConfig, PreTrainedModel

from tests.parsing.transformers_table.build import ERRORS, built

Json = dict[str, Any]
Path_ = tuple[str, ...]


def plain(values: Any) -> Any:  # noqa: ANN401
    """As JSON has it."""
    return json.loads(json.dumps(values, default=str))


def sections(config: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:  # noqa: ANN401
    """Every configuration object inside one, with its path; the root first."""
    yield path, config
    for name, value in list(vars(config).items()):
        if isinstance(value, PreTrainedConfig) and len(path) < 4:
            yield from sections(value, (*path, name))


def kind_of(config_class: Any) -> str:  # noqa: ANN401
    """The model type of a configuration's class, or its name where it has none."""
    return config_class.model_type or str(config_class.__name__)


def taken_apart(config_class: Any) -> Json:  # noqa: ANN401
    """What a configuration takes only to tell layers apart, with its defaults: it keeps what these become."""
    source = inspect.getsource(config_class) if "__post_init__" in vars(config_class) else ""
    if "per_layer_config" not in source:
        return {}
    found = re.findall(r"""kwargs\.pop\("(\w+)", (None|True|False|-?\d+)\)""", source)
    return {name: ast.literal_eval(text) for name, text in found}


class Builder:
    """One class, and the inner models that its builds showed."""

    def __init__(self, cls: Any, config_class: Any) -> None:  # noqa: ANN401
        self.cls, self.config_class = cls, config_class
        self.inner: dict[str, tuple[Any, Any]] = {}
        self.flattened: set[str] = set()

    def make(self, raw: Json) -> Json | None:
        """A sample of a raw configuration, None when no model can be built from it."""
        try:
            config = self.config_class.from_dict(copy.deepcopy(raw))
            model = built(self.cls, config)
            return self._written(raw, config, model)
        except ERRORS:
            return None

    def _written(self, raw: Json, config: Any, model: Any) -> Json:  # noqa: ANN401
        at = {id(c): p for p, c in sections(config) if p}
        inner: dict[str, tuple[str, str, str]] = {}
        names: dict[int, list[str]] = {}
        shapes: dict[int, tuple[int, ...]] = {}
        for name, parameter in model.named_parameters(remove_duplicate=False):
            names.setdefault(id(parameter), []).append(name)
            shapes[id(parameter)] = tuple(parameter.shape)
        for name, module in model.named_modules():
            own = getattr(module, "config", None)
            if not name or not isinstance(module, PreTrainedModel) or id(own) not in at:
                continue
            if any(name.startswith(f"{other}.") for other in inner) or type(module).__name__ in self.flattened:
                continue
            if self._stands_alone(module, own):
                inner[name] = type(module).__name__, ".".join(at[id(own)]), kind_of(type(own))
            else:
                self.flattened.add(type(module).__name__)
        for found in names.values():  # what two inner models share, neither is built with alone
            holders = {i for i in inner for n in found if n.startswith(f"{i}.")}
            if len(holders) > 1:
                self.flattened |= {inner[i][0] for i in holders}
        inner = {i: one for i, one in inner.items() if one[0] not in self.flattened}
        tables = [_table(model, get) for get in ("get_input_embeddings", "get_output_embeddings")]
        marked = {id(weight) for table in tables if (weight := getattr(table, "weight", None)) is not None}
        tensors = {
            found[0]: (shapes[number], "embedding" if number in marked else "")
            for number, found in names.items()
            if not any(n.startswith(f"{i}.") for i in inner for n in found)
        }
        return {"raw": raw, "config": plain(config.to_dict()), "tensors": tensors, "inner": inner,
                "total": sum(p.numel() for p in model.parameters())}  # fmt: skip

    def _stands_alone(self, module: Any, config: Any) -> bool:  # noqa: ANN401
        name = type(module).__name__
        if name in self.inner:
            return True
        try:
            built(type(module), type(config).from_dict({}))  # else its holder must say how it is built
            alone = built(type(module), copy.deepcopy(config))
        except ERRORS:
            return False
        if sum(p.numel() for p in alone.parameters()) != sum(p.numel() for p in module.parameters()):
            return False
        self.inner[name] = type(module), type(config)
        return True

    def again(self, samples: list[Json]) -> list[Json]:
        """Samples with no inner model that later builds showed not to stand alone."""
        held = [any(one[0] in self.flattened for one in sample["inner"].values()) for sample in samples]
        made = [self.make(sample["raw"]) if is_held else sample for sample, is_held in zip(samples, held, strict=True)]
        return [sample for sample in made if sample is not None]


def _table(model: Any, get: str) -> Any:  # noqa: ANN401
    with contextlib.suppress(*ERRORS):
        return getattr(model, get)()

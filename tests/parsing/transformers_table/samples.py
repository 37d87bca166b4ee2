"""Builds each class from many varied small configurations and writes down every tensor, for `mine.py` to explain.

`python -m tests.parsing.transformers_table.samples OUT [--scope served] [--only CLASS ...]`, in the environment that
`build.py` names. First one value at a time is changed, to learn what a class can be built with; then many at once.
An inner model that is built from a section of its own is noted by its class, and sampled as a class of its own.
"""

import argparse
import contextlib
import copy
import gzip
import importlib
import inspect
import json
import pickle
import random
import re
import sys
import time
import typing
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import torch
import transformers
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, model_type_to_module_name

from tests.parsing.transformers_table.build import _ERRORS, built, classes_of
from tests.parsing.transformers_table.skipped import SKIPPED

Json = dict[str, Any]
Path_ = tuple[str, ...]
SAMPLES: Final = 16
PROBING_SECONDS: Final = 2.2
MIXING_SECONDS: Final = 1.6
LAYERS: Final = re.compile(r"layers$|^depth$|^n_layer|_depth$|^num_blocks|^num_layers|^n_layers|^n_h_layers$")
EXPERTS: Final = re.compile(r"experts$|^num_local_experts|^moe_num_experts|n_routed_experts")
HEADS: Final = re.compile(r"heads|groups|n_head\b|^n_head$|n_kv|kv_n")
HEAD_CHOICES: Final = (4, 8, 12, 16, 24)
KEY_CHOICES: Final = (1, 2, 4)


def plain(values: Any) -> Any:  # noqa: ANN401
    """As JSON has it."""
    return json.loads(json.dumps(values, default=str))


def sections(config: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:  # noqa: ANN401
    """Every configuration object inside one, with its path; the root first."""
    yield path, config
    for name, value in list(vars(config).items()):
        if isinstance(value, PreTrainedConfig) and len(path) < 4:
            yield from sections(value, (*path, name))


class Sampler:
    """One class and what it can be built from."""

    def __init__(self, cls: Any, config_class: Any, kind: str) -> None:  # noqa: ANN401
        self.cls, self.config_class, self.kind = cls, config_class, kind
        self.random = random.Random(cls.__name__)  # noqa: S311
        self.inner: dict[str, tuple[Any, Any]] = {}
        self.flattened: set[str] = set()
        self.default = config_class()
        self.source = _source(cls) + "".join(_source(type(c)) for _, c in sections(self.default))
        self.base: Json = {}
        self.choices: dict[Path_, list[Any]] = {}
        self.relevant: set[Path_] = set()
        self.single: list[Json] = []
        self.stuck: Json = {}
        self.equal: dict[Path_, list[Path_]] = {}  # what can only be changed together

    def make(self, raw: Json) -> Json | None:
        """A sample of a raw configuration, None when no model can be built from it."""
        try:
            config = self.config_class.from_dict(copy.deepcopy(raw))
            model = built(self.cls, config)
            return self._written(raw, config, model)
        except _ERRORS:
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
            alone = built(type(module), copy.deepcopy(config))
        except _ERRORS:
            return False
        if sum(p.numel() for p in alone.parameters()) != sum(p.numel() for p in module.parameters()):
            return False
        self.inner[name] = type(module), type(config)
        return True

    def run(self) -> Json | None:
        """All samples of the class."""
        self.base = self._small()
        first = self.make(self.base)
        if first is None:
            self.base = {}
            first = self.make({})
        if first is None:
            return None
        self._probe(first)
        samples = [first]
        tries = 0
        until = time.process_time() + MIXING_SECONDS
        while len(samples) < SAMPLES and time.process_time() < until and tries < 4 * SAMPLES and self.choices:
            tries += 1
            share = self.random.choice((0.15, 0.4, 0.8, 1.0))
            raw = self._mixed(share)
            for _ in range(3):
                if (sample := self.make(raw)) is not None:
                    samples.append(sample)
                    break
                share *= 0.5
                raw = self._mixed(share)
        default = self.make({}) if self.base else None
        samples, self.single = (self._flattened(found) for found in (samples, self.single))
        return {
            "class": self.cls.__name__, "type": self.kind, "scope": "", "samples": samples, "single": self.single,
            "default": default,
            "stuck": self.stuck,
            "relevant": [".".join(p) for p in self.relevant],
            "varied": {".".join(p): ["*" if callable(one) else one for one in c] for p, c in self.choices.items()},
        }  # fmt: skip

    def _flattened(self, samples: list[Json]) -> list[Json]:
        """Samples with no inner model that later builds showed not to stand alone."""
        held = [any(one[0] in self.flattened for one in sample["inner"].values()) for sample in samples]
        made = [self.make(sample["raw"]) if is_held else sample for sample, is_held in zip(samples, held, strict=True)]
        return [sample for sample in made if sample is not None]

    def _small(self) -> Json:
        """Few layers and experts; lists for each layer are left to the class."""
        raw: Json = {}
        for path, config in sections(self.default):
            fields = type(config).__dataclass_fields__
            for name, value in vars(config).items():
                if name not in fields or fields[name].default is None:
                    continue  # the class computes it
                if type(value) is int and LAYERS.search(name) and value > 4:
                    _put(raw, (*path, name), 4)
                elif type(value) is int and EXPERTS.search(name) and value > 8 and "per_tok" not in name:
                    _put(raw, (*path, name), 8)
            if path and _at(raw, path):
                _put(raw, (*path, "model_type"), type(config).model_type)
                whole = plain(config.to_dict())  # a section given in part would lose the root's own defaults
                lengths = {v for k, v in whole.items() if LAYERS.search(k) and type(v) is int}
                kept = {k: v for k, v in whole.items() if not (isinstance(v, list) and len(v) in lengths)}
                kept = {k: v for k, v in kept.items() if v is not None and not isinstance(v, dict)}
                _put(raw, path, {**kept, **_at(raw, path)})
        return raw

    def _probe(self, first: Json) -> None:
        """Learn which values can be changed, and which of them change a tensor."""
        until = time.process_time() + PROBING_SECONDS
        signature = _signature(first)
        config = self.config_class.from_dict(copy.deepcopy(self.base))
        if "num_labels" in self.source and (sample := self.make(self._with(("num_labels",), 5))) is not None:
            self.choices["num_labels",] = [Around(5), Around(9)]
            self.single.append(sample)
        for path, section in sections(config):
            annotations = _annotations(type(section))
            for name, value in list(vars(section).items()):
                if SKIPPED.search(name) or name.startswith("_") or time.process_time() > until:
                    continue
                if (
                    not re.search(rf"\b{re.escape(name)}\b", self.source)
                    and name not in section.attribute_map.values()
                ):
                    continue
                if isinstance(value, PreTrainedConfig):
                    continue
                found: list[Any] = []
                for candidate in _candidates(name, plain(value), annotations.get(name), self.source):
                    if len(found) >= 3:
                        break
                    sample = self.make(self._with((*path, name), candidate(self.random) if callable(candidate)
                                                  else candidate))  # fmt: skip
                    if sample is not None:
                        found.append(candidate)
                        if _signature(sample) != signature:
                            self.relevant.add((*path, name))
                            self.single.append(sample)
                if not found and type(value) is int and value > 16:
                    found = self._together(path, section, name, value, signature)
                if found:
                    self.choices[*path, name] = found
                elif isinstance(value, (bool, int, str)):
                    self.stuck[".".join((*path, name))] = value

    def _together(self, path: Path_, section: Any, name: str, value: int, signature: str) -> list[Any]:  # noqa: ANN401
        """Other values of a number that only builds where others are the same."""
        same = [(*path, n) for n, v in vars(section).items() if v == value and type(v) is int and n != name]
        same += [(n,) for n, v in vars(self.default).items() if v == value and type(v) is int and path]
        if not same or len(same) > 4:
            return []
        self.equal[*path, name] = same
        for candidate in (_widths, Around(value)):
            sample = self.make(self._with((*path, name), candidate(self.random)))
            if sample is not None:
                if _signature(sample) != signature:
                    self.relevant.add((*path, name))
                    self.single.append(sample)
                return [candidate]
        del self.equal[*path, name]
        return []

    def _with(self, path: Path_, value: Any) -> Json:  # noqa: ANN401
        raw = copy.deepcopy(self.base)
        for one in (path, *self.equal.get(path, ())):
            self._complete(raw, one)
            _put(raw, one, value)
        return raw

    def _complete(self, raw: Json, path: Path_) -> None:
        """Give a section that is written in part the values it has by default."""
        for depth in range(1, len(path)):
            if _at(raw, path[:depth]):
                continue
            config: Any = self.default
            for name in path[:depth]:
                config = getattr(config, name)
            whole = {k: v for k, v in plain(config.to_dict()).items() if v is not None and not isinstance(v, dict)}
            _put(raw, path[:depth], {**whole, "model_type": type(config).model_type})

    def _mixed(self, share: float) -> Json:
        raw = copy.deepcopy(self.base)
        heads = self.random.choice(HEAD_CHOICES)
        for path, choices in self.choices.items():
            chance = share if path in self.relevant else share * 0.5
            if self.random.random() > chance:
                continue
            choice = choices[0] if self.random.random() < 0.7 else self.random.choice(choices)
            value = choice(self.random) if callable(choice) else choice
            if type(value) is int and value in HEAD_CHOICES and choice is _heads and self.random.random() < 0.5:
                value = heads
            for one in (path, *self.equal.get(path, ())):
                self._complete(raw, one)
                _put(raw, one, value)
        return raw


def _table(model: Any, get: str) -> Any:  # noqa: ANN401
    with contextlib.suppress(*_ERRORS):
        return getattr(model, get)()


def _heads(random_: random.Random) -> int:
    return random_.choice(HEAD_CHOICES)


def _key_heads(random_: random.Random) -> int:
    return random_.choice(KEY_CHOICES)


def _widths(random_: random.Random) -> int:
    return 96 * random_.randint(1, 12)


def _head_dims(random_: random.Random) -> int:
    return 16 * random_.randint(1, 8)


def _few(random_: random.Random) -> int:
    return random_.randint(1, 6)


def _layer_counts(random_: random.Random) -> int:
    return random_.randint(2, 6)


def _expert_counts(random_: random.Random) -> int:
    return random_.randint(3, 10)


class Around:
    """Any number near one."""

    def __init__(self, value: int, step: int = 1, least: int = 1) -> None:
        self.value, self.step, self.least = value, step, least

    def __call__(self, random_: random.Random) -> int:
        """One of them."""
        high = max(self.value // self.step, 4)
        return max(self.least, self.step * random_.randint(max(1, high // 2), high * 2))


class Powers:
    """A number doubled or halved."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __call__(self, random_: random.Random) -> int:
        """One of them."""
        choices = [v for v in (self.value * 2, self.value * 4, self.value // 2) if v]
        return random_.choice(choices or [1])


class Listed:
    """A list of numbers with single ones scaled or moved, or cut; a list of words shuffled."""

    def __init__(self, values: list[Any], how: str) -> None:
        self.values, self.how = values, how

    def __call__(self, random_: random.Random) -> list[Any]:
        """One of them."""
        if self.how == "scaled":
            return [v * random_.choice((1, 2, 3)) for v in self.values]
        if self.how == "moved":
            return [max(1, v + random_.choice((0, 1, 2))) for v in self.values]
        if self.how == "together":
            factor = random_.choice((2, 3))
            return [v * factor for v in self.values]
        if self.how == "shuffled":
            return [random_.choice(self.values) for _ in self.values]
        return self.values[: random_.randint(1, len(self.values))]


def _candidates(name: str, value: Any, annotation: Any, source: str) -> Iterator[Any]:  # noqa: ANN401
    """Other values for one, the most telling first."""
    kinds = _kinds(annotation)
    if isinstance(value, bool):
        yield not value
        return
    if isinstance(value, int):
        if LAYERS.search(name):
            yield from (_layer_counts, Around(value), Powers(value), 0)
        elif EXPERTS.search(name) and "per_tok" not in name:
            yield from (_expert_counts, Powers(value))
        elif HEADS.search(name):
            if re.search("key|kv", name) or value <= 2:
                yield _key_heads
            yield from (_heads, Powers(value), Around(value))
        elif re.search("head_dim|head_size|d_kv|^d_head", name) and value % 8 == 0:
            yield from (_head_dims, Powers(value))
        elif re.search("vocab|position|label|image_size|bucket|n_ctx", name):
            yield from (Around(value), Around(value, 32), Powers(value))
        elif value >= 16 and value % 8 == 0:
            yield from (_widths, Around(value, 8), Powers(value))
        elif value <= 8:
            yield from (_few, Powers(value))
        else:
            yield from (Around(value), Powers(value))
        if not re.search("head|dim|size|heads|width|channels", name):
            yield 0
    elif isinstance(value, float):
        yield from (value * 2, value / 2, value + 0.5, 0.0)
    elif isinstance(value, list) and value:
        if all(type(v) is int for v in value):
            yield from (Listed(value, how) for how in ("scaled", "moved", "together", "shuffled", "cut"))
        elif all(isinstance(v, (str, bool)) for v in value):
            if len(set(value)) > 1:
                yield Listed(value, "shuffled")
            for word in {v for v in value if isinstance(v, str)}:
                yield [word] * len(value)
            yield from ([word] * len(value) for word in _words(name, source))
            yield from (Listed([w, *value], "shuffled") for w in _words(name, source))
    elif isinstance(value, str):
        yield from (word for word in _words(name, source) if word != value)
    if value is None:
        if int in kinds:
            small = re.search("heads|groups|layers|num_|experts|^n_", name)
            yield from ((_few, _key_heads) if small else (_head_dims, _widths, _few))
        if bool in kinds:
            yield True
        if float in kinds:
            yield from (0.5, 2.0)
        if str in kinds:
            yield from _words(name, source)
    elif type(None) in kinds and not isinstance(value, dict):
        yield None


def _words(name: str, source: str) -> list[str]:
    """Texts that a class compares a value with."""
    found: list[str] = []
    singular = re.sub(r"s$", "", name)
    for line in re.findall(rf"[^\n]*\b(?:{re.escape(name)}|{re.escape(singular)})\b[^\n]*", source):
        for word in re.findall(r"""["']([A-Za-z0-9_\-]{2,40})["']""", line):
            if word not in found and word != name:
                found.append(word)
    return found[:8]


def _kinds(annotation: Any) -> set[Any]:  # noqa: ANN401
    if annotation is None:
        return {type(None)}
    parts = typing.get_args(annotation)
    if not parts or typing.get_origin(annotation) in (list, tuple, dict):
        return {annotation if isinstance(annotation, type) else list}
    return set().union(*(_kinds(part) for part in parts))


def _annotations(cls: Any) -> Json:  # noqa: ANN401
    try:
        return typing.get_type_hints(cls)
    except (NameError, TypeError):
        return {}


def _source(cls: Any) -> str:  # noqa: ANN401
    with contextlib.suppress(OSError, TypeError):
        return inspect.getsource(sys.modules[cls.__module__])
    return ""


def _signature(sample: Json) -> str:
    return repr((sorted(sample["tensors"].items()), sorted(sample["inner"].items())))


def _put(raw: Json, path: Path_, value: Any) -> None:  # noqa: ANN401
    for name in path[:-1]:
        raw = raw.setdefault(name, {})
    raw[path[-1]] = value


def _at(raw: Any, path: Path_) -> Any:  # noqa: ANN401
    for name in path:
        raw = raw.get(name) if isinstance(raw, dict) else None
    return raw


def kind_of(config_class: Any) -> str:  # noqa: ANN401
    """The model type of a configuration's class, or its name where it has none."""
    return config_class.model_type or str(config_class.__name__)


def config_of(cls: Any, default: Any) -> Json:  # noqa: ANN401
    """One configuration class."""
    fields: Json = {}
    for name, field in cls.__dataclass_fields__.items():
        if isinstance(field.default, (int, float, str, bool, list, tuple, type(None))) and not SKIPPED.search(name):
            fields[name] = plain(field.default)
    inside = {name: value for name, value in vars(default).items() if isinstance(value, PreTrainedConfig)}
    specs = getattr(cls, "sub_configs_defaults", {})
    return {
        "fields": fields, "aliases": dict(cls.attribute_map), "default": plain(default.to_dict()),
        "sections": {name: kind_of(type(value)) for name, value in inside.items()},
        "given": {name: plain(spec.init_kwargs) for name, spec in specs.items()},
    }  # fmt: skip


def names_of(mapping: str) -> dict[str, str]:
    """A mapping of `transformers.models.auto`, the first class of each type."""
    found = getattr(modeling_auto, mapping)
    return {kind: cls if isinstance(cls, str) else cls[0] for kind, cls in found.items()}


def jobs(scope: str, only: list[str] | None) -> Iterator[tuple[Any, Any, str]]:
    """Classes with their configuration's class and model type."""
    for kind, (of, names) in classes_of().items():
        if of != scope:
            continue
        names = [name for name in names if only is None or name in only]
        if not names:
            continue
        try:
            config_class = CONFIG_MAPPING[kind]
            module = importlib.import_module(f"transformers.models.{model_type_to_module_name(kind)}")
            for name in names:
                yield getattr(transformers, name, None) or getattr(module, name), config_class, kind
        except _ERRORS:
            continue


def _inner_jobs(wanted: dict[str, str]) -> Iterator[tuple[Any, Any, str]]:
    for named, kind in wanted.items():
        try:
            config_class = CONFIG_MAPPING[kind]
            module = sys.modules[config_class.__module__].__name__.replace(".configuration_", ".modeling_")
            yield getattr(importlib.import_module(module), named), config_class, kind
        except (*_ERRORS, KeyError):
            print(f"{named} of {kind}: not found", flush=True)


def main() -> None:
    """Sample all classes of a scope, inner ones after those that hold them."""
    asked = argparse.ArgumentParser()
    asked.add_argument("out", type=Path)
    asked.add_argument("--scope", default="served")
    asked.add_argument("--only", nargs="*")
    asked.add_argument("--known", nargs="*", type=Path, default=[], help="earlier outputs, whose classes are left out")
    given = asked.parse_args()
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    done: set[str] = set()
    inner: dict[str, str] = {}
    for path in given.known:
        with contextlib.suppress(EOFError), gzip.open(path) as file:
            while True:
                one = pickle.load(file)  # noqa: S301
                done.add(one["class"])
                for sample in one.get("samples", ()):
                    inner |= {named: kind for named, _, kind in sample["inner"].values()}
    only = given.only
    if only and only[0].startswith("@"):
        only = Path(only[0][1:]).read_text().split()
    waiting = list(jobs(given.scope, only))
    first = len(waiting)
    waiting += list(_inner_jobs({named: kind for named, kind in inner.items() if named not in done}))
    with gzip.open(given.out, "wb") as file:
        pickle.dump({"class": "", "bases": names_of("MODEL_MAPPING_NAMES"),
                     "generators": names_of("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES")}, file)  # fmt: skip
        for number, (cls, config_class, kind) in enumerate(waiting):  # grows while it is walked
            if cls.__name__ in done:
                continue
            done.add(cls.__name__)
            started = time.process_time()
            try:
                sampler = Sampler(cls, config_class, kind)
                found = sampler.run()
            except _ERRORS as error:
                print(f"{cls.__name__}: {type(error).__name__} {str(error)[:200]}", flush=True)
                continue
            waiting += [(inner, config, kind_of(config)) for inner, config in sampler.inner.values()]
            if found is None:
                print(f"{cls.__name__}: cannot be built", flush=True)
                continue
            with contextlib.suppress(*_ERRORS):
                found["scope"] = given.scope if number < first else "inner"
                found["own"] = config_of(config_class, config_class())
            pickle.dump(found, file)
            file.flush()
            print(f"{number}/{len(waiting)} {cls.__name__}: {len(found['samples'])} samples, "
                  f"{len(found['relevant'])} of {len(found['varied'])} matter, "
                  f"{time.process_time() - started:.1f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

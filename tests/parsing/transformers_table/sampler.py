"""Learns what a class can be built with, one value at a time, and builds it with many changed at once."""

import contextlib
import copy
import inspect
import random
import re
import sys
import time
from typing import Any, Final

from transformers import PreTrainedConfig

from tests.parsing.transformers_table.builder import Builder, Json, Path_, plain, sections, taken_apart
from tests.parsing.transformers_table.candidates import (
    EXPERTS,
    HEAD_CHOICES,
    LAYERS,
    Around,
    annotations,
    candidates,
    heads,
    widths,
)
from tests.parsing.transformers_table.skipped import SKIPPED

SAMPLES: Final = 16
PROBING_SECONDS: Final = 2.2
MIXING_SECONDS: Final = 1.6


class Sampler:
    """One class and what it can be built from."""

    def __init__(self, cls: Any, config_class: Any, kind: str, patience: int = 1) -> None:  # noqa: ANN401
        self.cls, self.config_class, self.kind, self.patience = cls, config_class, kind, patience
        self.random = random.Random(cls.__name__)  # noqa: S311
        self.builder = Builder(cls, config_class)
        self.default = config_class()
        self.source = _source(cls) + "".join(_source(type(c)) for _, c in sections(self.default))
        self.base: Json = {}
        self.choices: dict[Path_, list[Any]] = {}
        self.relevant: set[Path_] = set()
        self.single: list[Json] = []
        self.stuck: Json = {}
        self.equal: dict[Path_, list[Path_]] = {}  # what can only be changed together

    def run(self) -> Json | None:
        """All samples of the class."""
        self.base = self._small()
        first = self.builder.make(self.base)
        if first is None:
            self.base = {}
            first = self.builder.make({})
        if first is None:
            return None
        self._probe(first)
        samples = [first]
        tries = 0
        until = time.process_time() + MIXING_SECONDS * self.patience
        most = SAMPLES * self.patience
        while len(samples) < most and time.process_time() < until and tries < 4 * most and self.choices:
            tries += 1
            share = self.random.choice((0.15, 0.4, 0.8, 1.0))
            raw = self._mixed(share)
            for _ in range(3):
                if (sample := self.builder.make(raw)) is not None:
                    samples.append(sample)
                    break
                share *= 0.5
                raw = self._mixed(share)
        default = self.builder.make({}) if self.base else None
        samples, self.single = (self.builder.again(found) for found in (samples, self.single))
        return {
            "class": self.cls.__name__, "type": self.kind, "scope": "", "samples": samples, "single": self.single,
            "default": default,
            "stuck": self.stuck,
            "relevant": [".".join(p) for p in self.relevant],
            "varied": {".".join(p): ["*" if callable(one) else one for one in c] for p, c in self.choices.items()},
        }  # fmt: skip

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
        until = time.process_time() + PROBING_SECONDS * self.patience
        signature = _signature(first)
        config = self.config_class.from_dict(copy.deepcopy(self.base))
        if "num_labels" in self.source and (sample := self.builder.make(self._with(("num_labels",), 5))) is not None:
            self.choices["num_labels",] = [Around(5), Around(9)]
            self.single.append(sample)
        for path, section in sections(config):
            popped = {name: value for name, value in taken_apart(type(section)).items() if not hasattr(section, name)}
            types = dict.fromkeys(popped, int | None) | annotations(type(section))
            for name, value in [*popped.items(), *vars(section).items()]:
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
                for candidate in candidates(name, plain(value), types.get(name), self.source):
                    if len(found) >= 3:
                        break
                    sample = self.builder.make(self._with((*path, name), candidate(self.random) if callable(candidate)
                                                  else candidate))  # fmt: skip
                    if sample is not None:
                        found.append(candidate)
                        if _signature(sample) != signature:
                            self.relevant.add((*path, name))
                            self.single.append(sample)
                if not found and type(value) is int and value > 16:
                    found = self._together(path, section, name, value, signature)
                if not found and type(value) is bool:
                    found = self._flagged(path, section, name, value, signature)
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
        for candidate in (widths, Around(value)):
            sample = self.builder.make(self._with((*path, name), candidate(self.random)))
            if sample is not None:
                if _signature(sample) != signature:
                    self.relevant.add((*path, name))
                    self.single.append(sample)
                return [candidate]
        del self.equal[*path, name]
        return []

    def _flagged(self, path: Path_, section: Any, name: str, value: bool, signature: str) -> list[Any]:  # noqa: ANN401
        """The opposite of a flag that only builds where another flag is changed with it."""
        others = [n for n, v in vars(section).items() if v is value and n != name and not SKIPPED.search(n)]
        for other in others[:8]:
            self.equal[*path, name] = [(*path, other)]
            sample = self.builder.make(self._with((*path, name), not value))
            if sample is not None:
                if _signature(sample) != signature:
                    self.relevant.add((*path, name))
                    self.single.append(sample)
                return [not value]
        self.equal.pop((*path, name), None)
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
        same = self.random.choice(HEAD_CHOICES)
        for path, choices in self.choices.items():
            chance = share if path in self.relevant else share * 0.5
            if self.random.random() > chance:
                continue
            choice = choices[0] if self.random.random() < 0.7 else self.random.choice(choices)
            value = choice(self.random) if callable(choice) else choice
            if type(value) is int and value in HEAD_CHOICES and choice is heads and self.random.random() < 0.5:
                value = same
            for one in (path, *self.equal.get(path, ())):
                self._complete(raw, one)
                _put(raw, one, value)
        return raw


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

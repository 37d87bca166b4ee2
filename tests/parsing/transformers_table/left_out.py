"""What configurations need not say, by model type: constants, and values that their class computes."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from steps.parse.blueprint import SIZES
from tests.parsing.transformers_table.explained import either
from tests.parsing.transformers_table.expressions import names_in
from tests.parsing.transformers_table.items import BY_LAYER, Item, Json, flat
from tests.parsing.transformers_table.search import Frame


class Configs:
    """What configurations leave out, by model type."""

    def __init__(self, classes: list[Json]) -> None:
        self.own: dict[str, Json] = {}
        self.alone: dict[str, list[tuple[Json, Json]]] = defaultdict(list)
        self.inside: dict[str, list[tuple[Json, Json]]] = defaultdict(list)
        self.lines: dict[tuple[str, frozenset[str]], Json] = {}
        for found in classes:
            if "own" not in found:
                continue
            builds = (*found["samples"], *found["single"], *([found["default"]] if found["default"] else []))
            named = {sample["config"].get("model_type") or found["type"] for sample in builds}
            for kind in {found["type"], *named}:  # a configuration class that serves two types says only one of them
                self.own.setdefault(kind, found["own"])
                for sample in builds:
                    self._note(kind, sample["raw"], sample["config"], 0)

    def _note(self, kind: str, raw: Json, config: Json, depth: int) -> None:
        own = {name: value for name, value in flat(config).items() if name.startswith(BY_LAYER)}
        (self.inside if depth else self.alone)[kind].append((raw, config | own))
        for name, value in config.items():
            if isinstance(value, dict) and value.get("model_type") and isinstance(raw.get(name), dict) and depth < 4:
                self._note(value["model_type"], raw[name], value, depth + 1)

    def _seen(self, kind: str) -> list[tuple[Json, Json]]:
        """What configurations of a type became: those of models of their own, as others may change what they hold."""
        return self.alone[kind] or self.inside[kind]

    def kind_of(self, kind: str, sections: list[str]) -> str:
        """The model type of a section."""
        for name in sections:
            kind = self.own.get(kind, {}).get("sections", {}).get(name, "")
        return kind

    def line(self, kind: str, used: set[str]) -> Json:
        """Defaults, derivations, older names and sections of one model type, as far as they are used."""
        key = kind, frozenset(used)
        if key not in self.lines:
            self.lines[key] = self._line(kind, used)
        return self.lines[key]

    def _line(self, kind: str, used: set[str]) -> Json:
        own = self.own.get(kind, {"fields": {}, "aliases": {}, "sections": {}, "given": {}, "default": {}})
        defaults: Json = {}
        derived: Json = {}
        forced: Json = {}
        waiting = sorted(used - {"num_labels"})
        done: set[str] = set()
        while waiting:
            name = waiting.pop(0)
            if name in done:
                continue
            done.add(name)
            old = [a for a, n in own["aliases"].items() if n == name]
            seen = [(raw, _with_layers(config, name)) for raw, config in self._seen(kind)]
            seen = [(raw, config) for raw, config in seen if name in config]
            if any(raw.get(name) is not None and raw[name] != config[name] for raw, config in seen):
                how = self._derive(kind, name, seen)  # the class overrules what is given
                if how is not None:
                    forced[name] = how
                    if own["fields"].get(name) is not None:
                        defaults[name] = own["fields"][name]
                    waiting += sorted({n.removeprefix("given.") for t in _texts(how) for n in names_in(t)} - done)
                    continue
            omitted = [(raw, config) for raw, config in seen if all(raw.get(n) is None for n in (name, *old))]
            without = [(raw, config) for raw, config in omitted if not any(n in raw for n in (name, *old))] or omitted
            if not without:
                if own["fields"].get(name) is not None:
                    defaults[name] = own["fields"][name]
                continue
            values = {json.dumps(config[name], default=str) for _, config in without}
            if len(values) == 1 and (len(without) > 1 or without[0][1][name] == own["default"].get(name)):
                defaults[name] = without[0][1][name]
                continue
            how = self._derive(kind, name, without)
            if how is None:
                print(f"NOT DERIVED {kind} {name}: {sorted(values)[:3]}"[:200])
                if name.startswith(BY_LAYER):
                    derived[name] = "None"  # not what all layers have
            else:
                derived[name] = how
                waiting += sorted({n.removeprefix("given.") for t in _texts(how) for n in names_in(t)} - done)
        line: Json = {"config": kind}
        names = {n for _, config in (*self.alone[kind], *self.inside[kind]) for n in config} | {
            *own["fields"],
            *own["aliases"],
        }
        line["names"] = sorted(name for name in names if SIZES.search(name))
        for key, value in (("defaults", defaults), ("derived", derived), ("forced", forced),
                           ("aliases", {a: n for a, n in own["aliases"].items() if n in done}),
                           ("sections", {n: [k, own["given"].get(n) or {}] for n, k in own["sections"].items()}),
                           ):  # fmt: skip
            if value:
                line[key] = value
        return line

    def _derive(self, kind: str, name: str, seen: list[tuple[Json, Json]]) -> Any:  # noqa: ANN401
        """An expression for a value, over the others and over what was given of those that the class overrules."""
        fields, popped = self.own.get(kind, {}).get("fields", {}), self.own.get(kind, {}).get("popped", ())
        seen = seen[:24]
        envs = []
        for raw, config in seen:
            env = {k: v for k, v in flat(config).items() if k != name and "." not in k}
            given = {f"given.{k}": raw.get(k, fields.get(k)) for k in (*env, *popped) if k in fields}
            envs.append(env | {k: v for k, v in given.items() if v is not None})
        values = [config[name] for _, config in seen]
        for other in list(envs[0]):
            same = all(e.get(other) == v for e, v in zip(envs, values, strict=True))
            if other.startswith("given."):
                plain = other.removeprefix("given.")
                if all(e.get(other) == e.get(plain) for e in envs) or plain == name:
                    _drop(envs, other)
            elif same and other not in fields:
                _drop(envs, other)  # computed likewise, it says nothing
        if all(type(v) is int for v in values):
            frame = Frame(envs, [(s,) for s in range(len(envs))], set())
            return frame.number(np.array(values, dtype=np.int64), np.ones(len(envs), dtype=bool), 4)
        if all(isinstance(v, list) for v in values):
            whole = Frame(envs, [(s,) for s in range(len(envs))], set())
            length = whole.number(
                np.array([len(v) for v in values], dtype=np.int64), np.ones(len(envs), dtype=bool), 2
            )
            items: list[Item] = [(s, i) for s, v in enumerate(values) for i in range(len(v))]
            if length is None or not items:
                return None
            frame = Frame(envs, items, set(), whole)
            every = [values[s][i] for s, i in items]
            if all(type(v) is int for v in every):
                numbers, all_ = np.array(every, dtype=np.int64), np.ones(len(items), dtype=bool)
                text = frame.number(numbers, all_, 3)
                if text is None and name.startswith(BY_LAYER):
                    text = either(frame, numbers, all_)
                if text is not None:
                    return [length, text]
            pairs = []
            for value in sorted({json.dumps(v) for v in every}):
                when = frame.conditions.explain(np.array([json.dumps(v) == value for v in every]))
                if when is None:
                    return None
                pairs.append([json.loads(value), when])
            return [length, pairs]
        return None


def _with_layers(config: Json, name: str) -> Json:
    """A configuration with the list of what its layers have of a name of which others' layers have their own."""
    plain, layers = name.removeprefix(BY_LAYER), config.get("num_hidden_layers")
    if not name.startswith(BY_LAYER) or name in config or type(layers) is not int:
        return config
    return {**config, name: [config.get(plain)] * layers}


def _drop(envs: list[Json], name: str) -> None:
    for env in envs:
        env.pop(name, None)


def _texts(how: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(how, str):
        yield how
    elif isinstance(how, list):
        yield how[0]
        if isinstance(how[1], str):
            yield how[1]
        else:
            yield from (when for _, when in how[1])

"""Writes blueprints: what each class's tensors are, as arithmetic over its configuration.

`python -m tests.parsing.transformers_table.mine SAMPLES... --out steps/parse/blueprints.jsonl` reads what `samples.py`
left. Tensors are grouped by their names with the numbers of layers starred; each size, each number of layers and
each condition is searched by `search.py` and must hold in every build. A class with a tensor that nothing explains
gets no line, and neither does one that the rules of `steps.parse.formula` count at least as well.
"""

import argparse
import contextlib
import gzip
import json
import pickle
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from steps.parse.blueprint import Library, count_by_blueprint
from steps.parse.config import Config
from steps.parse.formula import count_by_rules
from tests.parsing.transformers_table.search import Frame, Item, Json, Numbers, denied
from tests.parsing.transformers_table.skipped import SKIPPED

_EXPERTS: Final = re.compile(r"(^|\.)(\w*_)?experts(\.|$)")
_ACTIVATIONS: Final = re.compile(r"act$|activation|_act_|^act_|norm_type|implementation")
Path_ = tuple[str, ...]


class UnexplainedError(Exception):
    """A tensor, a number of layers or an inner model that no expression gives; `odd` are the few builds to blame."""

    odd: frozenset[int] = frozenset()

    def blamed_on(self, mask: Numbers, frame: Frame) -> "UnexplainedError":
        """With the builds for which the mask is set, or is not, where these are very few."""
        sides = [{frame.items[n][0] for n in np.flatnonzero(side)} for side in (mask, ~mask)]
        few = min(sides, key=len)
        if len(few) <= 2 and not few & max(sides, key=len):
            self.odd = frozenset(few)
        return self


def flat(config: Json, prefix: str = "") -> Json:
    """Every value of a configuration by its dotted name."""
    found: Json = {}
    for name, value in config.items():
        if name == "id2label":
            found[f"{prefix}num_labels"] = len(value) if isinstance(value, dict) else 2
        elif SKIPPED.search(name) or not name.isidentifier():
            continue
        elif isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.") if "rope" not in name else {}
        else:
            found[prefix + name] = value
    return found


class Class:
    """All builds of one class."""

    def __init__(self, found: Json) -> None:
        self.name: str = found["class"]
        self.samples = _distinct([*found["samples"][:-HELD_OUT], *found["single"]])
        self.envs = [flat(s["config"]) for s in self.samples]
        self.relevant = set(found["relevant"])
        self.literal: set[Path_] = set()
        self.without = 0
        self.first = ""  # what did not hold before a loop was written out
        self.frames: dict[Any, Frame] = {}
        self.lengths: dict[Path_, dict[Item, int]] = {}

    def frame(self, items: list[Item]) -> Frame:
        """The frame of some items."""
        key = tuple(items)
        if key not in self.frames:
            whole = None if len(items[0]) == 1 else self.frame([(s,) for s in range(len(self.samples))])
            self.frames[key] = Frame(self.envs, items, self.relevant, whole)
        return self.frames[key]

    def explain(self) -> Json:
        """The class's groups of tensors and inner models; loops that do not explain are written out instead."""
        for _ in range(9):
            try:
                return self._explained()
            except _UnexplainedLoopError as error:
                lengths = self.lengths.get((*error.path, "*"), {})
                if error.path in self.literal or max(lengths.values(), default=0) > 12 or len(self.literal) > 3:
                    raise UnexplainedError(self.first or str(error)) from error
                self.first = self.first or str(error)
                self.literal.add(error.path)
            except UnexplainedError as error:
                if not error.odd or len(self.samples) < 16 or self.without > 1:
                    raise UnexplainedError(self.first or str(error)) from error
                self.samples = [one for n, one in enumerate(self.samples) if n not in error.odd]
                self.envs = [flat(s["config"]) for s in self.samples]
                self.frames, self.without = {}, self.without + 1
        raise UnexplainedError(self.first)

    def _explained(self) -> Json:
        self.lengths = {}
        tensors = self._starred()
        whole = self.frame([(s,) for s in range(len(self.samples))])
        groups: dict[tuple[str, tuple[str, ...], str], list[str]] = defaultdict(list)
        loops = {path: self._loop(path) for path in sorted(self.lengths, key=len)}
        for path, found in tensors.items():
            around = [path[: n + 1] for n, part in enumerate(path) if part == "*"]
            items = self._items(around[-1]) if around else whole.items
            frame = self.frame(items)
            shapes = [found.get(item) for item in items]
            mark = self._mark(path)
            try:
                for dims, when in self._parts(frame, shapes, path):
                    groups[when, tuple(loops[p] for p in around), mark].append("*".join(dims) or "1")
            except UnexplainedError as error:
                if around and not error.odd:
                    raise _UnexplainedLoopError(around[-1], str(error)) from error
                raise
        result: Json = {"class": self.name, "tensors": [
            [_summed(sizes), when, list(around), mark] for (when, around, mark), sizes in groups.items()
        ]}  # fmt: skip
        if inner := self._inner(whole):
            result["inner"] = inner
        return result

    def _mark(self, path: Path_) -> str:
        name = ".".join(path)
        if any(s["tensors"].get(name, ((), ""))[1] == "embedding" for s in self.samples):
            return "embedding"
        return "routed" if _EXPERTS.search(name) and "shared" not in name else ""

    def _starred(self) -> dict[Path_, dict[Item, tuple[int, ...]]]:
        """Shapes by path and item, the numbers of layers starred where they differ between builds or are many."""
        found: dict[Path_, dict[Item, tuple[int, ...]]] = defaultdict(dict)
        work = [((s,), (), _parts_of(name), shape) for s, sample in enumerate(self.samples)
                for name, (shape, _) in sample["tensors"].items()]  # fmt: skip
        while work:
            level: dict[Path_, list[Any]] = defaultdict(list)
            for item, done, rest, shape in work:
                place = next((n for n, part in enumerate(rest) if part.isdecimal()), None)
                if place is None:
                    found[done + rest][item] = shape
                else:
                    level[done + rest[:place]].append((item, int(rest[place]), rest[place + 1 :], shape))
            work = []
            for prefix, entries in level.items():
                numbers: dict[Item, set[int]] = defaultdict(set)
                for item, number, _, _ in entries:
                    numbers[item].add(number)
                kinds = {frozenset(n) for n in numbers.values()}
                is_loop = (len(kinds) > 1 or len(next(iter(kinds))) > 8) and prefix not in self.literal
                is_loop = is_loop and len(entries[0][0]) < 4
                if is_loop:
                    self.lengths[*prefix, "*"] = {item: max(n) + 1 for item, n in numbers.items()}
                for item, number, rest, shape in entries:
                    one = "*" if is_loop else str(number)
                    work.append(((*item, number) if is_loop else item, (*prefix, one), rest, shape))
        return found

    def _items(self, path: Path_) -> list[Item]:
        return [(*item, n) for item, length in sorted(self.lengths[path].items()) for n in range(length)]

    def _loop(self, path: Path_) -> str:
        lengths = self.lengths[path]
        outer = [path[: n + 1] for n, part in enumerate(path[:-1]) if part == "*"]
        items = self._items(outer[-1]) if outer else [(s,) for s in range(len(self.samples))]
        frame = self.frame(items)
        wanted = np.array([lengths.get(item, 0) for item in items], dtype=np.int64)
        mask = wanted > 0
        text = frame.number(wanted, mask)
        if text is None:
            raise _UnexplainedLoopError(path[:-1], f"{self.name} length of {'.'.join(path)}: {lengths}"[:300])
        return text

    def _parts(
        self, frame: Frame, shapes: list[tuple[int, ...] | None], path: Path_
    ) -> Iterator[tuple[list[str], str]]:
        """Sizes and the condition of each kind that the tensors of a path have."""
        there = np.array([shape is not None for shape in shapes])
        for dims, mask, texts in self._kinds(frame, shapes, there, path, 0):
            when = frame.explain(mask)
            if when is None and texts and (base := frame.explain(there)) is not None:
                when = " and ".join(f"({text})" for text in (base, *texts) if text)
            if when is None:
                raise UnexplainedError(f"{self.name} when {'.'.join(path)}: {int(mask.sum())} of {len(mask)} "
                                  f"{[frame.items[n] for n in np.flatnonzero(mask)[:8]]}"
                                  ).blamed_on(mask, frame)  # fmt: skip
            yield dims, when

    def _kinds(
        self, frame: Frame, shapes: list[Any], mask: Numbers, path: Path_, depth: int
    ) -> list[tuple[list[str], Numbers, list[str]]]:
        if (dims := self._dims(frame, shapes, mask, 5)) is not None:
            return [(dims, mask, [])]
        rows, texts = frame.conditions()
        halves: dict[bytes, tuple[Numbers, str]] = {}
        for row, text in zip(rows, texts, strict=True):
            yes = row & mask
            if yes.any() and not (yes == mask).all() and len(halves) < 600:
                halves.setdefault(yes.tobytes(), (yes, text))
        for most, tried in ((2, 600), (3, 150)):
            for yes, text in list(halves.values())[:tried]:
                if (first := self._dims(frame, shapes, yes, most)) is None:
                    continue
                no, other = mask & ~yes, denied(text)
                if (second := self._dims(frame, shapes, no, 3)) is not None:
                    return [(first, yes, [text]), (second, no, [other])]
                if depth < 2 and int(yes.sum()) * 5 > int(mask.sum()) and most == 2:
                    with contextlib.suppress(UnexplainedError):
                        rest = self._kinds(frame, shapes, no, path, depth + 1)
                        return [(first, yes, [text]), *((d, m, [other, *t]) for d, m, t in rest)]
        raise UnexplainedError(f"{self.name} {'.'.join(path)}: " + "; ".join(
            f"{frame.items[n]} {shapes[n]}" for n in np.flatnonzero(mask)[:6]))  # fmt: skip

    def _dims(self, frame: Frame, shapes: list[Any], mask: Numbers, most: int) -> list[str] | None:
        chosen = np.flatnonzero(mask)
        rank = len(shapes[chosen[0]])
        if any(len(shapes[n]) != rank for n in chosen):
            return None
        dims = []
        for d in range(rank):
            wanted = np.array([shape[d] if shape is not None and len(shape) > d else 0 for shape in shapes],
                              dtype=np.int64)  # fmt: skip
            text = self._simple(frame, wanted, mask, most)
            if text is None:
                return None
            if text != "1":
                dims.append(f"({text})" if re.search(r"[+\-/]", re.sub(r"\[[^]]*\]", "", text)) else text)
        return dims

    def _simple(self, frame: Frame, wanted: Numbers, mask: Numbers, most: int) -> str | None:
        """An expression without the layer's number where all layers of a build agree."""
        if frame.depth:
            by_sample: dict[int, set[int]] = defaultdict(set)
            for n in np.flatnonzero(mask):
                by_sample[frame.items[n][0]].add(int(wanted[n]))
            if all(len(v) == 1 for v in by_sample.values()):
                whole = self.frame([(s,) for s in range(len(self.samples))])
                target = np.array(
                    [next(iter(by_sample.get(s, {0}))) for s in range(len(self.samples))], dtype=np.int64
                )
                return whole.number(target, np.array([s in by_sample for s in range(len(self.samples))]), most)
        return frame.number(wanted, mask, most)

    def _inner(self, whole: Frame) -> list[list[str]]:
        paths: dict[tuple[str, str, str], set[int]] = defaultdict(set)
        for s, sample in enumerate(self.samples):
            for path, (named, section, _) in sample["inner"].items():
                paths[path, named, section].add(s)
        result = []
        for (path, named, section), where in paths.items():
            mask = np.array([s in where for s in range(len(self.samples))])
            when = whole.explain(mask)
            if when is None:
                raise UnexplainedError(f"{self.name} when inner {path}: {int(mask.sum())} of {len(mask)}"
                                  ).blamed_on(mask, whole)  # fmt: skip
            result.append([section, named, when])
        return result


class _UnexplainedLoopError(UnexplainedError):
    def __init__(self, path: Path_, text: str) -> None:
        super().__init__(text)
        self.path = path[:-1] if path and path[-1] == "*" else path


def _parts_of(name: str) -> Path_:
    """A tensor's name at its dots, numbers at the end of a part on their own."""
    return tuple(part for part in re.split(r"\.|(?<=[a-z_])(?=\d+(?:\.|$))", name) if part)


def _distinct(samples: list[Json]) -> list[Json]:
    seen: dict[str, Json] = {}
    for sample in samples:
        seen.setdefault(json.dumps(flat(sample["config"]), sort_keys=True, default=str), sample)
    return list(seen.values())


def _summed(sizes: list[str]) -> str:
    counted: dict[str, int] = defaultdict(int)
    for size in sizes:
        counted[size] += 1
    return "+".join(f"{n}*{size}" if n > 1 else size for size, n in counted.items())


def names_in(text: str) -> set[str]:
    """The dotted names of an expression."""
    bare = re.sub(r"'[^']*'", "", text)
    found = set(re.findall(r"[A-Za-z_][\w.]*", bare))
    return found - {"i", "j", "k", "sum", "len", "int", "and", "or", "not", "is", "None", "in", "if", "else"}


class Configs:
    """What configurations leave out, by model type."""

    def __init__(self, classes: list[Json]) -> None:
        self.own: dict[str, Json] = {}
        self.seen: dict[str, list[tuple[Json, Json]]] = defaultdict(list)
        for found in classes:
            if "own" not in found:
                continue
            self.own.setdefault(found["type"], found["own"])
            for sample in (*found["samples"], *found["single"], *([found["default"]] if found["default"] else [])):
                self._note(found["type"], sample["raw"], sample["config"], 0)

    def _note(self, kind: str, raw: Json, config: Json, depth: int) -> None:
        self.seen[kind].append((raw, config))
        for name, value in config.items():
            if isinstance(value, dict) and value.get("model_type") and isinstance(raw.get(name), dict) and depth < 4:
                self._note(value["model_type"], raw[name], value, depth + 1)

    def kind_of(self, kind: str, sections: list[str]) -> str:
        """The model type of a section."""
        for name in sections:
            kind = self.own.get(kind, {}).get("sections", {}).get(name, "")
        return kind

    def line(self, kind: str, used: set[str]) -> Json:
        """Defaults, derivations, older names and sections of one model type, as far as they are used."""
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
            seen = [(raw, config) for raw, config in self.seen[kind] if name in config]
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
            else:
                derived[name] = how
                waiting += sorted({n.removeprefix("given.") for t in _texts(how) for n in names_in(t)} - done)
        line: Json = {"config": kind}
        for key, value in (("defaults", defaults), ("derived", derived), ("forced", forced),
                           ("aliases", {a: n for a, n in own["aliases"].items() if n in done}),
                           ("sections", {n: [k, own["given"].get(n) or {}] for n, k in own["sections"].items()}),
                           ):  # fmt: skip
            if value:
                line[key] = value
        return line

    def _derive(self, kind: str, name: str, seen: list[tuple[Json, Json]]) -> Any:  # noqa: ANN401
        """An expression for a value, over the others and over what was given of those that the class overrules."""
        fields, seen = self.own.get(kind, {}).get("fields", {}), seen[:60]
        envs = []
        for raw, config in seen:
            env = {k: v for k, v in flat(config).items() if k != name and "." not in k}
            given = {f"given.{k}": raw.get(k, fields.get(k)) for k in env if k in fields}
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
            return frame.number(np.array(values, dtype=np.int64), np.ones(len(envs), dtype=bool), 3)
        if all(isinstance(v, list) for v in values):
            frame = Frame(envs, [(s,) for s in range(len(envs))], set())
            length = frame.number(
                np.array([len(v) for v in values], dtype=np.int64), np.ones(len(envs), dtype=bool), 2
            )
            items = [(s, i) for s, v in enumerate(values) for i in range(len(v))]
            if length is None or not items:
                return None
            frame = Frame(envs, items, set())
            every = [values[s][i] for s, i in items]
            if all(type(v) is int for v in every):
                text = frame.number(np.array(every, dtype=np.int64), np.ones(len(items), dtype=bool), 3)
                if text is not None:
                    return [length, text]
            pairs = []
            for value in sorted({json.dumps(v) for v in every}):
                when = frame.explain(np.array([json.dumps(v) == value for v in every]))
                if when is None:
                    return None
                pairs.append([json.loads(value), when])
            return [length, pairs]
        return None


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


HELD_OUT: Final = 3
LEAST_BUILDS: Final = 8


def read(paths: list[Path]) -> list[Json]:
    """What `samples.py` left, each class once, the later the better."""
    found: dict[str, Json] = {}
    for path in paths:
        with contextlib.suppress(EOFError), gzip.open(path) as file:
            while True:
                one = pickle.load(file)  # noqa: S301
                found[one["class"]] = one
    return list(found.values())


def total_of(sample: Json, classes: dict[str, Json]) -> int | None:
    """All parameters of a sample, inner models included."""
    if "total" in sample:
        return int(sample["total"])
    return None if sample["inner"] else sum(int(np.prod(shape)) for shape, _ in sample["tensors"].values())


def by_rules(values: Json) -> int:
    """What the rules count."""
    count = count_by_rules(Config(values))
    return count.total - count.drafts


def blueprint_of(found: Json) -> Json:
    """A class's line.

    Raises:
        UnexplainedError: names a tensor that nothing explains.
    """
    one = Class(found)
    if len(one.samples) < LEAST_BUILDS:
        raise UnexplainedError(f"{one.name}: {len(one.samples)} builds tell too little")
    line = one.explain()
    line["types"] = sorted({s["config"].get("model_type") or found["type"] for s in one.samples} | {found["type"]})
    line["seen"] = _seen(line, one.envs) | {
        name: [value] for name, value in found.get("stuck", {}).items() if not _ACTIVATIONS.search(name)
    }
    return line


def used_in(line: Json) -> set[str]:
    """Dotted names that a class's line uses."""
    names = set(line.get("seen", {}))
    for size, when, loops, _ in line["tensors"]:
        names |= names_in(size) | names_in(when) | set().union(*(names_in(x) for x in loops), set())
    for _, _, when in line.get("inner", ()):
        names |= names_in(when)
    return names


def _seen(line: Json, envs: list[Json]) -> Json:
    """The options that builds had, of names whose values are words."""
    names = used_in(line)
    result: Json = {}
    for name in sorted(names):
        values = [e.get(name) for e in envs]
        if any(isinstance(v, str) for v in values):
            result[name] = sorted({v for v in values if isinstance(v, (str, type(None)))}, key=str)
    return result


def main() -> None:
    """Write the file."""
    asked = argparse.ArgumentParser()
    asked.add_argument("samples", nargs="+", type=Path)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--only", nargs="*")
    asked.add_argument("--cache", type=Path, help="lines found earlier, taken when a class's samples are the same")
    given = asked.parse_args()
    classes = read(given.samples)
    auto = next((found for found in classes if not found["class"]), {})
    classes = [found for found in classes if found["class"]]
    cache: Json = json.loads(given.cache.read_text()) if given.cache and given.cache.exists() else {}
    lines: dict[str, Json] = {}
    for found in classes:
        name = found["class"]
        if given.only and name not in given.only:
            continue
        key = f"{name} {len(found['samples'])} {len(found['single'])}"
        if key in cache:
            if cache[key]:
                lines[name] = cache[key]
            continue
        started = time.process_time()
        try:
            lines[name] = cache[key] = blueprint_of(found)
            size = len(json.dumps(lines[name]))
            if given.cache:
                given.cache.write_text(json.dumps(cache))
            print(f"{name}: {size} bytes, {time.process_time() - started:.1f} s", flush=True)
        except UnexplainedError as error:
            cache[key] = None
            print(f"NOT {error} {time.process_time() - started:.1f} s"[:400], flush=True)
    if given.cache:
        given.cache.write_text(json.dumps(cache))
    write(lines, classes, given.out, auto)


def write(lines: dict[str, Json], classes: list[Json], out: Path, auto: Json) -> None:
    """Check every line on every build, and write those that hold, with the configurations they need."""
    configs = Configs(classes)
    used: dict[str, set[str]] = defaultdict(set)
    by_name = {found["class"]: found for found in classes}
    for name, line in lines.items():
        for dotted in used_in(line):
            *sections, last = dotted.split(".")
            used[configs.kind_of(by_name[name]["type"], sections)].add(last)
        used[by_name[name]["type"]] |= set()
    heads = [json.dumps({"auto": 1, "bases": auto.get("bases", {}), "generators": auto.get("generators", {})},
                        separators=(",", ":"))]  # fmt: skip
    heads += [json.dumps(configs.line(kind, names), separators=(",", ":")) for kind, names in sorted(used.items())]
    rules = {name: check_rules(by_name[name]) for name in lines}
    for _ in range(4):
        texts = heads + [json.dumps(line, separators=(",", ":")) for _, line in sorted(lines.items())]
        known, dropped = Library(texts), set()
        for name in lines:
            right, wrong, none = check(by_name[name], known)
            if wrong or none:
                print(f"CHECK {name}: {right} right, {wrong} wrong, {none} not told; rules {rules[name]} right")
            if right <= max(rules[name], 9 * wrong, 8):
                print(f"DROPPED {name}")
                dropped.add(name)
        if not dropped:
            break
        lines = {name: line for name, line in lines.items() if name not in dropped}
    out.write_text("\n".join(texts) + "\n")
    print(f"{len(lines)} classes, {sum(map(len, texts))} bytes")


def check_rules(found: Json) -> int:
    """How many builds the rules alone count rightly, as written and as resolved."""
    forms = [(values, sample["total"]) for sample in (*found["samples"], *found["single"])
             for values in _forms(sample)]  # fmt: skip
    return sum(by_rules({**values, "architectures": [found["class"]]}) == total for values, total in forms)


def _forms(sample: Json) -> tuple[Json, Json]:
    """A configuration with every value in it, and as it was written."""
    return sample["config"], {**sample["raw"], "model_type": sample["config"].get("model_type")}


def check(found: Json, known: Library) -> tuple[int, int, int]:
    """How many builds a blueprint counts rightly, wrongly and not at all, as written and as resolved."""
    right = wrong = none = 0
    samples = [*found["samples"], *found["single"], *([found["default"]] if found["default"] else [])]
    for sample in samples:
        for values in _forms(sample):
            total = sample.get("total")
            tally = count_by_blueprint({**values, "architectures": [found["class"]]}, by_rules, known)
            if tally is None:
                none += 1
            elif total is None or tally.total == total:
                right += 1
            else:
                wrong += 1
    return right, wrong, none


if __name__ == "__main__":
    main()

"""Writes blueprints: what each class's tensors are, as arithmetic over its configuration.

`python -m tests.parsing.transformers_table.mine SAMPLES... --out steps/parse/blueprints.jsonl` reads what `samples.py`
left. Tensors are grouped by their names with the numbers of layers starred; each size, each number of layers and
each condition is searched by `search.py` and must hold in every build. A class with a tensor that nothing explains
gets no line but one for its default configuration, and so does one that the rules of `steps.parse.formula` count at
least as well.

A line is judged by builds that the search did not see (`explained.HELD_OUT` of each class). What the rules count
better is told from the rest by a question (`unless`), for which the evaluator leaves the count to the rules; so it
does for a word that no build had and for a size that was the same in all builds (`seen`). Where no question tells, the
line stays as long as it is right in more builds than the rules are, and `CHECK` names it.
"""

import argparse
import contextlib
import gzip
import json
import pickle
import re
import time
from collections import defaultdict
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from steps.parse.blueprint import SIZES, count_by_blueprint
from steps.parse.blueprint_library import Library
from steps.parse.config import Config
from steps.parse.formula import count_by_rules
from tests.parsing.transformers_table.explained import Class, UnexplainedError
from tests.parsing.transformers_table.expressions import names_in
from tests.parsing.transformers_table.items import BY_LAYER, Json, flat
from tests.parsing.transformers_table.left_out import Configs
from tests.parsing.transformers_table.search import Frame

_ACTIVATIONS: Final = re.compile(r"act$|activation|_act_|^act_|norm_type|implementation")
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


def by_rules(values: Mapping[str, object]) -> int:
    """What the rules count."""
    return count_by_rules(Config(values)).undrafted


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
    } | _unvaried(found)  # fmt: skip
    return line


def _unvaried(found: Json) -> Json:
    """Sizes that were the same in all builds: the arithmetic may take one for another. Inner models have their own."""
    builds = [*found["samples"], *found["single"], *([found["default"]] if found["default"] else [])]
    inner = tuple(f"{section}." for one in builds for _, section, _ in one["inner"].values())
    envs = [flat(one["config"]) for one in builds]
    sizes = [name for name, value in envs[0].items()
             if (type(value) is int and value > 1 or value is None) and SIZES.search(name)]  # fmt: skip
    return {name: [envs[0][name]] for name in sizes
            if not name.startswith(inner) and len({repr(env.get(name)) for env in envs}) == 1}  # fmt: skip


def default_of(found: Json) -> Json | None:
    """A line for nothing but a class's default configuration, where its tensors are not explained."""
    sample = found["default"] or (found["samples"][0] if not found["samples"][0]["raw"] else None)
    if sample is None:
        return None
    values = flat(sample["config"])
    values = {n: v for n, v in values.items() if not _ACTIVATIONS.search(n) and n != "num_labels"}
    return {
        "class": found["class"], "tensors": [[str(sample["total"]), "", [], ""]], "is_default": True,
        "types": [sample["config"].get("model_type") or found["type"]],
        "seen": {name: [value] for name, value in values.items() if not isinstance(value, (float, dict))},
    }  # fmt: skip


def used_in(line: Json) -> set[str]:
    """Dotted names that a class's line uses."""
    names = set(line.get("seen", {}))
    for size, when, loops, _ in line["tensors"]:
        names |= names_in(size) | names_in(when) | set().union(*(names_in(x) for x in loops), set())
    for _, _, when in line.get("inner", ()):
        names |= names_in(when)
    return names | names_in(line.get("unless", ""))


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
    asked.add_argument("--keep", type=Path, help="an earlier file, whose lines of classes that were not sampled stay")
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
            if (line := cache[key] or default_of(found)) is not None:
                lines[name] = line
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
            if (line := default_of(found)) is not None:
                lines[name] = line
            print(f"NOT {error} {time.process_time() - started:.1f} s"[:400], flush=True)
    if given.cache:
        given.cache.write_text(json.dumps(cache))
    write(lines, classes, given.out, auto, given.keep.read_text().splitlines() if given.keep else [])


def write(lines: dict[str, Json], classes: list[Json], out: Path, auto: Json, earlier: list[str]) -> None:
    """Check every line on every build, and write those that hold, with the configurations they need."""
    sampled = {found["class"] for found in classes}
    configs = Configs(classes)
    by_name = {found["class"]: found for found in classes}
    used = _used(lines, by_name, configs)
    heads, wrongly = _heads(used, configs, auto), set()
    waiting = set(lines)
    while waiting:
        known, dropped = Library(together(heads + _texts(lines), earlier, sampled)), set()
        for name in sorted(waiting):
            if lines[name].get("is_default"):
                continue
            right, wrong, none = check(by_name[name], known)
            rules = check_rules(by_name[name]) if wrong or none else 0
            if wrong or none:
                print(f"CHECK {name}: {right} right, {wrong} wrong, {none} not told; rules {rules} right")
            if wrong:
                wrongly.add(name)
            if right <= max(rules, wrong, 2):
                print(f"DROPPED {name}")
                dropped.add(name)
        only = {name: line for name in dropped if (line := default_of(by_name[name])) is not None}
        lines = {name: line for name, line in lines.items() if name not in dropped} | only
        waiting = {name for name, line in lines.items() if any(one[1] in dropped for one in line.get("inner", ()))}
    known = Library(together(heads + _texts(lines), earlier, sampled))
    for name in sorted(wrongly & set(lines)):
        if not lines[name].get("is_default") and (unless := _refused(by_name[name], known)):
            print(f"REFUSED {name}: {unless}")
            lines[name] = {**lines[name], "unless": unless}
    for kind, names in _used(lines, by_name, configs).items():
        used[kind] |= names
    heads = _heads(used, configs, auto)
    texts = together(heads + _texts(lines), earlier, sampled)
    out.write_text("\n".join(texts) + "\n")
    print(f"{len(lines)} classes, {sum(map(len, texts))} bytes")


def together(texts: list[str], earlier: list[str], sampled: Container[str]) -> list[str]:
    """New lines with earlier ones of classes that were not sampled; a configuration knows what both kinds ask for."""
    kept = [json.loads(text) for text in earlier]
    configs = {line["config"]: line for line in kept if line.get("config")}
    made = [json.loads(text) for text in texts]
    made = [_both(configs.pop(line.get("config"), {}), line) for line in made]
    classes = [line for line in made if "class" in line]
    classes += [line for line in kept if "class" in line and line["class"] not in sampled]
    heads = [line for line in made if "class" not in line]
    heads += configs.values()
    if not any("auto" in line for line in heads):
        heads += [line for line in kept if "auto" in line]
    ordered = sorted(heads, key=lambda line: line.get("config", "")) + sorted(classes, key=lambda line: line["class"])
    return [json.dumps(line, separators=(",", ":")) for line in ordered]


def _both(old: Json, new: Json) -> Json:
    """A configuration's line with what either says of names, the newer where both do."""
    result = {**old, **new}
    for key, value in old.items():
        if isinstance(value, dict):
            result[key] = {**value, **new.get(key, {})}
        elif isinstance(value, list):
            result[key] = sorted({*value, *new.get(key, [])})
    return result


def _texts(lines: dict[str, Json]) -> list[str]:
    return [json.dumps(line, separators=(",", ":")) for _, line in sorted(lines.items())]


def _used(lines: dict[str, Json], by_name: dict[str, Json], configs: Configs) -> dict[str, set[str]]:
    """The names that lines ask for, by model type."""
    used: dict[str, set[str]] = defaultdict(set)
    for name, line in lines.items():
        for kind in {by_name[name]["type"], *line["types"]}:  # one class may stand for several model types
            if kind not in configs.own or not kind:
                continue
            used[kind] |= set()
            for dotted in used_in(line):
                around, is_own, name = dotted.rpartition(BY_LAYER)
                *sections, last = [*filter(None, around.split(".")), is_own + name] if is_own else name.split(".")
                if inner := configs.kind_of(kind, sections):
                    used[inner].add(last)
    return used


def _heads(used: dict[str, set[str]], configs: Configs, auto: Json) -> list[str]:
    """The line of the automatic classes, and those of the configurations that lines need."""
    first = {"auto": 1, "bases": auto.get("bases", {}), "generators": auto.get("generators", {})}
    return [json.dumps(one, separators=(",", ":")) for one in
            (first, *(configs.line(kind, names) for kind, names in sorted(used.items())))]  # fmt: skip


def _is_wrong(found: Json, sample: Json, known: Library) -> bool:
    """Whether the rules come nearer to a build than its line."""
    values = {**_forms(sample, found["type"])[0], "architectures": [found["class"]]}
    tally = count_by_blueprint(values, by_rules, known)
    if tally is None or tally.total == sample["total"]:
        return False
    is_worse: bool = abs(tally.total - sample["total"]) >= abs(by_rules(values) - sample["total"])
    return is_worse


def _refused(found: Json, known: Library) -> str:
    """A question that is true of the builds that a line counts wrongly and of no other, "" for none."""
    builds = [*found["samples"], *found["single"], *([found["default"]] if found["default"] else [])]
    wrong = np.array([_is_wrong(found, one, known) for one in builds])
    if not wrong.any() or wrong.all():
        return ""
    frame = Frame([flat(one["config"]) for one in builds], [(n,) for n in range(len(builds))], set(found["relevant"]))
    return frame.conditions.explain(wrong) or ""


def check_rules(found: Json) -> int:
    """How many builds the rules alone count rightly, as written and as resolved."""
    forms = [(values, sample["total"]) for sample in _judged(found)
             for values in _forms(sample, found["type"])]  # fmt: skip
    return sum(by_rules({**values, "architectures": [found["class"]]}) == total for values, total in forms)


def _forms(sample: Json, kind: str) -> tuple[Json, Json]:
    """A configuration with every value in it, and as it was written; an inner one may say no type of its own."""
    named = {"model_type": sample["config"].get("model_type") or kind}
    return {**sample["config"], **named}, {**sample["raw"], **named}


def _judged(found: Json) -> list[Json]:
    """The builds that a class is judged by."""
    return [*found["samples"][-4:], *found["single"][:2], *([found["default"]] if found["default"] else [])]


def check(found: Json, known: Library) -> tuple[int, int, int]:
    """How many builds a blueprint counts rightly, wrongly and not at all, as written and as resolved."""
    right = wrong = none = 0
    for sample in _judged(found):
        for values in _forms(sample, found["type"]):
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

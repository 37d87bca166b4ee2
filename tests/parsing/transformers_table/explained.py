"""One class's tensors as arithmetic: grouped by their names, each size and condition held by every build.

Tensors are grouped by their names with the numbers of layers starred. `mine.py` asks, `search.py` searches.
"""

import contextlib
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from tests.parsing.transformers_table.conditions import denied
from tests.parsing.transformers_table.expressions import summed
from tests.parsing.transformers_table.items import Item, Json, Numbers, flat, flats
from tests.parsing.transformers_table.search import Frame

_SECONDS: Final = 60
"""How long a class is searched."""
_MOST_TENSORS: Final = 2500
"""How many the default build may have to be searched too: it has what few layers cannot show."""
HELD_OUT: Final = 3
"""Builds of each class that are kept from the search, to judge what it finds."""
_EXPERTS: Final = re.compile(r"(^|\.)(\w*_)?experts(\.|$)")
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


class Class:
    """All builds of one class."""

    def __init__(self, found: Json) -> None:
        self.name: str = found["class"]
        default = [one for one in (found["default"],) if one and len(one["tensors"]) < _MOST_TENSORS]
        self.samples = _distinct([*found["samples"][:-HELD_OUT], *found["single"], *default])
        self.envs = flats([s["config"] for s in self.samples])
        self.relevant = set(found["relevant"])
        self.literal: set[Path_] = set()
        self.without = 0
        self.is_eager = False
        self.until = float("inf")
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
        """The class's groups of tensors and inner models.

        Numbers in names that are the same in all builds are names, and loops only where that does not explain.
        """
        whole, self.until = self.samples, time.process_time() + _SECONDS
        try:
            return self._tried()
        except UnexplainedError:
            self.is_eager, self.literal, self.without, self.first = True, set(), 0, ""
            self.samples, self.envs, self.frames = whole, flats([s["config"] for s in whole]), {}
            with contextlib.suppress(UnexplainedError):
                return self._tried()
            raise

    def _tried(self) -> Json:
        """The groups; loops that do not explain are written out instead."""
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
                self.envs = flats([s["config"] for s in self.samples])
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
            [summed(sizes), when, list(around), mark] for (when, around, mark), sizes in groups.items()
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
        work: list[tuple[Item, Path_, tuple[str, ...], Any]]
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
                first = next(iter(kinds))
                is_row = self.is_eager and len(first) > 2 and first == set(range(len(first)))
                is_loop = (len(kinds) > 1 or len(first) > 8 or is_row) and prefix not in self.literal
                is_loop = is_loop and len(entries[0][0]) < 4 and not (len(kinds) == 1 and _is_same(entries))
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
        items: list[Item] = self._items(outer[-1]) if outer else [(s,) for s in range(len(self.samples))]
        frame = self.frame(items)
        wanted = np.array([lengths.get(item, 0) for item in items], dtype=np.int64)
        there = wanted > 0
        text = frame.number(wanted, np.ones(len(items), dtype=bool)) or self._number_where(frame, wanted, there)
        if text is None:
            raise _UnexplainedLoopError(path[:-1], f"{self.name} length of {'.'.join(path)}: {lengths}"[:300])
        return text

    def _number_where(self, frame: Frame, wanted: Numbers, there: Numbers) -> str | None:
        """A number of layers that is nought where a condition does not hold."""
        text = frame.number(wanted, there) or either(frame, wanted, there)
        when = frame.conditions.explain(there)
        if text is None or when is None:
            return None
        return f"(not ({denied(when)}))*({text})" if when else text

    def _parts(
        self, frame: Frame, shapes: list[tuple[int, ...] | None], path: Path_
    ) -> Iterator[tuple[list[str], str]]:
        """Sizes and the condition of each kind that the tensors of a path have."""
        there = np.array([shape is not None for shape in shapes])
        for dims, mask, texts in self._kinds(frame, shapes, there, path, 0):
            when = frame.conditions.explain(mask)
            if when is None and texts and (base := frame.conditions.explain(there)) is not None:
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
        rows, texts = frame.conditions.all()
        halves: dict[bytes, tuple[Numbers, str]] = {}
        asked = sorted(zip(rows, texts, strict=True), key=lambda one: "[i]" not in one[1])  # layers' own first
        for row, text in asked:
            yes = row & mask
            if yes.any() and not (yes == mask).all() and len(halves) < 600:
                halves.setdefault(yes.tobytes(), (yes, text))
        for most, tried in ((2, 600), (3, 150)):
            for yes, text in list(halves.values())[:tried]:
                if time.process_time() > self.until:
                    break
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
            when = whole.conditions.explain(mask)
            if when is None:
                raise UnexplainedError(f"{self.name} when inner {path}: {int(mask.sum())} of {len(mask)}"
                                  ).blamed_on(mask, whole)  # fmt: skip
            result.append([section, named, when])
        return result


class _UnexplainedLoopError(UnexplainedError):
    def __init__(self, path: Path_, text: str) -> None:
        super().__init__(text)
        self.path = path[:-1] if path and path[-1] == "*" else path


def either(frame: Frame, wanted: Numbers, mask: Numbers) -> str | None:
    """One number where a condition holds, another where it does not."""
    for row, text in zip(*frame.conditions.all(), strict=True):
        yes, no = row & mask, mask & ~row
        if min(yes.sum(), no.sum()) < 2:
            continue
        first, second = frame.number(wanted, yes, 1), frame.number(wanted, no, 1)
        if first and second:
            return f"(not ({denied(text)}))*({first})+(not ({text}))*({second})"
    return None


def _is_same(entries: list[Any]) -> bool:
    """Whether all builds have the same tensors there, a part that nothing in their configurations changes."""
    found: dict[Item, set[Any]] = defaultdict(set)
    for item, number, rest, shape in entries:
        found[item].add((number, rest, shape))
    return len({frozenset(one) for one in found.values()}) == 1


def _parts_of(name: str) -> Path_:
    """A tensor's name at its dots, numbers at the end of a part on their own."""
    return tuple(part for part in re.split(r"\.|(?<=[a-z_])(?=\d+(?:\.|$))", name) if part)


def _distinct(samples: list[Json]) -> list[Json]:
    seen: dict[str, Json] = {}
    for sample in samples:
        seen.setdefault(json.dumps(flat(sample["config"]), sort_keys=True, default=str), sample)
    return list(seen.values())

"""Questions about a configuration and a layer, and which of them, or which joined, say when something is there."""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from tests.parsing.transformers_table.items import LETTERS, Item, Items, Json, Numbers

_WIDTHS: Final = re.compile(r"hidden|embed|dim|width|heads|vocab|d_model|size|channels|planes")


class Conditions:
    """The questions about some items; those about whole samples come from the samples' own where items are layers."""

    def __init__(self, items: Items, whole: "Conditions | None" = None) -> None:
        self.items, self.whole = items, whole
        self._all: tuple[Numbers, list[str]] | None = None

    def all(self) -> tuple[Numbers, list[str]]:
        """Questions and the items for which the answer is yes; each pattern of answers once."""
        if self._all is None:
            found: dict[bytes, tuple[Numbers, str]] = {}
            for text, bits in self._asked():
                if bits.any() and not bits.all():
                    found.setdefault(bits.tobytes(), (bits, text))
                    found.setdefault((~bits).tobytes(), (~bits, denied(text)))
            rows = [r for r, _ in found.values()]
            self._all = np.array(rows, dtype=bool).reshape(-1, len(self.items.items)), [t for _, t in found.values()]
        return self._all

    def _asked(self) -> Iterator[tuple[str, Numbers]]:
        def ask(text: str, answer: Callable[[Json, Item], Any]) -> tuple[str, Numbers]:
            out = np.zeros(len(self.items.items), dtype=bool)
            for n, item in enumerate(self.items.items):
                try:
                    out[n] = bool(answer(self.items.envs[item[0]], item))
                except (TypeError, IndexError, KeyError, ZeroDivisionError):
                    out[n] = False
            return text, out

        for d in range(self.items.depth):
            yield ask(f"{LETTERS[d]} == 0", lambda e, item, d=d: item[1 + d] == 0)  # type: ignore[misc]
            for m in range(2, 7):
                for k in range(m):
                    yield ask(f"({LETTERS[d]}+{k}) % {m} == 0",
                              lambda e, item, d=d, m=m, k=k: (item[1 + d] + k) % m == 0)  # type: ignore[misc]  # fmt: skip
        if self.whole is not None:
            place = np.array([item[0] for item in self.items.items])
            for row, text in zip(*self.whole.all(), strict=True):
                yield text, row[place]
        else:
            yield from self._asked_of_samples(ask)
        for d in range(self.items.depth):
            for name in self.items.names:
                yield from self._asked_of_layers(ask, name, d)

    def _asked_of_samples(self, ask: Any) -> Iterator[tuple[str, Numbers]]:  # noqa: ANN401
        varied = [
            n for n in self.items.names if len({repr(self.items.envs[s].get(n)) for s in self.items.samples}) > 1
        ]
        for name in varied:
            values = [self.items.envs[s].get(name) for s in self.items.samples]
            kinds = {type(v) for v in values}
            if kinds & {bool, type(None), int, float, str}:
                yield ask(name, lambda e, item, n=name: e.get(n))
            if type(None) in kinds:
                yield ask(f"{name} is None", lambda e, item, n=name: e.get(n) is None)
            for value in sorted({v for v in values if isinstance(v, str)}):
                yield ask(f"{name} == {value!r}", lambda e, item, n=name, v=value: e.get(n) == v)
            if int in kinds or float in kinds:
                for v in (1, 2, 3):
                    yield ask(f"{name} > {v}", lambda e, item, n=name, v=v: e[n] > v)
            if list in kinds:
                yield ask(f"len({name}) > 0", lambda e, item, n=name: len(e[n]) > 0)
                if any(isinstance(v, list) and v and isinstance(v[0], bool) for v in values):
                    for place in range(6):
                        yield ask(f"{name}[{place}]", lambda e, item, n=name, k=place: e[n][k])
        yield from self._asked_of_pairs(ask, varied)

    def _asked_of_layers(self, ask: Any, name: str, d: int) -> Iterator[tuple[str, Numbers]]:  # noqa: ANN401
        letter, values = LETTERS[d], [self.items.envs[s].get(name) for s in self.items.samples]
        kinds = {type(v) for v in values}
        if list in kinds:
            items = {x for v in values if isinstance(v, list) for x in v if isinstance(x, (str, int, type(None)))}
            if len(items) < 12:
                for value in sorted(items, key=str):
                    if isinstance(value, bool):
                        yield ask(f"{name}[{letter}]", lambda e, item: e[name][item[1 + d]])
                    else:
                        yield ask(f"{name}[{letter}] == {value!r}",
                                  lambda e, item, v=value: isinstance(e[name], list) and e[name][item[1 + d]] == v
                                  )  # fmt: skip
            yield ask(f"{letter} in {name}", lambda e, item: item[1 + d] in e[name])
            yield ask(f"{letter} > 0 and {name}[{letter}-1] == {name}[{letter}]",
                      lambda e, item: item[1 + d] > 0 and e[name][item[1 + d]] == e[name][item[1 + d] - 1]
                      )  # fmt: skip
            yield ask(f"{letter} > 0 and {name}[-{letter}] == {name}[-1-{letter}]",
                      lambda e, item: item[1 + d] > 0 and e[name][-item[1 + d]] == e[name][-1 - item[1 + d]]
                      )  # fmt: skip
            yield ask(f"{letter} == len({name})-1", lambda e, item: item[1 + d] == len(e[name]) - 1)
            yield ask(f"{name}[{letter}] > 0", lambda e, item: e[name][item[1 + d]] > 0)
        if int in kinds:
            for k, tail in ((0, ""), (-1, "-1"), (-2, "-2")):
                yield ask(f"{letter} < {name}{tail}", lambda e, item, k=k: item[1 + d] < e[name] + k)
            yield ask(f"{letter} == {name}-1", lambda e, item: item[1 + d] == e[name] - 1)
            yield ask(f"({letter}+1) % {name} == 0", lambda e, item: (item[1 + d] + 1) % e[name] == 0)
            yield ask(f"{letter} % {name} == 0", lambda e, item: item[1 + d] % e[name] == 0)
            yield ask(f"{letter} % {name} == {name}//2", lambda e, item: item[1 + d] % e[name] == e[name] // 2)
            yield ask(f"{letter} % 2 == {name}", lambda e, item: item[1 + d] % 2 == e[name])
        if d == 0 and re.search("period|step|interval|freq|every", name):
            for other in self.items.names:
                if re.search("offset|start|first|dense", other):
                    yield ask(f"{letter} % {name} == {other}", lambda e, item, o=other: item[1 + d] % e[name] == e[o])
                    yield ask(f"({letter}-{other}) % {name} == 0",
                              lambda e, item, o=other: (item[1 + d] - e[o]) % e[name] == 0)  # fmt: skip
        if d == 0 and re.search("layers$|depth", name) and int in kinds:
            for other in self.items.names:
                if other != name and re.search("layers|blocks|depth", other):
                    yield ask(
                        f"{letter} == {name}+{other}-1", lambda e, item, o=other: item[1 + d] == e[name] + e[o] - 1
                    )
                if other != name and re.search("layers|freq|first|last|shared|depth", other):
                    yield ask(f"{letter} < {name}-{other}", lambda e, item, o=other: item[1 + d] < e[name] - e[o])
                    yield ask(f"{name} < {other} or ({letter}+1) % ({name}//{other}) == 0",
                              lambda e, item, o=other: e[name] < e[o] or (item[1 + d] + 1) % (e[name] // e[o]) == 0
                              )  # fmt: skip
                    yield ask(f"{letter} == {name}-{other}-1",
                              lambda e, item, o=other: item[1 + d] == e[name] - e[o] - 1)  # fmt: skip

    def _asked_of_pairs(self, ask: Any, varied: list[str]) -> Iterator[tuple[str, Numbers]]:  # noqa: ANN401
        numbers = [n for n in varied if any(type(self.items.envs[s].get(n)) is int for s in self.items.samples)]
        widths = [n for n in numbers if _WIDTHS.search(n)][:48]
        others = [n for n in self.items.names if n not in varied and n.endswith("size")]
        widths += [n for n in others if all(type(self.items.envs[s].get(n)) is int for s in self.items.samples)][:12]
        for a, b in itertools.combinations(widths, 2):
            yield ask(f"{a} != {b}", lambda e, item, a=a, b=b: e.get(a) != e.get(b))
            yield ask(f"{a} > {b}", lambda e, item, a=a, b=b: e[a] > e[b])
            yield ask(f"{a} < {b}", lambda e, item, a=a, b=b: e[a] < e[b])
        for a, b in itertools.permutations(widths[:14], 2):
            for c in widths[:14]:
                if b < c:
                    yield ask(f"{a} != {b}*{c}", lambda e, item, a=a, b=b, c=c: e[a] != e[b] * e[c])

    def explain(self, wanted: Numbers) -> str | None:
        """A question, or some joined, whose yes is where the mask is set; "" for everywhere."""
        if wanted.all():
            return ""
        rows, texts = self.all()
        if not len(texts):
            return None
        if len(hit := np.flatnonzero((rows == wanted).all(axis=1))):
            return texts[int(hit[0])]
        above = np.flatnonzero((rows | ~wanted).all(axis=1))[:400]
        below = np.flatnonzero((~rows | wanted).all(axis=1))[:400]
        for chosen, word, join in ((above, "and", np.logical_and), (below, "or", np.logical_or)):
            for place, one in enumerate(chosen):
                others = chosen[place + 1 :]
                hits: Any = (
                    np.flatnonzero((join(rows[one], rows[others]) == wanted).all(axis=1)) if len(others) else []
                )
                if len(hits):
                    return f"({texts[int(one)]}) {word} ({texts[int(others[hits[0]])]})"
        for chosen, word, join in ((above[:70], "and", np.logical_and), (below[:70], "or", np.logical_or)):
            for a, b in itertools.combinations(chosen, 2):
                both = join(rows[a], rows[b])
                hits = np.flatnonzero((join(both, rows[chosen]) == wanted).all(axis=1))
                if len(hits):
                    return f"({texts[int(a)]}) {word} ({texts[int(b)]}) {word} ({texts[int(chosen[hits[0]])]})"
        return self._nested(wanted, rows, texts, above)

    def _nested(self, wanted: Numbers, rows: Numbers, texts: list[str], above: Numbers) -> str | None:
        """One question that must hold, and one of two."""
        for one in above[:60]:
            inside = rows[one]
            below = np.flatnonzero((~rows | wanted | ~inside).all(axis=1))[:150]
            for place, a in enumerate(below):
                others = below[place + 1 :]
                if not len(others):
                    continue
                hits = np.flatnonzero(((inside & (rows[a] | rows[others])) == wanted).all(axis=1))
                if len(hits):
                    return f"({texts[int(one)]}) and (({texts[int(a)]}) or ({texts[int(others[hits[0]])]}))"
        return None


def denied(text: str) -> str:
    """The opposite question."""
    return f"not ({text})" if re.search(r"[^\w.]", text) else f"not {text}"

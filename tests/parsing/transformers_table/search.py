"""Finds expressions over a configuration that give wanted numbers, and conditions that say when something is there.

`mine.py` asks. All values of a name over all items (a sample, or a layer of one) are a row; rows are combined, the
simplest combinations first, and compared by a sum of their values times random numbers, so that the rest of a sum is
looked up rather than tried.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

Json = dict[str, Any]
Numbers = Any  # numpy arrays, of which the environment that runs this has no stubs
Item = tuple[int, ...]  # a sample, then the numbers of the layers that hold something
PREFERRED: Final = ("hidden_size", "d_model", "n_embd", "intermediate_size", "vocab_size", "num_attention_heads",
                    "head_dim", "num_key_value_heads", "embed_dim", "moe_intermediate_size", "num_hidden_layers",
                    "num_experts", "n_routed_experts", "num_local_experts")  # fmt: skip
LETTERS: Final = "ijk"
_FACTORS: Final = (2, 3, 4, 6, 8, 5, 9, 12, 16, 32)
_FIXED: Final = re.compile(r"(^|\.)(num_hidden_layers|hidden_size|d_model|embed_dim|vocab_size)$")
"""Names that may be sizes even where no build could have another value."""
_CONSTANT: Final = re.compile(r"(head_dim|heads|_size|_dim|_rank|d_state)$")
"""Names that are tried after those that vary: a size that was the same in all builds is still one."""
_TERMS: Final = (60, 1200, 1200)
"""How many of each level `_three` sums; of names with a constant only those that `_TERM` matches."""
_TERM: Final = re.compile(r"^[23468]\*[\w.]+$|^int\([^/]*\)$")
_PATCHES: Final = re.compile(r"patch|channel|temporal|frames|merge")
_WIDTHS: Final = re.compile(r"hidden|embed|dim|width|heads|vocab|d_model|size|channels|planes")


class Frame:
    """Items and the values of all names for them."""

    def __init__(self, envs: list[Json], items: list[Item], relevant: set[str], whole: "Frame | None" = None) -> None:
        self.envs, self.items, self.whole = envs, items, whole
        self.depth = len(items[0]) - 1
        self.samples = sorted({item[0] for item in items})
        generator = np.random.default_rng(len(items))
        self.weights = generator.integers(1, 2**62, len(items), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self.names = self._ordered(relevant)
        self._levels: list[tuple[Numbers, list[str]]] = []
        self._conditions: tuple[Numbers, list[str]] | None = None
        self._found: dict[tuple[bytes, bytes, int], str | None] = {}
        self.constants: set[int] = set()
        self.atoms = self._atoms()

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

    def _atoms(self) -> tuple[Numbers, list[str]]:
        rows: dict[bytes, tuple[Numbers, str]] = {}

        def add(text: str, row: Numbers | None) -> None:
            if row is None or len(rows) >= 110:
                return
            if row.min() != row.max() or _FIXED.search(text) and row.min() > 16:
                rows.setdefault(row.tobytes(), (row, text))

        lists = []
        for name in self.names:
            kinds = {type(self.envs[s].get(name)) for s in self.samples}
            if int in kinds:
                add(name, self.row(lambda e, item, n=name: e[n]))  # type: ignore[misc]
            if list in kinds:
                self._add_list(name, add)
                lists.append(name)
        for d in range(self.depth):
            add(LETTERS[d], self.row(lambda e, item, d=d: item[1 + d]))  # type: ignore[misc]
            add(f"2**{LETTERS[d]}", self.row(lambda e, item, d=d: 2 ** item[1 + d]))  # type: ignore[misc]
        self._add_constants(rows)
        for name in lists:
            for n in range(1, 8):
                add(f"{name}[{n}]", self.row(lambda e, item, n=n, name=name: e[name][n]))  # type: ignore[misc]
        return np.array([r for r, _ in rows.values()]).reshape(-1, len(self.items)), [t for _, t in rows.values()]

    def _add_constants(self, rows: dict[bytes, tuple[Numbers, str]]) -> None:
        for name in self.names:
            row = self.row(lambda e, item, n=name: e[n])  # type: ignore[misc]
            if row is not None and row.min() == row.max() and row.min() >= 8 and _CONSTANT.search(name):
                self.constants.add(int(row.min()))
                if len(rows) < 46:
                    rows.setdefault(row.tobytes(), (row, name))

    def _add_list(self, name: str, add: Callable[[str, Numbers | None], None]) -> None:
        for d in range(self.depth):
            letter = LETTERS[d]
            for step, text in ((0, letter), (-1, f"{letter}-1"), (1, f"{letter}+1")):
                add(
                    f"{name}[{text}]",
                    self.row(lambda e, item, d=d, k=step: e[name][item[1 + d] + k] if item[1 + d] + k >= 0 else None),  # type: ignore[misc]
                )
            add(f"{name}[-1-{letter}]", self.row(lambda e, item, d=d: e[name][-1 - item[1 + d]]))  # type: ignore[misc]
        add(f"{name}[0]", self.row(lambda e, item: e[name][0]))
        add(f"{name}[-1]", self.row(lambda e, item: e[name][-1]))
        add(f"len({name})", self.row(lambda e, item: len(e[name]) if isinstance(e[name], list) else None))
        add(f"sum({name})", self.row(lambda e, item: sum(e[name]) if all(type(v) is int for v in e[name]) else None))

    def level(self, number: int) -> tuple[Numbers, list[str]]:
        """Rows and their expressions: 0 names, 1 with a constant, 2 products and quotients, 3 of three."""
        while len(self._levels) <= number:
            rows, texts = [], []
            for row, text in self._made(len(self._levels)):
                rows.append(row)
                texts.append(text)
            self._levels.append((np.array(rows, dtype=np.int64).reshape(-1, len(self.items)).view(np.uint64), texts))
        return self._levels[number]

    def _made(self, number: int) -> Iterator[tuple[Numbers, str]]:
        rows, texts = self.atoms
        if number == 0:
            yield from zip(rows, texts, strict=True)
        elif number == 1:
            for row, text in zip(rows, texts, strict=True):
                for k in sorted(set(_FACTORS) - self.constants, key=_FACTORS.index):
                    yield row * k, f"{k}*{text}"
                for k in (2, 3, 4, 6, 8, 16, 32, 64):
                    yield row // k, f"{text}//{k}"
                for k in (1, 2, 3):
                    yield row + k, f"{text}+{k}"
                    yield row - k, f"{text}-{k}"
                if (row > 0).all() and (row & (row - 1) == 0).all():
                    logarithm = np.log2(row).astype(np.int64)
                    yield from ((m * logarithm + c, f"{m}*log2({text})+{c}") for m in (1, 2, 3) for c in (0, 1, 2))
                    yield from ((m * logarithm - c, f"{m}*log2({text})-{c}") for m in (1, 2, 3) for c in (1, 2, 3))
                for m in (2, 3, 4):
                    yield from ((m * row + k, f"{m}*{text}+{k}") for k in (1, 2))
                    yield from ((m * row - k, f"{m}*{text}-{k}") for k in (1, 2, 3))
                yield from self._floats(row, text)
        elif number == 2:
            few = list(zip(rows, texts, strict=True))[:48]
            for k, first in ((1, 24), (2, 16)):  # what `_three` sums comes first
                for (a, s), (b, t) in itertools.combinations_with_replacement(few[:first], 2):
                    yield k * a * b, f"{s}*{t}" if k == 1 else f"{k}*{s}*{t}"
            for (a, s), (b, t) in itertools.combinations_with_replacement(few, 2):
                yield a * b, f"{s}*{t}"
                yield a * b // 2, f"{s}*{t}//2"
            for (a, s), (b, t) in itertools.permutations(few, 2):
                yield a // np.where(b > 0, b, 10**9 + 7), f"{s}//{t}"
                yield 2 * (a // np.where(b > 0, b, 10**9 + 7)), f"2*({s}//{t})"
            for (a, s), (b, t) in itertools.combinations_with_replacement(few[:30], 2):
                for k in (2, 3, 4, 6):
                    yield a * b * k, f"{k}*{s}*{t}"
        else:
            few = list(zip(rows, texts, strict=True))[:22]
            for (a, s), (b, t), (c, u) in itertools.product(few, few, few):
                safe = np.where(c > 0, c, 10**9 + 7)
                if s <= t:
                    yield a * b // safe, f"{s}*{t}//{u}"
                    if t <= u:
                        yield a * b * c, f"{s}*{t}*{u}"
                        yield 3 * a * b * c, f"3*{s}*{t}*{u}"
                yield a // np.where(b > 0, b, 10**9 + 7) * c, f"{s}//{t}*{u}"
                yield a // np.where(b > 0, b, 10**9 + 7) * c * 2, f"2*({s}//{t}*{u})"
            patches = [(r, t) for r, t in zip(rows, texts, strict=True) if _PATCHES.search(t)][:8]
            for chosen in itertools.combinations_with_replacement(patches, 4):
                yield np.prod([r for r, _ in chosen], axis=0), "*".join(t for _, t in chosen)
            for (a, s), (b, t), (c, u) in itertools.permutations(few, 3):
                yield a * (b // np.where(c > 0, c, 10**9 + 7) + 1), f"{s}*({t}//{u}+1)"
            for (a, s), (b, t) in itertools.permutations(few, 2):
                safe = np.where(b > 0, b, 10**9 + 7)
                yield (a // safe) ** 2, f"({s}//{t})**2"
                yield (a // safe) ** 2 + 1, f"({s}//{t})**2+1"
                yield -(-a // safe), f"-(-{s}//{t})"
                yield a // safe // 2, f"{s}//{t}//2"
                yield -(-(2 * a * b // 3) // 8) * 8, f"-(-(2*{s}*{t}//3)//8)*8"
                yield 2 * a // safe, f"2*{s}//{t}"
                yield 2 * a // 3 // safe * b, f"2*{s}//3//{t}*{t}"
                yield (2 * a // 3 + b - 1) // safe * b, f"(2*{s}//3+{t}-1)//{t}*{t}"
            for a, s in few:
                for k in (16, 32, 64, 128, 256):
                    yield -(-a // k), f"-(-{s}//{k})"
                    yield -(-a // k) * k, f"-(-{s}//{k})*{k}"

    def _floats(self, row: Numbers, text: str) -> Iterator[tuple[Numbers, str]]:
        for name in self.names:
            values = [self.envs[item[0]].get(name) for item in self.items]
            if not any(isinstance(v, float) for v in values):
                continue
            ratio = np.array([float(v) if isinstance(v, (int, float)) else np.nan for v in values])
            inverse = 1 / np.where(ratio == 0, np.nan, ratio)
            if np.isfinite(inverse).all() and np.abs(inverse).max() < 100:
                yield row * np.trunc(inverse).astype(np.int64) ** 2, f"{text}*int(1/{name})**2"
            for made, form in ((row * ratio, f"int({text}*{name})"), (row / np.where(ratio == 0, np.nan, ratio),
                                                                    f"int({text}/{name})")):  # fmt: skip
                if np.isfinite(made).all() and np.abs(made).max() < 2**40:
                    yield np.trunc(made).astype(np.int64), form
                    whole = np.trunc(made).astype(np.int64)
                    yield -(-(whole * 2 // 3) // 8) * 8, f"-(-({form}*2//3)//8)*8"
                    for k in (8, 64):
                        yield -(-whole // k) * k, f"-(-{form}//{k})*{k}"

    def number(self, wanted: Numbers, mask: Numbers, most: int = 5) -> str | None:
        """The simplest expression that gives wanted numbers where the mask is set."""
        key = wanted[mask].tobytes(), mask.tobytes(), most
        if key not in self._found:
            with np.errstate(over="ignore"):
                self._found[key] = self._search(wanted[mask], mask, most)
        return self._found[key]

    def _search(self, wanted: Numbers, mask: Numbers, most: int) -> str | None:
        weights = self.weights[mask]
        target = _hashed(wanted[None, :], weights)[0]
        constant = int(wanted[0]) if wanted.min() == wanted.max() else None
        if constant is not None and (constant <= 4 or len({self.items[n][0] for n in np.flatnonzero(mask)}) > 2):
            return str(constant)
        if not len(self.atoms[1]):
            return None
        sums: list[tuple[Numbers, list[str]]] = []
        for number in range(4 if most > 3 else 3 if most > 1 else 2):
            rows, texts = self.level(number)
            if not len(texts):
                continue
            hashes = _hashed(rows[:, mask], weights)
            if len(hit := np.flatnonzero(hashes == target)):
                return texts[int(hit[0])]
            sums.append((hashes, texts))
            if number > 1 and most >= (3 if number == 2 else 5):
                together = np.concatenate([h for h, _ in sums]), [t for _, ts in sums for t in ts]
                if (found := self._two(target, together, weights)) is not None:
                    return found
        return self._three(target, sums, weights) if most > 4 else None

    def _two(self, target: Numbers, terms: tuple[Numbers, list[str]], weights: Numbers) -> str | None:
        hashes, texts = terms
        one = weights.sum(dtype=np.uint64)
        order = np.argsort(hashes, kind="stable")
        ranked = hashes[order]
        best: tuple[int, str] | None = None
        for constant in (0, 1, -1, 2, -2, 3, -3, 4, 6, 8):
            shift = np.uint64(constant % 2**64) * one
            for factor in (1, -1):
                rest = (target - shift - hashes) if factor == 1 else (hashes + shift - target)
                place = np.searchsorted(ranked, rest)
                hits = np.flatnonzero(ranked[np.minimum(place, len(ranked) - 1)] == rest)
                for hit in hits[:50]:
                    other = texts[int(order[place[hit]])]
                    tail = "" if not constant else f"+{constant}" if constant > 0 else f"-{-constant}"
                    second = other if not re.search(r"[+\-]", other) or factor == 1 else f"({other})"
                    text = f"{texts[int(hit)]}{'+' if factor == 1 else '-'}{second}{tail}"
                    rank = len(re.findall(r"[a-zA-Z_][\w.]*", text)) * 100 + len(text)
                    if best is None or rank < best[0]:
                        best = rank, text
            if constant == 0 and best is not None:
                return best[1]
        return best[1] if best else None

    def _three(self, target: Numbers, sums: list[tuple[Numbers, list[str]]], weights: Numbers) -> str | None:
        terms = [(one, text) for level, (found, texts) in enumerate(sums[:3])
                 for one, text in zip(found[:_TERMS[level]], texts[:_TERMS[level]], strict=True)
                 if level != 1 or _TERM.search(text)]  # fmt: skip
        hashes, texts = np.array([one for one, _ in terms], dtype=np.uint64), [text for _, text in terms]
        order = np.argsort(hashes, kind="stable")
        ranked = hashes[order]
        for first in range(min(len(texts), 260)):
            rest = target - hashes[first] - hashes
            place = np.minimum(np.searchsorted(ranked, rest), len(ranked) - 1)
            if len(hits := np.flatnonzero(ranked[place] == rest)):
                return f"{texts[first]}+{texts[int(hits[0])]}+{texts[int(order[place[hits[0]]])]}"
        return None

    def conditions(self) -> tuple[Numbers, list[str]]:
        """Questions and the items for which the answer is yes; each pattern of answers once."""
        if self._conditions is None:
            found: dict[bytes, tuple[Numbers, str]] = {}
            for text, bits in self._asked():
                if bits.any() and not bits.all():
                    found.setdefault(bits.tobytes(), (bits, text))
                    found.setdefault((~bits).tobytes(), (~bits, denied(text)))
            rows = [r for r, _ in found.values()]
            self._conditions = np.array(rows, dtype=bool).reshape(-1, len(self.items)), [t for _, t in found.values()]
        return self._conditions

    def _asked(self) -> Iterator[tuple[str, Numbers]]:
        def ask(text: str, answer: Callable[[Json, Item], Any]) -> tuple[str, Numbers]:
            out = np.zeros(len(self.items), dtype=bool)
            for n, item in enumerate(self.items):
                try:
                    out[n] = bool(answer(self.envs[item[0]], item))
                except (TypeError, IndexError, KeyError, ZeroDivisionError):
                    out[n] = False
            return text, out

        for d in range(self.depth):
            yield ask(f"{LETTERS[d]} == 0", lambda e, item, d=d: item[1 + d] == 0)  # type: ignore[misc]
            for m in range(2, 7):
                for k in range(m):
                    yield ask(f"({LETTERS[d]}+{k}) % {m} == 0",
                              lambda e, item, d=d, m=m, k=k: (item[1 + d] + k) % m == 0)  # type: ignore[misc]  # fmt: skip
        if self.whole is not None:
            place = np.array([item[0] for item in self.items])
            for row, text in zip(*self.whole.conditions(), strict=True):
                yield text, row[place]
        else:
            yield from self._asked_of_samples(ask)
        for d in range(self.depth):
            for name in self.names:
                yield from self._asked_of_layers(ask, name, d)

    def _asked_of_samples(self, ask: Any) -> Iterator[tuple[str, Numbers]]:  # noqa: ANN401
        varied = [n for n in self.names if len({repr(self.envs[s].get(n)) for s in self.samples}) > 1]
        for name in varied:
            values = [self.envs[s].get(name) for s in self.samples]
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
        letter, values = LETTERS[d], [self.envs[s].get(name) for s in self.samples]
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
            for other in self.names:
                if re.search("offset|start|first|dense", other):
                    yield ask(f"{letter} % {name} == {other}", lambda e, item, o=other: item[1 + d] % e[name] == e[o])
                    yield ask(f"({letter}-{other}) % {name} == 0",
                              lambda e, item, o=other: (item[1 + d] - e[o]) % e[name] == 0)  # fmt: skip
        if d == 0 and LETTERS[d] and re.search("layers$|depth", name) and int in kinds:
            for other in self.names:
                if other != name and re.search("layers|blocks|depth", other):
                    yield ask(
                        f"{letter} == {name}+{other}-1", lambda e, item, o=other: item[1 + d] == e[name] + e[o] - 1
                    )
                if other != name and re.search("layers|freq|first|last|shared|depth", other):
                    yield ask(f"{letter} < {name}-{other}", lambda e, item, o=other: item[1 + d] < e[name] - e[o])

    def _asked_of_pairs(self, ask: Any, varied: list[str]) -> Iterator[tuple[str, Numbers]]:  # noqa: ANN401
        numbers = [n for n in varied if any(type(self.envs[s].get(n)) is int for s in self.samples)]
        widths = [n for n in numbers if _WIDTHS.search(n)][:36]
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
        rows, texts = self.conditions()
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


def _hashed(rows: Numbers, weights: Numbers) -> Numbers:
    return (rows.astype(np.uint64, copy=False) * weights[None, :]).sum(axis=1, dtype=np.uint64)

"""Expressions over the values of a configuration, the simplest first, each with its value for every item."""

import itertools
import math
import re
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from tests.parsing.transformers_table.items import LETTERS, Items, Numbers

_FACTORS: Final = (2, 3, 4, 6, 8, 5, 9, 12, 16, 32)
_FIXED: Final = re.compile(r"(^|\.)(num_hidden_layers|hidden_size|d_model|embed_dim|vocab_size)$")
"""Names that may be sizes even where no build could have another value."""
_CONSTANT: Final = re.compile(r"(head_dim|heads|_size|_dim|_rank|d_state)$")
"""Names that are tried after those that vary: a size that was the same in all builds is still one."""
_STEPS: Final = re.compile(r"factor|stride|ratio|rate|reduction|downsampl|upsampl")
"""Names that say by how much a signal is made shorter; their logarithm is a number of layers."""
_PATCHES: Final = re.compile(r"patch|channel|temporal|frames|merge")


class Arithmetic:
    """The expressions over some items by level, made when they are asked for."""

    def __init__(self, items: Items) -> None:
        self.items = items
        self.constants: set[int] = set()
        self._levels: list[tuple[Numbers, list[str]]] = []
        self.atoms = self._atoms()

    def _atoms(self) -> tuple[Numbers, list[str]]:
        rows: dict[bytes, tuple[Numbers, str]] = {}

        def add(text: str, row: Numbers | None) -> None:
            if row is None or len(rows) >= 110:
                return
            if row.min() != row.max() or _FIXED.search(text) and row.min() > 16:
                rows.setdefault(row.tobytes(), (row, text))

        lists = []
        for name in self.items.names:
            kinds = {type(self.items.envs[s].get(name)) for s in self.items.samples}
            if int in kinds:
                add(name, self.items.row(lambda e, item, n=name: e[n]))  # type: ignore[misc]
            if list in kinds:
                self._add_list(name, add)
                lists.append(name)
        for d in range(self.items.depth):
            add(LETTERS[d], self.items.row(lambda e, item, d=d: item[1 + d]))  # type: ignore[misc]
            add(f"2**{LETTERS[d]}", self.items.row(lambda e, item, d=d: 2 ** item[1 + d]))  # type: ignore[misc]
        self._add_constants(rows)
        for name in lists:
            for n in range(1, 8):
                add(f"{name}[{n}]", self.items.row(lambda e, item, n=n, name=name: e[name][n]))  # type: ignore[misc]
        return np.array([r for r, _ in rows.values()]).reshape(-1, len(self.items.items)), [
            t for _, t in rows.values()
        ]

    def _add_constants(self, rows: dict[bytes, tuple[Numbers, str]]) -> None:
        for name in self.items.names:
            row = self.items.row(lambda e, item, n=name: e[n])  # type: ignore[misc]
            if row is not None and row.min() == row.max() and row.min() >= 8 and _CONSTANT.search(name):
                self.constants.add(int(row.min()))
                if len(rows) < 46:
                    rows.setdefault(row.tobytes(), (row, name))

    def _add_list(self, name: str, add: Callable[[str, Numbers | None], None]) -> None:
        for d in range(self.items.depth):
            letter = LETTERS[d]
            for step, text in ((0, letter), (-1, f"{letter}-1"), (1, f"{letter}+1")):
                row = self.items.row(lambda e, item, d=d, k=step: _at(e[name], item[1 + d] + k))  # type: ignore[misc]
                add(f"{name}[{text}]", row)
            for k in (1, 2):
                add(f"{name}[-{k}-{letter}]", self.items.row(lambda e, item, d=d, k=k: e[name][-k - item[1 + d]]))  # type: ignore[misc]
        add(f"{name}[0]", self.items.row(lambda e, item: e[name][0]))
        add(f"{name}[-1]", self.items.row(lambda e, item: e[name][-1]))
        add(f"len({name})", self.items.row(lambda e, item: len(e[name]) if isinstance(e[name], list) else None))
        if _STEPS.search(name):
            add(f"prod({name})", self.items.row(lambda e, item: math.prod(e[name])))
        add(
            f"sum({name})",
            self.items.row(lambda e, item: sum(e[name]) if all(type(v) is int for v in e[name]) else None),
        )

    def level(self, number: int) -> tuple[Numbers, list[str]]:
        """Rows and their expressions: 0 names, 1 with a constant, 2 products and quotients, 3 of three."""
        while len(self._levels) <= number:
            rows, texts = [], []
            for row, text in self._made(len(self._levels)):
                rows.append(row)
                texts.append(text)
            self._levels.append(
                (np.array(rows, dtype=np.int64).reshape(-1, len(self.items.items)).view(np.uint64), texts)
            )
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
                if (row > 0).all() and (_STEPS.search(text) or (row & (row - 1) == 0).all()):
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
            for (a, s), (b, t) in itertools.product(self._flags(), few[:24]):
                yield a * b, f"{s}*{t}"
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
            few = list(zip(rows, texts, strict=True))
            few = few[:22] + [(row, text) for row, text in few[22:] if text.startswith("2**")]
            for (a, s), (b, t), (c, u) in itertools.product(few, few, few):
                safe = np.where(c > 0, c, 10**9 + 7)
                if s <= t:
                    yield a * b // safe, f"{s}*{t}//{u}"
                    if t <= u:
                        yield a * b * c, f"{s}*{t}*{u}"
                        yield 3 * a * b * c, f"3*{s}*{t}*{u}"
                yield a // np.where(b > 0, b, 10**9 + 7) * c, f"{s}//{t}*{u}"
                yield a // np.where(b > 0, b, 10**9 + 7) * c * 2, f"2*({s}//{t}*{u})"
            yield from self._grids(few)
            yield from self._shortened(few, list(zip(rows, texts, strict=True)))
            for (c, u), (a, s), (b, t) in itertools.product(self._doublings(), few, few):
                if s == t:
                    yield a * c, f"{s}*{u}"
                elif s < t:
                    yield a * b * c, f"{s}*{t}*{u}"
            yield from self._rates(list(zip(rows, texts, strict=True)))
            patches = [(r, t) for r, t in zip(rows, texts, strict=True) if _PATCHES.search(t)][:8]
            for chosen in itertools.combinations_with_replacement(patches, 4):
                yield np.prod([r for r, _ in chosen], axis=0), "*".join(t for _, t in chosen)
            for (a, s), (b, t), (c, u) in itertools.permutations(few, 3):
                yield a * (b // np.where(c > 0, c, 10**9 + 7) + 1), f"{s}*({t}//{u}+1)"
            for (a, s), (b, t) in itertools.permutations(few, 2):
                yield a * (b // 2) ** 2, f"{s}*({t}//2)**2"
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

    def _flags(self) -> list[tuple[Numbers, str]]:
        """Flags as one and nought: what is only added to a width where they are set."""
        rows = [(self.items.row(lambda e, item, n=name: int(e[n]) if isinstance(e[n], bool) else None), name)  # type: ignore[misc]
                for name in self.items.names[:40]]  # fmt: skip
        return [(row, name) for row, name in rows if row is not None and row.min() == 0 and row.max() == 1][:6]

    def _grids(self, few: list[tuple[Numbers, str]]) -> Iterator[tuple[Numbers, str]]:
        """How many patches of an image, or of a film, that is not a square there are."""
        sides = [(a // np.where(b > 0, b, 10**9 + 7), f"({s}//{t})") for a, s in few for b, t in few if s != t]
        sides = [(row, text) for row, text in sides if _PATCHES.search(text) or "size" in text]
        for (a, s), (b, t) in itertools.combinations_with_replacement(sides[:160], 2):
            yield a * b, f"{s}*{t}"
            yield a * b + 1, f"{s}*{t}+1"
            yield a * b + 2, f"{s}*{t}+2"

    def _doublings(self) -> list[tuple[Numbers, str]]:
        """Two to the number of stages that a list tells, or to what is left of them: widths double at each."""
        found = []
        names = [n for n in self.items.names if isinstance(self.items.envs[self.items.samples[0]].get(n), list)][:8]
        for name, d in itertools.product(names, range(-1, self.items.depth)):
            for less in (0, 1) if d >= 0 else (0,):
                row = self.items.row(lambda e, item, n=name, d=d, k=less: _power(  # type: ignore[misc]
                    len(e[n]) - k - (item[1 + d] if d >= 0 else 0)))  # fmt: skip
                tail = f"(len({name}){-less or ''}-{LETTERS[d]})" if d >= 0 else f"len({name})"
                if row is not None and row.min() > 0:
                    found.append((row, f"2**{tail}"))
        return found

    def _rates(self, atoms: list[tuple[Numbers, str]]) -> Iterator[tuple[Numbers, str]]:
        """The kernel of a codec that halves the whole number of frames that its ratios leave of a second."""
        for (a, s), (b, t) in itertools.permutations(atoms, 2):
            if t.startswith("prod(") and s.endswith("rate") and (a > 0).all() and (b > 0).all():
                yield 2 * (2 * b * -(-a // b) // a), f"2*(2*{t}*(-(-{s}//{t}))//{s})"

    def _shortened(self, few: list[tuple[Numbers, str]], atoms: list[tuple[Numbers, str]]
                   ) -> Iterator[tuple[Numbers, str]]:  # fmt: skip
        """How long a signal is behind convolutions with strides, whatever their padding, times a width."""
        for offset in (0, 1, 2) if self.items.depth == 0 else ():
            head, tail = (f"-{offset}", f"+{offset}") if offset else ("", "")
            for (a, s), (b, t) in itertools.permutations(few, 2):
                for k in (2, 4, 8):
                    yield a * ((b - offset) // k + offset), f"{s}*(({t}{head})//{k}{tail})"
            strides = [(row, text) for row, text in atoms if text.endswith("stride") and (row > 0).all()][:2]
            factors = [(row, text) for row, text in atoms if re.search("(factor|reduction)$", text)]
            factors = [(row, text) for row, text in factors if (row > 0).all()][:2]
            for (c, u), (d, v) in itertools.product([*strides, (np.full_like(few[0][0], 2), "2")], factors):
                shorter = np.maximum(c ** np.log2(d).astype(np.int64), 1)
                for b, t in few:
                    yield (b - offset) // shorter + offset, f"({t}{head})//{u}**log2({v}){tail}"
                for (a, s), (b, t) in itertools.permutations(few, 2):
                    yield a * ((b - offset) // shorter + offset), f"{s}*(({t}{head})//{u}**log2({v}){tail})"

    def _floats(self, row: Numbers, text: str) -> Iterator[tuple[Numbers, str]]:
        found = ((name, self.items.row(lambda e, item, n=name: e[n])) for name in self.items.names  # type: ignore[misc]
                 if "multiple" in name)  # fmt: skip
        multiples = [(name, step) for name, step in found if step is not None and (step > 0).all()]
        for name in self.items.names:
            values = [self.items.envs[item[0]].get(name) for item in self.items.items]
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
                    yield from ((np.trunc(k * made).astype(np.int64), f"int({k}*{form[4:]}") for k in (2, 4, 8, 16))
                    whole = np.trunc(made).astype(np.int64)
                    yield -(-(whole * 2 // 3) // 8) * 8, f"-(-({form}*2//3)//8)*8"
                    for k in (8, 64):
                        yield -(-whole // k) * k, f"-(-{form}//{k})*{k}"
                    for other, step in multiples:
                        yield -(-whole // step) * step, f"-(-{form}//{other})*{other}"


def _power(exponent: int) -> int | None:
    """Two to a number from nought."""
    return 2**exponent if 0 <= exponent < 24 else None


def _at(values: list[int], place: int) -> int | None:
    """An element, none of those counted from the end."""
    return values[place] if place >= 0 else None

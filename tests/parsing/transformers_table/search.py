"""Finds expressions over a configuration that give wanted numbers, and conditions that say when something is there.

`mine.py` asks. All values of a name over all items (a sample, or a layer of one) are a row; rows are combined, the
simplest combinations first, and compared by a sum of their values times random numbers, so that the rest of a sum is
looked up rather than tried.
"""

import re
from typing import Final

import numpy as np

from tests.parsing.transformers_table.arithmetic import Arithmetic
from tests.parsing.transformers_table.conditions import Conditions
from tests.parsing.transformers_table.items import Item, Items, Json, Numbers

_TERMS: Final = (60, 1200, 1200)
"""How many of each level `_three` sums; of names with a constant only those that `_TERM` matches."""
_TERM: Final = re.compile(r"^[23468]\*[\w.]+$|^int\([^/]*\)$")


class Frame:
    """Items, what can be reckoned from their values and what can be asked about them."""

    def __init__(self, envs: list[Json], items: list[Item], relevant: set[str], whole: "Frame | None" = None) -> None:
        self.items = items
        self.depth = len(items[0]) - 1
        held = Items(envs, items, relevant)
        self.arithmetic = Arithmetic(held)
        self.conditions: Conditions = Conditions(held, whole.conditions if whole is not None else None)
        generator = np.random.default_rng(len(items))
        self.weights = generator.integers(1, 2**62, len(items), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._found: dict[tuple[bytes, bytes, int], str | None] = {}

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
        if not len(self.arithmetic.atoms[1]):
            return None
        sums: list[tuple[Numbers, list[str]]] = []
        for number in range(4 if most > 3 else 3 if most > 1 else 2):
            rows, texts = self.arithmetic.level(number)
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


def _hashed(rows: Numbers, weights: Numbers) -> Numbers:
    return (rows.astype(np.uint64, copy=False) * weights[None, :]).sum(axis=1, dtype=np.uint64)

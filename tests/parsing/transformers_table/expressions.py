"""Expressions as texts: what they sum, and the names they use."""

import math
import re
from collections import defaultdict
from typing import Final

_WORDS: Final = {"i", "j", "k", "sum", "len", "int", "log2", "prod", "and", "or", "not", "is", "None", "in", "if",
                 "else"}  # fmt: skip


def summed(sizes: list[str]) -> str:
    """Sizes as one sum, equal ones counted and numbers added."""
    counted: dict[str, int] = defaultdict(int)
    plain = 0
    for size in sizes:
        if re.fullmatch(r"\d+(\*\d+)*", size):
            plain += math.prod(map(int, size.split("*")))
        else:
            counted[size] += 1
    texts = [f"{n}*{size}" if n > 1 else size for size, n in counted.items()]
    return "+".join((*texts, str(plain)) if plain else texts)


def names_in(text: str) -> set[str]:
    """The dotted names of an expression."""
    bare = re.sub(r"'[^']*'", "", text)
    found = set(re.findall(r"[A-Za-z_][\w.]*", bare))
    return found - _WORDS

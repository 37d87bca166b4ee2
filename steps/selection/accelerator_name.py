"""Which accelerator class a person means by `h100`, `a100-80gb` or `mi300x`. `ome fit` calls it."""

import difflib
import re
from collections.abc import Sequence

from steps.errors import InvalidInputError, NotFoundError
from steps.selection.request import Accelerator

_NEAREST = 3


def find_accelerator(name: str, accelerators: Sequence[Accelerator]) -> Accelerator:
    """The class with this name; else the one with this model; else the one whose name has all of these words.

    Words may be written as one: `rtx4090` is rtx-4090.

    Raises:
        NotFoundError: there is none; the nearest names are told.
        InvalidInputError: it means several.
    """
    asked = _words(name)
    by_name = [a for a in accelerators if a.name.casefold() == name.casefold()]
    by_model = [a for a in accelerators if asked and "".join(_words(a.spec.model)) == "".join(asked)]
    by_words = [a for a in accelerators if asked and (set(asked) <= set(_words(a.name)) or _is_part(asked, a.name))]
    for found in (by_name, by_model, by_words):
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(sorted(a.name for a in found))
            raise InvalidInputError(f"accelerator {name} means several: {names}", remedy="Name one of them in full.")
    raise NotFoundError(f"there is no accelerator class {name}", remedy=_remedy(name, accelerators))


def _remedy(name: str, accelerators: Sequence[Accelerator]) -> str:
    known = {word: a.name for a in accelerators for word in (a.name.casefold(), a.spec.model.casefold()) if word}
    near = difflib.get_close_matches(name.casefold(), known, n=_NEAREST, cutoff=0.5)
    nearest = ", ".join(dict.fromkeys(known[word] for word in near))
    listing = "`ome get accelerators` lists all; apply an AcceleratorClass for another."
    return f"Nearest: {nearest}. {listing}" if nearest else f"{listing[0].upper()}{listing[1:]}"


def _is_part(asked: tuple[str, ...], name: str) -> bool:
    words = _words(name)
    parts = ("".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, len(words) + 1))
    return "".join(asked) in parts


def _words(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z0-9]+", name.casefold()))

"""Other values that a configuration's value could have, from its name, its type and the source of the class."""

import random
import re
import typing
from collections.abc import Iterator
from typing import Any, Final

LAYERS: Final = re.compile(r"layers$|^depth$|^n_layer|_depth$|^num_blocks|^num_layers|^n_layers|^n_h_layers$")
EXPERTS: Final = re.compile(r"experts$|^num_local_experts|^moe_num_experts|n_routed_experts")
HEADS: Final = re.compile(r"heads|groups|n_head\b|^n_head$|n_kv|kv_n")
HEAD_CHOICES: Final = (4, 8, 12, 16, 24)
KEY_CHOICES: Final = (1, 2, 4)


def heads(random_: random.Random) -> int:
    """A number of heads."""
    return random_.choice(HEAD_CHOICES)


def _key_heads(random_: random.Random) -> int:
    return random_.choice(KEY_CHOICES)


def widths(random_: random.Random) -> int:
    """A width that many numbers of heads divide."""
    return 96 * random_.randint(1, 12)


def _head_dims(random_: random.Random) -> int:
    return 16 * random_.randint(1, 8)


def _few(random_: random.Random) -> int:
    return random_.randint(1, 6)


def _layer_counts(random_: random.Random) -> int:
    return random_.randint(2, 6)


def _expert_counts(random_: random.Random) -> int:
    return random_.randint(3, 10)


class Around:
    """Any number near one."""

    def __init__(self, value: int, step: int = 1, least: int = 1) -> None:
        self.value, self.step, self.least = value, step, least

    def __call__(self, random_: random.Random) -> int:
        """One of them."""
        high = max(self.value // self.step, 4)
        return max(self.least, self.step * random_.randint(max(1, high // 2), high * 2))


class Powers:
    """A number doubled or halved."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __call__(self, random_: random.Random) -> int:
        """One of them."""
        choices = [v for v in (self.value * 2, self.value * 4, self.value // 2) if v]
        return random_.choice(choices or [1])


class Listed:
    """A list of numbers with single ones scaled or moved, or cut; one of words shuffled, or longer or shorter."""

    def __init__(self, values: list[Any], how: str) -> None:
        self.values, self.how = values, how

    def __call__(self, random_: random.Random) -> list[Any]:
        """One of them."""
        if self.how == "scaled":
            return [v * random_.choice((1, 2, 3)) for v in self.values]
        if self.how == "moved":
            return [max(1, v + random_.choice((0, 1, 2))) for v in self.values]
        if self.how == "together":
            factor = random_.choice((2, 3))
            return [v * factor for v in self.values]
        if self.how == "stretched":
            return random_.choices(self.values, k=random_.randint(1, len(self.values) + 3))
        if self.how == "shuffled":
            return [random_.choice(self.values) for _ in self.values]
        return self.values[: random_.randint(1, len(self.values))]


def candidates(name: str, value: Any, annotation: Any, source: str) -> Iterator[Any]:  # noqa: ANN401
    """Other values for one, the most telling first."""
    kinds = _kinds(annotation)
    if isinstance(value, bool):
        yield not value
        return
    if isinstance(value, int):
        if LAYERS.search(name):
            yield from (_layer_counts, Around(value), Powers(value), 0)
        elif EXPERTS.search(name) and "per_tok" not in name:
            yield from (_expert_counts, Powers(value))
        elif HEADS.search(name):
            if re.search("key|kv", name) or value <= 2:
                yield _key_heads
            yield from (heads, Powers(value), Around(value))
        elif re.search("head_dim|head_size|d_kv|^d_head", name) and value % 8 == 0:
            yield from (_head_dims, Powers(value))
        elif re.search("vocab|position|label|image_size|bucket|n_ctx", name):
            yield from (Around(value), Around(value, 32), Powers(value))
        elif value >= 16 and value % 8 == 0:
            yield from (widths, Around(value, 8), Powers(value))
        elif value <= 8:
            yield from (_few, Powers(value))
        else:
            yield from (Around(value), Powers(value))
        if not re.search("head|dim|size|heads|width|channels", name):
            yield 0
    elif isinstance(value, float):
        yield from (value * 2, value / 2, value + 0.5, 0.0)
    elif isinstance(value, list) and value:
        if all(type(v) is int for v in value):
            yield from (Listed(value, how) for how in ("scaled", "moved", "together", "shuffled", "cut"))
        elif all(isinstance(v, (str, bool)) for v in value):
            if len(set(value)) > 1:
                yield from (Listed(value, how) for how in ("shuffled", "stretched"))
            for word in {v for v in value if isinstance(v, str)}:
                yield [word] * len(value)
            yield from ([word] * len(value) for word in _words(name, source))
            yield from (Listed([w, *value], "shuffled") for w in _words(name, source))
    elif isinstance(value, str):
        yield from (word for word in _words(name, source) if word != value)
    if value is None:
        if int in kinds:
            small = re.search("heads|groups|layers|num_|experts|^n_", name)
            yield from ((_few, _key_heads) if small else (_head_dims, widths, _few))
        if bool in kinds:
            yield True
        if float in kinds:
            yield from (0.5, 2.0)
        if str in kinds:
            yield from _words(name, source)
    elif type(None) in kinds and not isinstance(value, dict):
        yield None


def _words(name: str, source: str) -> list[str]:
    """Texts that a class compares a value with."""
    found: list[str] = []
    singular = re.sub(r"s$", "", name)
    for line in re.findall(rf"[^\n]*\b(?:{re.escape(name)}|{re.escape(singular)})\b[^\n]*", source):
        for word in re.findall(r"""["']([A-Za-z0-9_\-]{2,40})["']""", line):
            if word not in found and word != name:
                found.append(word)
    return found[:8]


def _kinds(annotation: Any) -> set[Any]:  # noqa: ANN401
    if annotation is None:
        return {type(None)}
    parts = typing.get_args(annotation)
    if not parts or typing.get_origin(annotation) in (list, tuple, dict):
        return {annotation if isinstance(annotation, type) else list}
    return set().union(*(_kinds(part) for part in parts))


def annotations(cls: Any) -> dict[str, Any]:  # noqa: ANN401
    """The types of a configuration class's values, none where they cannot be told."""
    try:
        return typing.get_type_hints(cls)
    except (NameError, TypeError):
        return {}

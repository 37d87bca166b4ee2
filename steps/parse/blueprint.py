"""Counts a model by the blueprint of its class: which tensors transformers builds from a configuration, as arithmetic.

`blueprints.jsonl` holds what `tests/parsing/transformers_table` found out by building each class from many varied
configurations: sizes, numbers of layers and conditions, no tensor's name. A class that the rules of `formula` count
exactly has no line. A configuration with an option that no build had is left to the rules, and so is one that does not
give what an expression needs.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from steps.parse.config import HIDDEN, LAYERS
from steps.parse.expression import Expression, Index, UnknownValueError, read_expression

_FILE: Final = Path(__file__).with_name("blueprints.jsonl")
_MOST_EVALUATIONS: Final = 100_000
_DEEPEST: Final = 6
_LONGEST: Final = 2_000
Values = Mapping[str, object]


class Tally(NamedTuple):
    """Parameters: all, those of token embeddings and an untied head, and those of routed experts."""

    total: int = 0
    embedding: int = 0
    routed: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))

    def times(self, number: int) -> "Tally":
        """As often."""
        return Tally(*(a * number for a in self))


class Group(NamedTuple):
    """Tensors that are there together: `size` parameters for each round of `loops` in which `when` holds."""

    size: Expression
    when: Expression | None
    loops: tuple[Expression, ...]
    mark: str


class Inner(NamedTuple):
    """A model inside a model, built from a section of the configuration."""

    section: str
    named: str
    when: Expression | None


@dataclass(frozen=True)
class Blueprint:
    """One class; `types` are the model types it is built for, `seen` the options that builds had."""

    types: tuple[str, ...]
    groups: tuple[Group, ...]
    inner: tuple[Inner, ...]
    seen: Mapping[str, tuple[object, ...]]


@dataclass(frozen=True)
class ConfigClass:
    """What a model type's configuration need not say.

    Attributes:
        defaults: Values of what is left out.
        derived: Expressions for what is left out or null: one, or for lists a length with an expression or with pairs
            of a value and its condition.
        forced: The same for what the class overrules even where it is given.
        aliases: Older names and the names they stand for.
        sections: The model type of each section and what it holds when it is left out.
    """

    defaults: Values
    derived: Mapping[str, object]
    forced: Mapping[str, object]
    aliases: Mapping[str, str]
    sections: Mapping[str, tuple[str, Values]]


class Library:
    """The lines of a file, each read when it is first asked for."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = {line.split(",", 1)[0].rstrip("}"): line for line in lines}
        self._blueprints: dict[str, Blueprint | None] = {}
        self._configs: dict[str, ConfigClass | None] = {}
        auto = json.loads(self._lines.get('{"auto":1', "{}"))
        self._bases: dict[str, str] = auto.get("bases", {})
        self._generators: dict[str, str] = auto.get("generators", {})
        self._are_bases, self._are_generators = set(self._bases.values()), set(self._generators.values())

    def classes(self) -> tuple[str, ...]:
        """The names of all classes that have a blueprint."""
        return tuple(json.loads(key[len('{"class":') :]) for key in self._lines if key.startswith('{"class":'))

    def blueprint(self, named: str) -> Blueprint | None:
        """A class's blueprint, None when it has none."""
        if named not in self._blueprints:
            line = self._lines.get(f'{{"class":{json.dumps(named)}')
            self._blueprints[named] = _blueprint(json.loads(line)) if line else None
        return self._blueprints[named]

    def config(self, kind: str) -> ConfigClass | None:
        """What a model type's configuration leaves out, None when it is unknown."""
        if kind not in self._configs:
            line = self._lines.get(f'{{"config":{json.dumps(kind)}')
            self._configs[kind] = _config_class(json.loads(line)) if line else None
        return self._configs[kind]

    def knows(self, kind: str) -> bool:
        """Whether a model type is one of those of transformers."""
        return kind in self._bases or self.config(kind) is not None

    def class_for(self, named: str, kind: str) -> str:
        """A class, or the one of the same kind for another model type than it was seen with."""
        if named in self._are_bases and kind in self._bases:
            return self._bases[kind]
        if named in self._are_generators and kind in self._generators:
            return self._generators[kind]
        return named


@lru_cache(maxsize=1)
def library() -> Library:
    """The blueprints of this package."""
    return Library(_FILE.read_text().splitlines() if _FILE.exists() else [])


def _blueprint(values: Mapping[str, Any]) -> Blueprint:
    return Blueprint(
        tuple(values["types"]),
        tuple(Group(read_expression(size), _question(when), tuple(read_expression(x) for x in loops), mark)
              for size, when, loops, mark in values["tensors"]),
        tuple(Inner(section, named, _question(when)) for section, named, when in values.get("inner", ())),
        {name: tuple(seen) for name, seen in values.get("seen", {}).items()},
    )  # fmt: skip


def _config_class(values: Mapping[str, Any]) -> ConfigClass:
    return ConfigClass(
        values.get("defaults", {}), values.get("derived", {}), values.get("forced", {}), values.get("aliases", {}),
        {name: (kind, given) for name, (kind, given) in values.get("sections", {}).items()},
    )  # fmt: skip


def _question(text: str) -> Expression | None:
    return read_expression(text) if text else None


@dataclass
class Level:
    """One level of a configuration, with what its class implies behind it; looked up by dotted names."""

    values: Values
    kind: str
    known: Library
    depth: int = 0
    _cache: dict[str, object] = field(default_factory=dict)

    def value(self, name: str) -> object:
        """A value by its dotted name.

        Raises:
            UnknownValueError: neither the configuration nor its class tells.
        """
        head, _, rest = name.partition(".")
        if head == "given":
            return self._given(rest)
        if rest:
            return self.section(head).value(rest)
        if name not in self._cache:
            self._cache[name] = _UNDER_WAY
            self._cache[name] = self._found(name)
        if self._cache[name] is _UNDER_WAY:
            raise UnknownValueError(name)
        return self._cache[name]

    def _found(self, name: str) -> object:
        cls = self.known.config(self.kind) or _NO_CLASS
        if name == "num_labels":
            labels = self.values.get("id2label")
            return len(labels) if isinstance(labels, dict) else self.values.get("num_labels", 2)
        if name in cls.forced:
            return self._derive(cls.forced[name])
        given = self._told(name)
        if given is not _MISSING and (given is not None or name in cls.defaults):
            return given
        if name in cls.derived:
            return self._derive(cls.derived[name])
        if name in cls.defaults:
            return cls.defaults[name]
        if given is None:
            return None
        raise UnknownValueError(name)

    def _told(self, name: str) -> object:
        """What the configuration says, by its name or an older one."""
        aliases = (self.known.config(self.kind) or _NO_CLASS).aliases
        names = [name, *(old for old, new in aliases.items() if new == name)]
        return next((self.values[n] for n in names if n in self.values), _MISSING)

    def _given(self, name: str) -> object:
        """What the configuration says or leaves to a constant, whatever its class makes of it."""
        told = self._told(name)
        if told is not _MISSING and told is not None:
            return told
        return (self.known.config(self.kind) or _NO_CLASS).defaults.get(name)

    def _derive(self, how: object) -> object:
        if isinstance(how, str):
            return read_expression(how).any_value(self)
        if not isinstance(how, list):
            return how
        length = read_expression(how[0]).number(self)
        if length > _LONGEST:
            raise UnknownValueError(how[0])
        if isinstance(how[1], str):
            return [read_expression(how[1]).any_value(self, (i,)) for i in range(length)]
        return [next((value for value, when in how[1] if not when or read_expression(when).holds(self, (i,))), None)
                for i in range(length)]  # fmt: skip

    def section(self, name: str) -> "Level":
        """A section, which may be left out or, in older configurations, written into the root.

        Raises:
            UnknownValueError: there is none.
        """
        found = self._cache.get(f"{name}.")
        if not isinstance(found, Level):
            found = self._cache[f"{name}."] = self._opened(name)
        return found

    def _opened(self, name: str) -> "Level":
        cls = self.known.config(self.kind) or _NO_CLASS
        kind, given = cls.sections.get(name, ("", {}))
        values = self.values.get(name)
        if self.depth >= _DEEPEST:
            raise UnknownValueError(name)
        if isinstance(values, dict):
            own = values.get("model_type")
            if isinstance(own, str) and self.known.knows(own) and own != self.kind:
                kind = own
            return Level(values, kind, self.known, self.depth + 1)
        if not kind:
            raise UnknownValueError(name)
        if name in ("text_config", "llm_config") and any(n in self.values for n in (*HIDDEN, *LAYERS)):
            flat = {n: v for n, v in self.values.items() if not isinstance(v, dict)}
            return Level(flat, kind, self.known, self.depth + 1)
        return Level(given, kind, self.known, self.depth + 1)

    def resolved(self) -> dict[str, object]:
        """Every value that is told or implied by a constant."""
        return {**(self.known.config(self.kind) or _NO_CLASS).defaults, **self.values}


_MISSING: Final = object()
_UNDER_WAY: Final = object()
_NO_CLASS: Final = ConfigClass({}, {}, {}, {}, {})
Rules = Callable[[Values], int]


@dataclass
class _Counter:
    known: Library
    rules: Rules
    left: int = _MOST_EVALUATIONS

    def model(self, named: str, level: Level) -> Tally:
        """A class built from a level, by its blueprint, else by rules."""
        blueprint = self.known.blueprint(named)
        if blueprint is None or level.kind not in blueprint.types:
            values = {**level.resolved(), "model_type": level.kind, "architectures": [named]}
            if not level.kind or not (total := self.rules(values)):
                raise UnknownValueError(named)
            return Tally(total)
        for name, seen in blueprint.seen.items():
            if level.value(name) not in seen:
                raise UnknownValueError(name)
        tally = Tally()
        for group in blueprint.groups:
            size = self._rounds(group, level, ())
            tally = tally.plus(Tally(size, size * (group.mark == "embedding"), size * (group.mark == "routed")))
        for inner in blueprint.inner:
            if inner.when is None or inner.when.holds(level):
                below = level
                for name in inner.section.split("."):
                    below = below.section(name)
                tally = tally.plus(self.model(self.known.class_for(inner.named, below.kind), below))
        return tally

    def _rounds(self, group: Group, level: Level, at: Index) -> int:
        self.left -= 1
        if self.left < 0:
            raise UnknownValueError("too many layers")
        depth = len(at)
        if depth == len(group.loops):
            there = group.when is None or group.when.holds(level, at)
            return group.size.number(level, at) if there else 0
        count = group.loops[depth].number(level, at)
        rest = (group.size, *group.loops[depth + 1 :], *((group.when,) if group.when else ()))
        if all(part.depth <= depth for part in rest) and count:
            return count * self._rounds(group, level, (*at, 0))
        if count > self.left:
            raise UnknownValueError("too many layers")
        return sum(self._rounds(group, level, (*at, n)) for n in range(count))


def count_by_blueprint(values: Values, rules: Rules, known: Library | None = None) -> Tally | None:
    """What the class that a configuration names would hold, None when no blueprint tells.

    Args:
        values: The configuration's root.
        rules: Counts an inner model that has no blueprint, from its configuration.
        known: The blueprints, those of this package when left out.
    """
    known = known or library()
    kind, named = values.get("model_type"), values.get("architectures")
    if not isinstance(kind, str) or not isinstance(named, list) or not named or not isinstance(named[0], str):
        return None
    blueprint = known.blueprint(named[0])
    if blueprint is None or kind not in blueprint.types:
        return None
    try:
        return _Counter(known, rules).model(named[0], Level(values, kind, known))
    except UnknownValueError:
        return None

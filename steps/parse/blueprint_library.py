"""The lines of `blueprints.jsonl`: what a class's tensors are, and what a model type's configuration leaves out.

`tests/parsing/transformers_table/mine.py` writes the file; `blueprint` counts by it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from steps.parse.expression import Expression, read_expression

_FILE: Final = Path(__file__).with_name("blueprints.jsonl")
Values = Mapping[str, object]


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
    """One class.

    Attributes:
        types: The model types it is built for.
        groups: Its tensors.
        inner: Models inside it.
        seen: The options that builds had.
        unless: What is true of builds that the line counts wrongly; the rules count these.
    """

    types: tuple[str, ...]
    groups: tuple[Group, ...]
    inner: tuple[Inner, ...]
    seen: Mapping[str, tuple[object, ...]]
    unless: Expression | None = None


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
        names: All its names that say how large something is.
    """

    defaults: Values
    derived: Mapping[str, object]
    forced: Mapping[str, object]
    aliases: Mapping[str, str]
    sections: Mapping[str, tuple[str, Values]]
    names: frozenset[str] = frozenset()


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
        _question(values.get("unless", "")),
    )  # fmt: skip


def _config_class(values: Mapping[str, Any]) -> ConfigClass:
    return ConfigClass(
        values.get("defaults", {}), values.get("derived", {}), values.get("forced", {}), values.get("aliases", {}),
        {name: (kind, given) for name, (kind, given) in values.get("sections", {}).items()},
        frozenset(values.get("names", ())),
    )  # fmt: skip


def _question(text: str) -> Expression | None:
    return read_expression(text) if text else None

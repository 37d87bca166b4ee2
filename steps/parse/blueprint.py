"""Counts a model by the blueprint of its class: which tensors transformers builds from a configuration, as arithmetic.

`blueprints.jsonl` holds what `tests/parsing/transformers_table` found out by building each class from many varied
configurations: sizes, numbers of layers and conditions, no tensor's name. A class that the rules of `formula` count as
well has no line. A configuration with an option that no build had is left to the rules, and so are one like the builds
that the line counts wrongly (`unless`) and one that does not give what an expression needs.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from steps.parse.blueprint_library import ConfigClass, Group, Library, Values, library
from steps.parse.config import HIDDEN, LAYERS
from steps.parse.expression import Index, UnknownValueError, read_expression

SIZES: Final = re.compile(r"(size|dim|heads|layers|experts|rank|width|channels)$")
"""Names that say how large something is."""
_MOST_EVALUATIONS: Final = 100_000
_DEEPEST: Final = 6
_LONGEST: Final = 2_000


class Tally(NamedTuple):
    """Parameters: all, those of token embeddings and an untied head, and those of routed experts."""

    total: int = 0
    embedding: int = 0
    routed: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


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
        if head == "per_layer":
            return self._by_layer(rest)
        if rest:
            return self.section(head).value(rest)
        if name not in self._cache:
            self._cache[name] = _UNDER_WAY
            self._cache[name] = self._found(name)
        if self._cache[name] is _UNDER_WAY:
            raise UnknownValueError(name)
        return self._cache[name]

    def value_or_none(self, name: str, may_miss: bool) -> object:
        """A value by its dotted name, or none where nobody tells and that is allowed.

        Raises:
            UnknownValueError: nobody tells.
        """
        try:
            return self.value(name)
        except UnknownValueError:
            if may_miss:
                return None
            raise

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
        # older transformers asked the section: Mistral 3.1 leaves both out and is untied
        is_old = name == "tie_word_embeddings" and isinstance(self.values.get("text_config"), dict)
        if is_old and cls.defaults.get(name):
            raise UnknownValueError(name)
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

    def _by_layer(self, name: str) -> object:
        """What layers have of their own, as a list, or what all of them have."""
        overrides = self.values.get("per_layer_config")
        if not isinstance(overrides, dict):
            how = (self.known.config(self.kind) or _NO_CLASS).derived.get(f"per_layer.{name}")
            return self.value(name) if how is None else self._derive(how)
        usual, layers = self.value(name), read_expression("num_hidden_layers").number(self)
        if layers > _LONGEST:
            raise UnknownValueError("num_hidden_layers")
        by_number = {n.lstrip("0") or "0": one for n, one in overrides.items()}  # "02" where there are ten or more
        own = [by_number.get(str(n)) for n in range(layers)]
        return [one.get(name, usual) if isinstance(one, dict) else usual for one in own]

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
            if isinstance(own, str) and own and self.known.knows(own) and own != self.kind:
                kind = own
            return Level(values, kind, self.known, self.depth + 1)
        if not kind:
            raise UnknownValueError(name)
        if name in ("text_config", "llm_config") and any(n in self.values for n in (*HIDDEN, *LAYERS)):
            flat = {n: v for n, v in self.values.items() if not isinstance(v, dict)}
            return Level(flat, kind, self.known, self.depth + 1)
        return Level(given, kind, self.known, self.depth + 1)

    def foreign(self) -> str:
        """A size that the configuration gives and its class does not know, so that no build had it; "" for none."""
        names = (self.known.config(self.kind) or _NO_CLASS).names
        return next((n for n, v in self.values.items() if v is not None and n not in names and SIZES.search(n)), "")

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
        if foreign := level.foreign():
            raise UnknownValueError(foreign)
        for name, seen in blueprint.seen.items():
            if level.value_or_none(name, None in seen) not in seen:
                raise UnknownValueError(name)
        if blueprint.unless is not None and blueprint.unless.holds(level):
            raise UnknownValueError(blueprint.unless.text)
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

"""Whether a runtime's version of a format or framework serves a model's version. `format_match` calls it.

OME compares for equality unless an entry names an operator, so that a patch release of transformers is enough to
refuse a model. Here an entry without an operator accepts its own major version and prefers an exact one.
"""

import re
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

_VERSION = re.compile(
    r"[vV]?(?P<release>\d+(?:\.\d+)*)(?P<dot>[-.]?)(?P<pre>(?:a|b|c|rc|alpha|beta|pre|preview)[-.]?\d*(?:\.\d+)*)?"
    r"(?P<dev>[-.]?dev\d*)?(?:\+(?P<build>[0-9A-Za-z.\-]+))?"
)
_RANKS = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "pre": 2, "preview": 2, "rc": 2}
_FINAL: tuple[int, tuple[int, ...]] = (3, ())
_LONGEST = 64


class VersionLevel(IntEnum):
    """How well two versions meet; a higher one is preferred."""

    REFUSED = 0
    OLDER = 1
    """The runtime is older than the model asks for: it may work, so it is a warning."""
    UNCHECKED = 2
    """One of the two is not given."""
    COMPATIBLE = 3
    EXACT = 4


class VersionMatch(NamedTuple):
    """How two versions meet.

    Attributes:
        level: How well.
        reason: A clause where it is not plain.
        accepted: What would be right, when it is refused.
    """

    level: VersionLevel
    reason: str = ""
    accepted: str = ""


class Version(NamedTuple):
    """A version as numbers; missing parts count as 0, `v` is ignored, pre-releases come before the release."""

    release: tuple[int, ...]
    pre: tuple[int, tuple[int, ...]]
    dev: int
    build: str

    @property
    def order(self) -> tuple[object, ...]:
        """What ordering looks at. A build (`+cu124`) does not order, as in semantic versioning."""
        return (self.release, self.pre, self.dev)


_LAST_DEV = 1 << 62  # "no .devN" comes after every .devN


@lru_cache(maxsize=4096)
def parse_version(text: str) -> Version | None:
    """`[v]major[.minor[.patch…]][-pre][.devN][+build]`, or None when the text is not a version."""
    found = _VERSION.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None or (found["dot"] and not (found["pre"] or found["dev"])):
        return None
    release = [int(part) for part in found["release"].split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    pre = _FINAL
    if found["pre"]:
        word = re.match(r"[a-z]+", found["pre"])
        numbers = tuple(int(n) for n in re.findall(r"\d+", found["pre"]))
        pre = (_RANKS[word[0]] if word else 0, numbers)
    dev = _LAST_DEV
    if found["dev"]:
        dev = int(re.sub(r"\D", "", found["dev"]) or 0)
        # A development version of a release comes before its pre-releases.
        pre = pre if found["pre"] else (-1, ())
    return Version(tuple(release), pre, dev, found["build"] or "")


def compare_numbers(left: str, right: str) -> int:
    """-1, 0 or 1 for version numbers such as compute capabilities: 10.0 is above 9.0. Unreadable ones come first."""
    a, b = parse_version(left), parse_version(right)
    if a is None or b is None:
        return (a is not None) - (b is not None)
    return (a.order > b.order) - (a.order < b.order)


def match_version(what: str, model: str, runtime: str, operator: str = "") -> VersionMatch:
    """Compare a model's version with that of a runtime's entry.

    Args:
        what: What the version is of, for the sentence: "format", "framework".
        model: The model's version, "" when unknown.
        runtime: The entry's version, "" when it names none.
        operator: The entry's operator: Equal, GreaterThan, GreaterThanOrEqual (the runtime's version is on the left),
            or "" for this project's own rule.
    """
    if not runtime:
        return VersionMatch(level=VersionLevel.UNCHECKED)
    if not model:
        reason = f"the model has no {what} version to compare with the runtime's {runtime}"
        if operator:
            return VersionMatch(level=VersionLevel.REFUSED, reason=reason, accepted=_asked(runtime, operator))
        return VersionMatch(level=VersionLevel.UNCHECKED, reason=reason)
    ours, theirs = parse_version(runtime), parse_version(model)
    if ours is None or theirs is None:
        return _match_text(what, model, runtime, operator)
    if operator:
        return _match_operator(f"{what} version {model} is not supported", theirs, ours, runtime, operator)
    if ours == theirs:
        return VersionMatch(level=VersionLevel.EXACT)
    if ours.release[0] != theirs.release[0]:
        reason = f"{what} version {model} is of another major version than the runtime's {runtime}"
        return VersionMatch(level=VersionLevel.REFUSED, reason=reason, accepted=f"{ours.release[0]}.x")
    if ours.order >= theirs.order:
        return VersionMatch(level=VersionLevel.COMPATIBLE)
    reason = f"the model's {what} version {model} is above the runtime's {runtime}, which may lack what it uses"
    return VersionMatch(level=VersionLevel.OLDER, reason=reason)


def _match_operator(problem: str, model: Version, ours: Version, runtime: str, operator: str) -> VersionMatch:
    holds = {
        "Equal": ours == model,
        "GreaterThan": ours.order > model.order,
        "GreaterThanOrEqual": ours.order >= model.order,
    }
    if not holds.get(operator, False):
        return VersionMatch(level=VersionLevel.REFUSED, reason=problem, accepted=_asked(runtime, operator))
    return VersionMatch(level=VersionLevel.EXACT if ours == model else VersionLevel.COMPATIBLE)


def _match_text(what: str, model: str, runtime: str, operator: str) -> VersionMatch:
    """Versions that are not numbers ("main") only meet when they are the same text."""
    if model == runtime and operator != "GreaterThan":
        return VersionMatch(level=VersionLevel.EXACT)
    reason = f'{what} versions "{model}" (model) and "{runtime}" (runtime) cannot be compared'
    if operator:
        return VersionMatch(level=VersionLevel.REFUSED, reason=reason, accepted=_asked(runtime, operator))
    return VersionMatch(level=VersionLevel.OLDER, reason=reason)


def _asked(runtime: str, operator: str) -> str:
    asked = {"GreaterThan": f"a version below {runtime}", "GreaterThanOrEqual": f"{runtime} or below"}
    return asked.get(operator, runtime)

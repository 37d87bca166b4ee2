"""Traffic scenarios, in genai-bench's own grammar: `D(100,1000)`, `E(128)` and their like."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from crds.problems import FieldError, did_you_mean, shown

FORMS: Mapping[str, str] = {
    "D": "D(input,output)",
    "N": "N(mean,deviation)/(mean,deviation)",
    "U": "U(max_input,max_output) or U(min,max)/(min,max)",
    "E": "E(tokens)",
    "R": "R(document,query)",
    "I": "I(width,height[,images])",
    "A": "A(characters)",
    "dataset": "dataset",
}
"""How each kind of scenario is written."""

TASKS: Mapping[str, tuple[str, ...]] = {
    "text-to-text": ("D", "N", "U", "dataset"),
    "image-to-text": ("I", "dataset"),
    "text-to-embeddings": ("E", "dataset"),
    "image-to-embeddings": ("I", "dataset"),
    "text-to-rerank": ("R", "dataset"),
    "text-to-image": ("I", "dataset"),
    "text-to-speech": ("A", "dataset"),
    "image-text-to-text": ("I", "dataset"),
}
"""The tasks, and the kinds of scenario that each can run. genai-bench calls OME's image-to-text image-text-to-text."""

LONGEST = 64
"""Characters of a scenario; the longest that can be written has 45."""
MOST = 64
"""Scenarios, or concurrencies, of one job or gate."""

_SCENARIO = re.compile(
    r"(?P<kind>[A-Z])\((?P<first>\d{1,9}(,\d{1,9})*)\)(/\((?P<second>\d{1,9}(,\d{1,9})*)\))?", re.ASCII
)
_COUNTS: Mapping[str, tuple[tuple[int, int], ...]] = {
    "D": ((2, 0),),
    "N": ((2, 2),),
    "U": ((2, 0), (2, 2)),
    "E": ((1, 0),),
    "R": ((2, 0),),
    "I": ((2, 0), (3, 0)),
    "A": ((1, 0),),
}


@dataclass(frozen=True)
class Scenario:
    """What each request of a run is like.

    Attributes:
        kind: A key of `FORMS`.
        numbers: Of the first pair of brackets.
        output: Of the second pair, empty when there is none.
    """

    kind: str
    numbers: tuple[int, ...] = ()
    output: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.kind == "dataset":
            return "dataset"
        first = f"{self.kind}({','.join(map(str, self.numbers))})"
        return f"{first}/({','.join(map(str, self.output))})" if self.output else first


def parse_scenario(text: str, task: str = "") -> Scenario:
    """A scenario, checked against the task when one is given.

    Raises:
        FieldError: says what is wrong, and which forms the task takes.
    """
    accepted = _accepted(task)
    if text == "dataset":
        scenario = Scenario("dataset")
    else:
        match = _SCENARIO.fullmatch(text)
        if match is None or match["kind"] not in FORMS:
            hint = "; write it without blanks" if re.search(r"\s", text) else ""
            raise FieldError(f"{shown(text)} is not a traffic scenario{hint}", accepted=accepted)
        scenario = Scenario(match["kind"], _numbers(match["first"]), _numbers(match["second"] or ""))
        _check_numbers(text, scenario)
    if task in TASKS and scenario.kind not in TASKS[task]:
        raise FieldError(f"{shown(text)} is no scenario of the task {task}", accepted=accepted)
    return scenario


def checked_task(task: str) -> str:
    """`task` when it is one.

    Raises:
        FieldError: with a suggestion.
    """
    if task not in TASKS:
        guess = did_you_mean(task, TASKS)
        hint = f'; did you mean "{guess}"?' if guess else ""
        raise FieldError(f"{shown(task)} is not a task{hint}", accepted=", ".join(TASKS))
    return task


def _accepted(task: str) -> str:
    kinds = TASKS.get(task, tuple(FORMS))
    return ", ".join(FORMS[kind] for kind in kinds) + (f" for {task}" if task in TASKS else "")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(",")) if text else ()


def _check_numbers(text: str, scenario: Scenario) -> None:
    kind, numbers, output, form = scenario.kind, scenario.numbers, scenario.output, FORMS[scenario.kind]
    if (len(numbers), len(output)) not in _COUNTS[kind]:
        raise FieldError(f"{shown(text)} has the wrong number of values", accepted=form)
    is_range = kind == "U" and bool(output)
    if is_range and (numbers[0] > numbers[1] or output[0] > output[1]):
        raise FieldError(f"{shown(text)} has a minimum above its maximum", accepted=form)
    if kind == "N":
        positive: tuple[int, ...] = (numbers[0], output[0])
    elif is_range:
        positive = (numbers[1], output[1])
    else:
        positive = numbers
    if min(positive) < 1:
        raise FieldError(f"{shown(text)} has a 0 where at least 1 is needed", accepted=form)

"""How a service goes from one revision to the next: at once, beside each other, step by step."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from crds.base import ApiType, Flag, Percentage, Positive
from crds.problems import FieldError, shown
from crds.scenario import LONGEST, parse_scenario
from crds.thresholds import Thresholds

RolloutStrategy = Literal["Recreate", "RollingUpdate", "Canary", "BlueGreen"]
_MOST_IN_GATE = 8
APPROVAL = "approval"
"""The pause that ends when a person resumes the run."""

_DURATION = re.compile(r"(?=\d)(\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?", re.ASCII)


def _checked_pause(pause: str) -> str:
    if pause != APPROVAL and not (_DURATION.fullmatch(pause) and any(map(int, re.findall(r"\d+", pause)))):
        raise FieldError(
            f"{shown(pause)} is not a pause", accepted='a duration such as "30m" or "1h30m", or "approval"'
        )
    return pause


def _checked_scenario(text: str) -> str:
    return str(parse_scenario(text, "text-to-text"))


class BenchmarkGate(ApiType):
    """A short benchmark of the new revision against the stable one; a regression stops the rollout."""

    traffic_scenarios: tuple[Annotated[str, Field(max_length=LONGEST), AfterValidator(_checked_scenario)], ...] = (
        Field(default=(), max_length=_MOST_IN_GATE)
    )
    num_concurrency: tuple[Positive, ...] = Field(default=(), max_length=_MOST_IN_GATE)
    max_requests_per_iteration: Positive | None = None
    max_time_per_iteration: Positive | None = None
    thresholds: Thresholds | None = None


class RolloutStep(ApiType):
    """One step of a canary: send traffic, then wait, then measure.

    Attributes:
        weight: Percent of traffic of the new revision from here on; None leaves it.
        pause: How long to wait, "approval" for a person's go-ahead, "" for not at all.
        benchmark: The gate that must pass before the next step.
    """

    weight: Percentage | None = None
    pause: Annotated[
        str, Field(max_length=32), AfterValidator(lambda pause: _checked_pause(pause) if pause else pause)
    ] = ""
    benchmark: BenchmarkGate | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.weight is None and not self.pause and self.benchmark is None:
            raise FieldError("is an empty step", accepted="at least one of weight, pause and benchmark")
        return self


class Rollout(ApiType):
    """How a new revision takes over.

    Attributes:
        strategy: Recreate stops the old revision first, for clusters with no spare accelerators.
        steps: Of a canary: weights ascend, the last one is 100.
        auto_rollback: Whether a failed gate brings the stable revision back; None counts as true.
    """

    strategy: RolloutStrategy = "RollingUpdate"
    steps: tuple[RolloutStep, ...] = Field(default=(), max_length=20)
    auto_rollback: Flag | None = Field(default=None)

    @model_validator(mode="after")
    def _weights_ascend(self) -> Self:
        if self.steps and self.strategy != "Canary":
            raise FieldError(
                f"are given for the strategy {self.strategy}", accepted="steps with the strategy Canary", field="steps"
            )
        if self.strategy == "Canary" and not self.steps:
            raise FieldError("are missing", accepted="steps whose weights ascend to 100", field="steps")
        previous = -1
        last = 0
        for index, step in enumerate(self.steps):
            if step.weight is None:
                continue
            if step.weight <= previous:
                message = f"{step.weight} does not come after {previous}"
                raise FieldError(message, accepted="weights that ascend to 100", field=f"steps[{index}].weight")
            previous, last = step.weight, index
        if self.steps and previous != 100:
            message = f"{previous} is the last weight" if previous >= 0 else "no step has a weight"
            field = f"steps[{last}].weight" if previous >= 0 else "steps"
            raise FieldError(message, accepted="weights that ascend to 100", field=field)
        return self

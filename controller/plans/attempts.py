"""Whether and when to try again after failures, from the runs that there are.

Failures that another attempt may mend are tried again with doubling waits, up to a bound; a full disk is looked at
again with long ones, doubling too, until there is room; hopeless ones wait until the inputs change, which makes their
history another one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final

from controller.observed import Context, Settings
from controller.plans.failures import Failure
from controller.plans.runs import Run, parse_time

_LARGEST_EXPONENT: Final = 20
_LONGEST_SLOW: Final = 12
"""The longest wait for what a person has to mend on a node, in first ones: an hour, where that is five minutes."""
_SLOWLY: Final = 'It is tried again after growing waits; set the annotation "ome.io/retry" to try now.'


@dataclass(frozen=True, slots=True)
class Failed:
    """One failed attempt.

    Attributes:
        finished: RFC 3339.
    """

    failure: Failure
    finished: str


@dataclass(frozen=True, slots=True)
class Prospect:
    """What comes next.

    Attributes:
        wait_seconds: Until the next attempt: 0 for now, None for never.
        failures: Attempts that failed one after the other until now, all with the patience of the last.
        last: The newest of them.
    """

    wait_seconds: float | None = 0.0
    failures: int = 0
    last: Failure | None = None

    @property
    def is_due(self) -> bool:
        """Whether to try now."""
        return self.wait_seconds == 0

    @property
    def outlook(self) -> str:
        """A sentence on what comes next; "" without a failure."""
        if self.last is None:
            return ""
        if self.wait_seconds is None and self.last.patience == "retry":
            return f'Gave up after {self.failures} attempts; set the annotation "ome.io/retry" to try again.'
        if self.wait_seconds is None:
            return "Not tried again until the spec, its Secret or the annotation ome.io/retry changes."
        return _SLOWLY if self.last.patience == "slow" else "It is tried again."


def prospect(failed: Sequence[Failed], settings: Settings, now: datetime) -> Prospect:
    """What follows consecutive failures.

    Args:
        failed: Newest last, none of them followed by a success.
        settings: Waits and bounds.
        now: The time.
    """
    if not failed:
        return Prospect()
    last = failed[-1].failure
    count = sum(1 for _ in takewhile(lambda one: one.failure.patience == last.patience, reversed(failed)))
    if last.patience == "never" or (last.patience == "retry" and count >= settings.max_attempts):
        return Prospect(None, count, last)
    wait = _slow_wait(count, settings) if last.patience == "slow" else doubled_wait(count, settings)
    return Prospect(seconds_left(failed[-1].finished, wait, now), count, last)


def doubled_wait(failures: int, settings: Settings) -> float:
    """Seconds from so many failures to the next attempt, from 1."""
    exponent = min(failures - 1, _LARGEST_EXPONENT)
    return min(settings.retry_seconds * 2.0**exponent, settings.slow_retry_seconds)


def _slow_wait(failures: int, settings: Settings) -> float:
    return settings.slow_retry_seconds * min(2.0 ** min(failures - 1, _LARGEST_EXPONENT), _LONGEST_SLOW)


def seconds_left(finished: str, wait: float, now: datetime) -> float:
    """What is left of a wait since a time in RFC 3339."""
    return max((parse_time(finished) + timedelta(seconds=wait) - now).total_seconds(), 0.0)


def prospect_of(runs: Sequence[Run], context: Context, tasks: Collection[str] | None = None) -> Prospect:
    """What follows the newest of some runs that have failed one after the other.

    Args:
        runs: Newest last; those that go on do not count.
        context: Waits and bounds, and the time.
        tasks: Whose failures count, "" for the run's own; one elsewhere ends the row as a success does. None for all.
    """
    failed: list[Failed] = []
    for run in reversed(runs):
        if run.is_active:
            continue
        told = run.failure
        if told is None or (tasks is not None and told.task not in tasks):
            break
        failed.append(Failed(told, run.finished))
    return prospect(failed[::-1], context.settings, context.now)


def since_success(runs: Sequence[Run], status: Mapping[str, Any]) -> tuple[Run, ...]:
    """Runs without those that failed before the success that a status remembers: failures are kept for longer."""
    workflow = status.get("workflow") or {}
    if workflow.get("phase") != "Succeeded":
        return tuple(runs)
    at = str(workflow.get("finishedAt") or "")
    return tuple(run for run in runs if run.phase != "Failed" or run.finished > at)


def soonest(waits: Sequence[float | None]) -> float | None:
    """The shortest of some waits; None when there is none."""
    known = [wait for wait in waits if wait is not None]
    return min(known) if known else None

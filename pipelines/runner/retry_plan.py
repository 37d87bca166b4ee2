"""Whether and when a failed step runs again: `retryStrategy`, read and decided without waiting.

Called by `leaf_run` after each failed attempt.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.runner.expression import condition_names, evaluate_condition
from pipelines.runner.supported import BACKOFF, RETRY, check_fields
from steps.errors import InvalidInputError, UnsupportedError

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_POLICIES: Mapping[str, tuple[str, ...]] = {
    "Always": ("Failed", "Error"), "OnFailure": ("Failed",), "OnError": ("Error",),
}  # fmt: skip
_NAMES = ("lastRetry.exitCode", "lastRetry.status", "lastRetry.duration", "lastRetry.message")


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """What the decision is made from; `exit_code` is None when there was none, as after a deadline."""

    phase: Literal["Failed", "Error"]
    exit_code: int | None
    seconds: float
    message: str


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """A `retryStrategy` that has been read.

    Attributes:
        limit: How many attempts may follow the first.
        phases: Which phases are tried again.
        expression: A condition that must hold too; "" for none.
        delay, factor, cap: Seconds before the first retry, how they grow, and what they never exceed.
        patience: Seconds after the first start when no new attempt begins.
    """

    limit: float = 0
    phases: tuple[str, ...] = ()
    expression: str = ""
    delay: float = 0.0
    factor: float = 1.0
    cap: float = math.inf
    patience: float = math.inf

    def delay_before_next(self, attempts: int, last: LastAttempt, since_start: float) -> float | None:
        """Seconds to wait before another attempt, or None when there is none.

        Args:
            attempts: How many have been made.
            last: The one that failed.
            since_start: Seconds since the first began.
        """
        if attempts > self.limit or last.phase not in self.phases:
            return None
        scope = {
            "lastRetry.exitCode": str(-1 if last.exit_code is None else last.exit_code),
            "lastRetry.status": last.phase,
            "lastRetry.duration": str(int(last.seconds)),
            "lastRetry.message": last.message,
        }
        if self.expression and not evaluate_condition(self.expression, scope):
            return None
        wait = min(self.delay * self.factor ** (attempts - 1), self.cap)
        return wait if since_start + wait <= self.patience else None


def read_retry(where: str, strategy: Mapping[str, Any] | None) -> RetryPlan:
    """The plan of a template's `retryStrategy`; without one a step is tried once.

    Raises:
        UnsupportedError: names what is refused.
        InvalidInputError: names the value that cannot be read.
    """
    if strategy is None:
        return RetryPlan()
    where = f"{where}.retryStrategy"
    check_fields(where, strategy, RETRY)
    backoff = check_fields(f"{where}.backoff", strategy.get("backoff") or {}, BACKOFF)
    expression = str(strategy.get("expression") or "")
    for name in condition_names(expression) if expression else ():
        if name not in _NAMES:
            raise UnsupportedError(f'{where}.expression uses "{name}"', remedy=f"Accepted: {', '.join(_NAMES)}.")
    policy = str(strategy.get("retryPolicy") or ("Always" if expression else "OnFailure"))
    if policy not in _POLICIES:
        raise UnsupportedError(f'{where}.retryPolicy is "{policy}"', remedy=f"Accepted: {', '.join(_POLICIES)}.")
    return RetryPlan(
        limit=_number(f"{where}.limit", strategy.get("limit"), math.inf),
        phases=_POLICIES[policy],
        expression=expression,
        delay=seconds_of(f"{where}.backoff.duration", backoff.get("duration"), 0.0),
        factor=_number(f"{where}.backoff.factor", backoff.get("factor"), 1.0),
        cap=seconds_of(f"{where}.backoff.cap", backoff.get("cap"), math.inf),
        patience=seconds_of(f"{where}.backoff.maxDuration", backoff.get("maxDuration"), math.inf),
    )


def seconds_of(where: str, value: object, default: float) -> float:
    """Seconds of a duration such as "90", "1m30s" or "200ms".

    Raises:
        InvalidInputError: names the value.
    """
    if value is None or value == "":
        return default
    text = str(value).strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InvalidInputError(f'{where}: "{text}" is not a duration', remedy='Write it as "90", "30s" or "1m30s".')
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _number(where: str, value: object, default: float) -> float:
    if value is None:
        return default
    try:
        return float(str(value))
    except ValueError:
        raise InvalidInputError(f'{where}: "{value}" is not a number') from None

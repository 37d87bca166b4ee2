"""How long to go on after failures: how many attempts, how long between them, and how long a source may make us wait.

Pure but for the settings, which come from the environment. The synchronous reads of sources and the download engine
both ask it.
"""

import math
import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from steps.errors import IntegrityError, InvalidInputError, OmeError, RateLimitedError

MOST_REFUSALS = 100
"""In a row, of one transfer: while others are served, no wait of it counts."""


@dataclass(frozen=True)
class TransferSettings:
    """What governs transfers; every field can be set by an environment variable.

    Attributes:
        stall_seconds: A connection with no byte for so long is cut (`OME_STALL_SECONDS`).
        attempts: Failures in a row, without a byte between them, until the error is final (`OME_TRANSFER_ATTEMPTS`).
        backoff_seconds: Wait after the first failure; doubles up to 30 s (`OME_BACKOFF_SECONDS`).
        rate_limit_seconds: How long an import waits, with nothing served between, for a source that says it is asked
            too often (`OME_RATE_LIMIT_SECONDS`).
        connections: Transfers at once, while the source takes so many (`OME_CONNECTIONS`).
    """

    stall_seconds: float = 60.0
    attempts: int = 6
    backoff_seconds: float = 0.5
    rate_limit_seconds: float = 300.0
    connections: int = 8

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "TransferSettings":
        """Read the settings.

        Raises:
            InvalidInputError: names the variable and its value.
        """
        return cls(
            stall_seconds=_positive(environment, "OME_STALL_SECONDS", cls.stall_seconds),
            attempts=int(_positive(environment, "OME_TRANSFER_ATTEMPTS", cls.attempts)),
            backoff_seconds=_positive(environment, "OME_BACKOFF_SECONDS", cls.backoff_seconds),
            rate_limit_seconds=_positive(environment, "OME_RATE_LIMIT_SECONDS", cls.rate_limit_seconds),
            connections=int(_positive(environment, "OME_CONNECTIONS", cls.connections)),
        )


class Waits:
    """How long a source has had us wait; what several transfers wait for at once counts once.

    Attributes:
        seconds: In all, since the source last served.
        until: When the last wait ends, on the monotonic clock: until then nobody need ask the source.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.until = -math.inf

    def added_by(self, delay: float, now: float) -> float:
        """By how much a wait of `delay` seconds from `now` on would be more than those that are under way."""
        return max(0.0, now + delay - max(self.until, now))

    def add(self, delay: float, now: float) -> None:
        """Wait for so many seconds from `now` on."""
        self.seconds += self.added_by(delay, now)
        self.until = max(self.until, now + delay)

    def served(self) -> None:
        """The source gave something: one that gives so much in five minutes is waited for again and again."""
        self.seconds = 0.0


class Patience:
    """Counts the failures of one transfer. `succeeded` after bytes arrived, `delay_after` after a failure.

    Args:
        settings: Attempts and waits.
        waits: Those of all transfers of the import, which count together; None where there is no other.
    """

    def __init__(self, settings: TransferSettings, waits: Waits | None = None) -> None:
        self._settings = settings
        self._waits = waits if waits is not None else Waits()
        self._failures = 0
        self._refusals = 0

    def succeeded(self) -> None:
        """Bytes arrived: failures count from zero again."""
        self._failures = self._refusals = 0

    def delay_after(self, error: OmeError) -> float:
        """Seconds to wait before the next attempt.

        A source that asks for patience has not failed: that is bounded by time, and does not use up attempts.

        Raises:
            OmeError: `error`, when no further attempt can help or patience has run out.
        """
        if isinstance(error, RateLimitedError):
            return self._rate_limit_delay(error)
        self._failures += 1
        is_final = not error.retryable or isinstance(error, IntegrityError)  # a changed file needs a new run
        if is_final or self._failures >= self._settings.attempts:
            raise error
        backoff = min(30.0, self._settings.backoff_seconds * 2.0 ** (self._failures - 1))
        return backoff * random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, no secret

    def _rate_limit_delay(self, error: RateLimitedError) -> float:
        self._refusals += 1
        delay = min(60.0, self._settings.backoff_seconds * 2.0 ** (self._refusals + 1))
        if error.retry_after_seconds is not None:  # 0, or a time that has passed, is no leave to ask without a pause
            delay = max(self._settings.backoff_seconds, error.retry_after_seconds)
        now = time.monotonic()
        left = self._settings.rate_limit_seconds - self._waits.seconds
        if self._waits.added_by(delay, now) > left or self._refusals > MOST_REFUSALS:
            raise RateLimitedError(
                f"{error.message}; waited {self._waits.seconds:.0f} s and will not wait {delay:.0f} s more",
                remedy=error.remedy,
                retry_after_seconds=delay,
            )
        self._waits.add(delay, now)
        return delay


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """How long an answer asks us to wait: `Retry-After`, `X-RateLimit-Reset` or `RateLimit: ...;t=`.

    Args:
        headers: Of the answer, with case-insensitive keys.
        now: Seconds since the epoch.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    if text:
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - now)
        except ValueError:
            return None
    reset = headers.get("X-RateLimit-Reset", "")  # GitHub's: seconds since the epoch
    if reset.isdecimal() and headers.get("X-RateLimit-Remaining") == "0":
        return max(0.0, float(reset) - now)
    for part in headers.get("RateLimit", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == "t" and value.isdecimal():
            return float(value)
    return None


def _positive(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "")
    try:
        value = float(text) if text else float(default)
    except ValueError:
        value = -1.0
    if not value > 0:
        raise InvalidInputError(f'{name}: "{text}" is not a number above 0')
    return value

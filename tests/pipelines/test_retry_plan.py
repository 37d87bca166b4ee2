"""When a failed step runs again: by limit, policy, exit code and patience, with growing waits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.runner.retry_plan import LastAttempt, read_retry, seconds_of
from steps.errors import InvalidInputError, UnsupportedError

FAILED = LastAttempt("Failed", 20, 1.0, "")


def test_waits_grow_and_are_capped() -> None:
    plan = read_retry("t", {"limit": "5", "backoff": {"duration": "2s", "factor": 3, "cap": "10"}})
    assert [plan.delay_before_next(n, FAILED, 0.0) for n in range(1, 7)] == [2.0, 6.0, 10.0, 10.0, 10.0, None]


def test_patience_ends_the_attempts() -> None:
    plan = read_retry("t", {"limit": 9, "backoff": {"duration": 10, "maxDuration": "1m"}})
    assert plan.delay_before_next(1, FAILED, 50.0) == 10.0
    assert plan.delay_before_next(1, FAILED, 51.0) is None


def test_only_named_exit_codes_are_tried_again() -> None:
    plan = read_retry("t", {"limit": 3, "expression": "asInt(lastRetry.exitCode) in [20]"})
    assert plan.delay_before_next(1, FAILED, 0.0) == 0.0
    assert plan.delay_before_next(1, LastAttempt("Failed", 16, 1.0, ""), 0.0) is None
    assert plan.delay_before_next(1, LastAttempt("Failed", None, 1.0, "deadline"), 0.0) is None


@pytest.mark.parametrize(
    ("policy", "failed", "erred"),
    [("OnFailure", 0.0, None), ("OnError", None, 0.0), ("Always", 0.0, 0.0), (None, 0.0, None)],
)
def test_policies_choose_the_phases(policy: str | None, failed: float | None, erred: float | None) -> None:
    plan = read_retry("t", {"limit": 3, "retryPolicy": policy})
    assert plan.delay_before_next(1, FAILED, 0.0) == failed
    assert plan.delay_before_next(1, LastAttempt("Error", 0, 1.0, ""), 0.0) == erred


def test_without_a_limit_it_never_gives_up_and_without_a_strategy_at_once() -> None:
    assert read_retry("t", {}).limit == math.inf
    assert read_retry("t", None).delay_before_next(1, FAILED, 0.0) is None


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_durations_are_read_as_go_writes_them(hours: int, minutes: int, seconds: int, milliseconds: int) -> None:
    expected = hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    assert seconds_of("x", f"{hours}h{minutes}m{seconds}s{milliseconds}ms", 0) == pytest.approx(expected)
    assert seconds_of("x", str(seconds), 0) == seconds


@pytest.mark.parametrize("text", ["soon", "5 minutes", "1d", "-3s", "s"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match=text):
        seconds_of("spec.x", text, 0)


@pytest.mark.parametrize(
    ("strategy", "named"),
    [
        ({"retryPolicy": "OnTransientError"}, "OnTransientError"),
        ({"expression": 'workflow.status == "x"'}, "workflow.status"),
        ({"expression": "sprig.int(lastRetry.exitCode) == 1"}, "sprig.int"),
        ({"limits": 3}, "limits"),
        ({"backoff": {"jitter": 1}}, "jitter"),
    ],
)
def test_what_is_not_known_is_refused_by_name(strategy: dict[str, object], named: str) -> None:
    with pytest.raises(UnsupportedError, match=named):
        read_retry("t", strategy)

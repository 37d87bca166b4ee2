"""How long transfers go on: attempts count failures alone, and what an import waits for a source counts once."""

import pytest

from steps.cache.turns import Turns
from steps.errors import NetworkError, RateLimitedError
from steps.sources.http_answers import error_of
from steps.sources.patience import MOST_REFUSALS, Patience, TransferSettings, Waits

SETTINGS = TransferSettings(attempts=3, backoff_seconds=0.5, rate_limit_seconds=30)
FAILURE = NetworkError("the source failed")


def refusal(seconds: float | None) -> RateLimitedError:
    return RateLimitedError("asked too often", retry_after_seconds=seconds)


def test_being_asked_for_patience_uses_up_no_attempt() -> None:
    patience = Patience(SETTINGS)
    for _ in range(MOST_REFUSALS):
        assert patience.delay_after(refusal(1)) == 1
    patience.delay_after(FAILURE)
    patience.delay_after(FAILURE)
    with pytest.raises(NetworkError):
        patience.delay_after(FAILURE)


def test_failures_do_not_lengthen_the_waits_that_a_source_leaves_open() -> None:
    patience = Patience(SETTINGS)
    patience.delay_after(FAILURE)
    patience.delay_after(FAILURE)
    assert [patience.delay_after(refusal(None)) for _ in range(3)] == [2, 4, 8]


def test_a_source_that_asks_for_no_wait_is_not_asked_again_without_one() -> None:
    patience = Patience(SETTINGS)
    assert [patience.delay_after(refusal(seconds)) for seconds in (0, 0.1, 7)] == [0.5, 0.5, 7]


def test_refusals_of_one_transfer_end_though_others_are_served() -> None:
    waits = Waits()
    patience = Patience(SETTINGS, waits)
    for _ in range(MOST_REFUSALS):
        patience.delay_after(refusal(1))
        waits.served()
    with pytest.raises(RateLimitedError):
        patience.delay_after(refusal(1))


def test_all_transfers_of_an_import_wait_no_longer_than_the_bound() -> None:
    waits = Waits()
    first, second = Patience(SETTINGS, waits), Patience(SETTINGS, waits)
    assert first.delay_after(refusal(20)) == 20
    assert second.delay_after(refusal(20)) == 20, "both wait at once, which counts once"
    assert waits.seconds == pytest.approx(20, abs=1)
    with pytest.raises(RateLimitedError, match="waited 20 s and will not wait 40 s more"):
        first.delay_after(refusal(40))
    waits.until -= 20  # the wait is over
    with pytest.raises(RateLimitedError):
        second.delay_after(refusal(20))
    assert second.delay_after(refusal(9)) == 9


def test_a_source_that_serves_between_its_refusals_is_waited_for_again() -> None:
    """As a hub that gives so many requests in five minutes."""
    waits = Waits()
    patience, turns = Patience(SETTINGS, waits), Turns(8, waits)
    for _ in range(3):
        assert patience.delay_after(refusal(20)) == 20
        waits.until -= 20  # the wait is over
        with turns.taken():
            pass
    assert patience.delay_after(refusal(20)) == 20
    waits.until -= 20
    with pytest.raises(RateLimitedError):
        patience.delay_after(refusal(20))


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {}, None),
        (429, {"Retry-After": "7"}, 7),
        (503, {"Retry-After": "7"}, 7),
        (503, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0),
        (503, {"Retry-After": "soon"}, None),
        (429, {"Retry-After": "²"}, None),
        (429, {"RateLimit": "limit;t=²"}, None),
        (403, {"X-RateLimit-Remaining": "0"}, None),
    ],
)
def test_answers_that_ask_for_patience_say_for_how_long(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    error = error_of(status, headers, "hf://acme/model", has_token=False)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after_seconds == seconds
    assert ("has too much to do" if status == 503 else "is asked too often") in error.message


def test_a_503_that_asks_for_nothing_is_a_failure() -> None:
    assert isinstance(error_of(503, {}, "hf://acme/model", has_token=False), NetworkError)

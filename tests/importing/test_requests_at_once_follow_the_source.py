"""How many requests a source gets at once: fewer when it has too much to do, again all as it serves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.cache import import_model
from steps.cache.concurrency import Concurrency
from steps.errors import RateLimitedError
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import bytes_there, contents, noise, resolve

WEIGHTS = noise(12_000_000, 1)
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS}
TARGET = "lfs/acme/model/model.safetensors"
SETTING = st.integers(1, 64)
EVENT = st.tuples(st.booleans(), st.floats(0, 5))
"""Whether a request was served, and how long before it began."""


def after(events: list[tuple[bool, float]], limit: Concurrency) -> list[Concurrency]:
    """The limits from first to last, an event a second."""
    limits = [limit]
    for now, (is_served, age) in enumerate(events):
        limits.append(limits[-1].served(now - age) if is_served else limits[-1].overloaded(now - age, now))
    return limits


@given(SETTING, st.lists(EVENT))
def test_limit_stays_from_one_to_what_is_configured(most: int, events: list[tuple[bool, float]]) -> None:
    assert all(1 <= limit.at_once <= most for limit in after(events, Concurrency(most, most)))


@given(SETTING, st.lists(EVENT))
def test_limit_grows_by_one_and_falls_by_half(most: int, events: list[tuple[bool, float]]) -> None:
    limits = after(events, Concurrency(most, most))
    for (is_served, _), before, now in zip(events, limits, limits[1:], strict=False):
        allowed = (before.at_once, before.at_once + 1) if is_served else (before.at_once, max(1, before.at_once // 2))
        assert now.at_once in allowed


@given(SETTING, st.lists(EVENT))
def test_limit_grows_back_to_what_is_configured(most: int, events: list[tuple[bool, float]]) -> None:
    limit = after(events, Concurrency(most, most))[-1]
    for _ in range(most * most):
        limit = limit.served(began=len(events) + 1)
    assert limit.at_once == most


def test_requests_that_were_under_way_together_halve_once() -> None:
    limit = Concurrency(8, 8)
    for _ in range(8):
        limit = limit.overloaded(began=1, now=2)
    assert limit.at_once == 4
    assert limit.overloaded(began=3, now=4).at_once == 2


def test_requests_from_before_a_halving_do_not_undo_it() -> None:
    limit = Concurrency(8, 8).overloaded(began=1, now=2)
    for _ in range(100):
        limit = limit.served(began=1)
    assert limit.at_once == 4


def test_storm_of_429_meets_fewer_requests_each_time(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight connections on their own would ask eight times a second: 40 requests in the time."""
    monkeypatch.setenv("OME_RATE_LIMIT_SECONDS", "5")
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    hub.set_faults(Fault("status", path=TARGET, status=429, retry_after=1, times=0))
    with pytest.raises(RateLimitedError):
        import_model(manifest, "model")
    assert hub.ledger.counts().requests[TARGET] <= 8 + 4 + 2 + 1 + 1 + 1
    hub.set_faults()
    kept = bytes_there(manifest)
    hub.ledger.clear()
    assert contents(import_model(manifest, "model").path) == FILES
    assert hub.ledger.counts().total_bytes == len(WEIGHTS) + 2 - kept


def test_storm_of_429_that_ends_costs_no_byte(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    hub.set_faults(Fault("status", path=TARGET, status=429, retry_after=0, times=30, skip=2))
    assert contents(import_model(manifest, "model").path) == FILES
    assert hub.ledger.counts().total_bytes == len(WEIGHTS) + 2

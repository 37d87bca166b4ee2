"""What every source must do when a transfer goes wrong: go on from the byte it had, wait when told to, or say why not.

`harness.target(path)` names the requests that a fault is for; the ledger counts what was sent for them.
"""

import pytest

from steps.cache import import_model, models_root
from steps.errors import IntegrityError, NetworkError, RateLimitedError
from tests.hub.faults import Fault
from tests.sources.conformance import (
    FILES,
    OTHER_WEIGHTS,
    SIZE,
    WEIGHTS,
    contents,
    fetch,
    importing,
    is_in_models_root,
    read,
    resolve,
    sent,
    sources_with,
)
from tests.sources.harness import SourceHarness

MODEL = "model.safetensors"


@sources_with("faults")
def test_each_byte_is_fetched_once(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    harness.ledger.clear()
    imported = import_model(manifest, "model")
    assert sent(harness, *FILES) == imported.fetched_bytes == SIZE


@sources_with("faults")
def test_transfer_that_breaks_goes_on_where_it_broke(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    harness.ledger.clear()
    harness.set_faults(Fault("short", path=harness.target(MODEL), after=700_000, times=2))
    assert contents(import_model(manifest, "model").path) == FILES
    assert sent(harness, MODEL) == len(WEIGHTS)


@sources_with("faults")
def test_import_after_one_that_failed_goes_on_where_it_failed(
    harness: SourceHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    monkeypatch.setenv("OME_CONNECTIONS", "1")
    harness.put(FILES)
    manifest = resolve(harness)
    harness.ledger.clear()
    harness.set_faults(Fault("short", path=harness.target(MODEL), after=600_000))
    with pytest.raises(NetworkError, match=r"model\.safetensors"):
        import_model(manifest, "model")
    assert not is_in_models_root(models_root())
    again = import_model(manifest, "model")
    assert contents(again.path) == FILES
    assert again.reused_bytes >= 600_000
    assert sent(harness, MODEL) == len(WEIGHTS)


@sources_with("faults")
def test_transfer_that_stalls_is_cut_and_goes_on(harness: SourceHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_STALL_SECONDS", "5")
    harness.put(FILES)
    manifest = resolve(harness)
    harness.ledger.clear()
    harness.set_faults(Fault("stall", path=harness.target(MODEL), after=500_000))
    assert contents(import_model(manifest, "model").path) == FILES
    assert sent(harness, MODEL) == len(WEIGHTS)


@sources_with("faults")
def test_transfer_that_stalls_for_good_is_a_network_error(
    harness: SourceHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.put({MODEL: WEIGHTS})
    manifest = resolve(harness)
    monkeypatch.setenv("OME_STALL_SECONDS", "1")
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "2")
    harness.set_faults(Fault("stall", path=harness.target(MODEL), times=0))
    with pytest.raises(NetworkError, match=r"model\.safetensors"):
        import_model(manifest, "model")


@sources_with("faults")
def test_file_that_is_replaced_during_the_transfer_is_never_mixed(harness: SourceHarness) -> None:
    """The answer under way breaks after the change, so that the rest must be asked for again."""
    harness.put(FILES)
    manifest = resolve(harness)
    harness.ledger.clear()
    harness.set_faults(Fault("short", path=harness.target(MODEL), after=500_000), Fault("hold", after=400_000))
    with importing(manifest) as under_way:
        assert harness.ledger.wait_for_bytes(400_000)
        harness.change(MODEL, OTHER_WEIGHTS)
        harness.set_faults()
    if "keeps old revisions" in harness.capabilities:
        assert contents(under_way.result().path) == FILES
        return
    with pytest.raises(harness.changed_error, match=r"model\.safetensors"):
        under_way.result()
    assert not is_in_models_root(models_root())
    assert contents(fetch(harness).path) == {**FILES, MODEL: OTHER_WEIGHTS}


@sources_with("digests", "faults")
def test_damaged_bytes_are_named_and_fetched_anew(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    harness.set_faults(Fault("flip", path=harness.target(MODEL), after=5, times=0))
    with pytest.raises(IntegrityError, match=r"model\.safetensors"):
        import_model(manifest, "model")
    assert not is_in_models_root(models_root())
    harness.set_faults()
    assert contents(import_model(manifest, "model").path) == FILES


@sources_with("faults", "whole answers")
def test_answer_that_ignores_the_range_still_serves(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    harness.set_faults(Fault("whole", times=0))
    assert read(harness, manifest, MODEL, 2_000_000, 2_000_100) == WEIGHTS[2_000_000:2_000_100]
    imported = import_model(manifest, "model")
    assert contents(imported.path) == FILES
    assert imported.fetched_bytes == SIZE


@sources_with("wire faults")
def test_answer_shorter_than_was_asked_for_is_completed(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    harness.set_faults(Fault("length", path=harness.target(MODEL), after=100_000, times=2))
    assert contents(import_model(manifest, "model").path) == FILES
    harness.set_faults(Fault("length", path=harness.target(MODEL), after=100))
    assert read(harness, manifest, MODEL, 10, 1000) == WEIGHTS[10:1000]


@sources_with("faults")
@pytest.mark.parametrize("status", [500, 502])
def test_server_that_fails_is_asked_again(harness: SourceHarness, status: int) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    harness.set_faults(Fault("status", path=harness.target(MODEL), status=status, times=3))
    assert contents(import_model(manifest, "model").path) == FILES


@sources_with("faults")
def test_listing_that_fails_is_asked_for_again(harness: SourceHarness) -> None:
    harness.put(FILES)
    harness.set_faults(Fault("status", path=harness.listing, status=500, times=2))
    assert len(resolve(harness).files) == len(FILES)


@sources_with("faults", "redirects")
def test_listing_that_leads_in_a_circle_is_a_network_error(
    harness: SourceHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "2")
    harness.put(FILES)
    harness.set_faults(Fault("loop", path=harness.listing, times=0))
    with pytest.raises(NetworkError, match="redirects") as caught:
        resolve(harness)
    assert any(name in caught.value.remedy for name in harness.environment)
    harness.set_faults()
    assert len(resolve(harness).files) == len(FILES)


@sources_with("faults")
def test_reads_of_ranges_go_on_after_failures(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    target = harness.target(MODEL)
    harness.set_faults(Fault("short", path=target, after=10), Fault("status", path=target, status=500))
    assert read(harness, manifest, MODEL, 100, 5000) == WEIGHTS[100:5000]


@sources_with("throttling")
def test_throttling_that_ends_is_waited_for(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    harness.set_faults(harness.throttled(times=10, retry_after=0))
    assert contents(import_model(manifest, "model").path) == FILES


@sources_with("throttling")
def test_throttling_of_the_listing_is_waited_for(harness: SourceHarness) -> None:
    harness.put(FILES)
    harness.set_faults(harness.throttled(times=10, retry_after=0, path=harness.listing))
    assert len(resolve(harness).files) == len(FILES)


@sources_with("throttling")
def test_throttling_storm_ends_with_its_class_and_the_time_asked_for(
    harness: SourceHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_RATE_LIMIT_SECONDS", "5")
    harness.put(FILES)
    manifest = resolve(harness)
    harness.set_faults(harness.throttled(times=0, retry_after=3600))
    with pytest.raises(RateLimitedError, match=r"\.(json|safetensors)") as caught:
        import_model(manifest, "model")
    if "waiting times" in harness.capabilities:
        assert caught.value.retry_after_seconds == pytest.approx(3600, abs=60)
    assert not is_in_models_root(models_root())


@sources_with("throttling")
def test_throttling_storm_of_the_listing_ends_with_its_class(
    harness: SourceHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_RATE_LIMIT_SECONDS", "5")
    harness.put(FILES)
    harness.set_faults(harness.throttled(times=0, retry_after=3600, path=harness.listing))
    with pytest.raises(RateLimitedError):
        resolve(harness)

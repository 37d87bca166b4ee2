"""Noise is not told as a regression, and a real one is found: the verdict on simulated runs of single requests."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.benchmark.noise import ENOUGH, Noise, noise_of
from steps.benchmark.records import CellRecords, RequestRecord
from steps.benchmark.results import BenchmarkReport, summarise
from steps.benchmark.verdict import Baseline, baseline_of, judge_run, results_of
from tests.controller.plans.benchmarks import CRON, JOB, cluster_with, finish, fire, settle
from tests.controller.plans.reports import report

RUNS = 100
ONE_PERCENT = dict.fromkeys(("ttft", "tpot", "endToEnd", "outputTokensPerSecond", "requestsPerSecond"), 1.0)


def requests(
    seed: int, count: int = 300, *, spread: float = 0.05, slower: float = 1.0, drift: float = 0.0
) -> CellRecords:
    """A cell's requests, one after the other.

    Args:
        seed: Of their chance.
        count: How many.
        spread: Standard deviation of the logarithm of their times.
        slower: By what all are slower.
        drift: Standard deviation of what every 20 neighbours share.
    """
    chance = Random(seed)
    made, start, shared = [], 0.0, 0.0
    for number in range(count):
        shared = chance.gauss(0, drift) if drift and number % 20 == 0 else shared
        times = [slower * base * chance.lognormvariate(shared, spread) for base in (0.1, 0.01)]
        end = times[0] + 15 * times[1]
        made.append(RequestRecord(start=start, ttft=times[0], tpot=times[1], end_to_end=end, output_tokens=16))
        start += end
    return CellRecords(scenario="D(64,16)", concurrency=1, records=tuple(made))


def measured(seed: int, **more: Any) -> BenchmarkReport:
    return report().model_copy(update={"cells": (summarise(requests(seed, **more)),)})


def verdicts(thresholds: dict[str, float], change: dict[str, Any], **both: Any) -> list[str]:
    """Of as many simulated runs, each against a baseline of its own."""
    found: list[str] = []
    for seed in range(RUNS):
        before, after = measured(2 * seed, **both), measured(2 * seed + 1, **(both | change))
        found.append(judge_run(after, Baseline("before", baseline_of(before)), thresholds)[0])
    return found


def test_without_a_change_at_most_one_run_in_a_hundred_is_called_worse() -> None:
    found = verdicts({}, {}, spread=0.1, drift=0.1)
    assert found.count("Regressed") <= RUNS // 100
    assert found.count("Inconclusive") > RUNS // 20  # which a plain ratio calls worse


def test_a_slowdown_of_five_percent_is_found_in_three_hundred_requests() -> None:
    assert verdicts(ONE_PERCENT, {"slower": 1.05}).count("Regressed") >= 0.95 * RUNS


def test_a_change_within_its_threshold_passes_and_one_that_may_be_chance_decides_nothing() -> None:
    before = Baseline("before", baseline_of(measured(0, spread=0.5)))
    assert judge_run(measured(1, spread=0.01), Baseline("b", baseline_of(measured(0, spread=0.01))), {})[0] == "Pass"
    verdict, told = judge_run(measured(1, spread=0.5, slower=1.15), before, {})
    assert verdict == "Inconclusive" and "which may be chance" in told and " ± " in told


@pytest.mark.parametrize(("run", "verdict"), [("before", "Inconclusive"), ("", "Regressed")])
def test_a_run_without_noise_is_as_noisy_as_the_new_one_and_given_numbers_are_exact(run: str, verdict: str) -> None:
    """16 % are past 10 % by 3.7 standard errors of the new run, and by 2.6 of both; with 8 figures it takes 3.0."""
    noise = Noise.model_validate({"ttft": {"p50": 0.0145, "p99": 0.0145}})
    new = report(0.116)
    new = new.model_copy(update={"cells": (new.cells[0].model_copy(update={"noise": noise}),)})
    thresholds = {"tpot": 50.0, "endToEnd": 50.0}
    assert judge_run(new, Baseline(run, results_of(report(0.1))), thresholds)[0] == verdict
    assert judge_run(report(0.116), Baseline(run, results_of(report(0.1))), thresholds)[0] == "Regressed"


def test_the_noise_of_a_baseline_outlives_its_run() -> None:
    cluster = cluster_with(schedule="* * * * *")
    settle(cluster)
    for number, (spread, slower) in enumerate(((0.5, 1.0), (0.02, 1.2), (0.02, 1.6))):
        fire(cluster, f"{CRON}-{number}")
        finish(cluster, f"{CRON}-{number}", measured(number, spread=spread, slower=slower))
        settle(cluster)
        cluster.delete("Workflow", "ome", f"{CRON}-{number}")
        cluster.pass_time(60)
    status = cluster.get(*JOB)["status"]
    assert [entry["verdict"] for entry in status["history"]] == ["Regressed", "Inconclusive", "Pass"]
    assert all("noise" not in result for result in status["results"])  # which the definition does not have


def test_a_remembered_baseline_of_an_older_version_is_still_compared() -> None:
    cluster = cluster_with(schedule="* * * * *")
    settle(cluster)
    for number, ttft in enumerate((0.1, 0.2)):
        fire(cluster, f"{CRON}-{number}")
        found = report(ttft)
        finish(cluster, f"{CRON}-{number}", found)
        settle(cluster)
        cluster.pass_time(60)
    assert [entry["verdict"] for entry in cluster.get(*JOB)["status"]["history"]] == ["Regressed", "Pass"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 200), st.integers(1, 64))
def test_noise_is_the_same_for_the_same_requests_and_never_negative(seed: int, count: int, concurrency: int) -> None:
    cell = requests(seed, count).model_copy(update={"concurrency": concurrency})
    found = noise_of(cell)
    assert found == noise_of(cell)
    assert (found is None) == (count < ENOUGH)
    if found is not None and found.ttft is not None and found.requests_per_second is not None:
        assert min(found.ttft.p50, found.ttft.p99, found.requests_per_second) >= 0


@pytest.mark.parametrize("count", [300, 900, 3600])
def test_noise_falls_with_the_root_of_the_number_of_requests(count: int) -> None:
    """The error of a median of n normal values is 1.2533 of their deviation over the root of n."""
    found = [noise_of(requests(seed, count, spread=0.1)) for seed in range(5)]
    errors = [one.ttft.p50 for one in found if one is not None and one.ttft is not None]
    assert sum(errors) / 5 == pytest.approx(1.2533 * 0.1 / count**0.5, rel=0.3)


def test_requests_that_share_their_moments_load_are_no_independent_samples() -> None:
    found = [noise_of(requests(1, 600, spread=0.05, drift=drift)) for drift in (0.0, 0.2)]
    alone, together = (one.ttft.p50 for one in found if one is not None and one.ttft is not None)
    assert together > 3 * alone
    shuffled = list(requests(1, 600, spread=0.05, drift=0.2).records)
    Random(0).shuffle(shuffled)
    mixed = noise_of(CellRecords(scenario="D(1,2)", concurrency=1, records=tuple(shuffled)))
    assert mixed is not None and mixed.ttft is not None and together > 1.5 * mixed.ttft.p50

"""A benchmark with thousands of cells: what the API server holds stays small, and tells what is left out."""

import json

import pytest

from controller.plans import plan_benchmark
from steps.benchmark.results import BenchmarkReport
from tests.controller.plans.argo import only_run
from tests.controller.plans.benchmarks import CRON, JOB, cluster_with, finish, fire, settle
from tests.controller.plans.objects import condition
from tests.controller.plans.reports import report

KIB = 1024


def matrix(scenarios: int = 64, levels: int = 64, ttft: float = 0.1) -> BenchmarkReport:
    """A report of as many cells as the definition allows."""
    (cell,) = report(ttft).cells
    cells = tuple(
        cell.model_copy(update={"scenario": f"D({one},16)", "concurrency": level})
        for one in range(1, scenarios + 1)
        for level in range(1, levels + 1)
    )
    return report(ttft).model_copy(update={"cells": cells})


def size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")))


@pytest.mark.parametrize("schedule", [None, "* * * * *"])
def test_status_and_annotations_stay_within_what_the_api_server_takes(schedule: str | None) -> None:
    cluster = cluster_with(schedule=schedule, historyLimit=1000)
    settle(cluster)
    if schedule:
        fire(cluster, f"{CRON}-0")
    finish(cluster, f"{CRON}-0" if schedule else only_run(cluster, "benchmark-endpoint"), matrix())
    status = settle(cluster)
    kept = status["results"]
    assert status["verdict"] == "Pass" and 32 <= len(kept) < 4096
    assert size(status) < 64 * KIB
    assert size(cluster.get(*JOB)["metadata"]["annotations"]) < 256 * KIB
    told = condition(cluster.get(*JOB), "Completed")["message"]
    first = matrix().cells[len(kept)]
    assert f"has the first {len(kept)} of 4096 cells" in told
    assert f"those from {first.scenario} at {first.concurrency} on are in the report" in told
    assert cluster.plan(plan_benchmark, *JOB).actions == ()


def test_cells_that_are_not_remembered_of_the_baseline_are_told() -> None:
    cluster = cluster_with(schedule="* * * * *")
    settle(cluster)
    for number, ttft in enumerate((0.1, 0.1, 0.2)):
        fire(cluster, f"{CRON}-{number}")
        finish(cluster, f"{CRON}-{number}", matrix(ttft=ttft))
        settle(cluster)
        cluster.delete("Workflow", "ome", f"{CRON}-{number}")
        cluster.pass_time(60)
    worse, same, _ = cluster.get(*JOB)["status"]["history"]
    assert same["verdict"] == "Inconclusive" and "of the baseline's 4096 that there is room for" in same["message"]
    assert worse["verdict"] == "Regressed" and "D(1,16) at 1" in worse["message"]


def test_what_fits_is_whole_and_says_nothing_of_room() -> None:
    cluster = cluster_with()
    settle(cluster)
    finish(cluster, only_run(cluster, "benchmark-endpoint"), matrix(4, 8))
    status = settle(cluster)
    assert len(status["results"]) == 32
    assert "status.results" not in condition(cluster.get(*JOB), "Completed")["message"]


def test_a_long_history_keeps_its_newest_entries() -> None:
    cluster = cluster_with(schedule="* * * * *", historyLimit=1000)
    settle(cluster)
    entries = [
        {"run": f"old-{number:04}", "finishedAt": f"2026-11-20T{number // 60:02}:{number % 60:02}:00Z",
         "verdict": "Pass", "message": "x" * 200}
        for number in range(1000)
    ]  # fmt: skip
    cluster.change(*JOB, {"status": {"history": entries[::-1]}})
    history = settle(cluster)["history"]
    assert size(cluster.get(*JOB)["status"]) < 64 * KIB
    assert [entry["run"] for entry in history] == [f"old-{number:04}" for number in range(999, 999 - len(history), -1)]
    assert len(history) > 20

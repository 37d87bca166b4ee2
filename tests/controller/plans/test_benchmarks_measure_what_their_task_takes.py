"""A benchmark's cells: those that it names, genai-bench's of its task, or a word on what is not measured."""

import json
from typing import Any, get_args

import pytest

from controller.index import arguments_of
from controller.plans import plan_benchmark
from steps.benchmark.defaults import DEFAULTS, Task, first_look
from steps.benchmark.plan import plan_benchmark as plan_cells
from steps.benchmark_endpoint import BenchmarkInputs
from tests.controller.plans.argo import only_run, runs_of
from tests.controller.plans.benchmarks import CRON, JOB, MODEL, cluster_with, settle
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.objects import condition

VLLM = {"engine": "vLLM", "version": "0.11", "gpuType": "H100", "gpuCount": 1}


def arguments(cluster: Cluster) -> dict[str, str]:
    settle(cluster)
    return dict(arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "benchmark-endpoint"))))


@pytest.mark.parametrize("task", DEFAULTS)
def test_a_job_that_names_no_cells_gets_those_of_its_task(task: str) -> None:
    found = arguments(cluster_with(task=task, trafficScenarios=None, numConcurrency=None, serviceMetadata=VLLM))
    assert tuple(json.loads(found["scenarios"])) == DEFAULTS[task].scenarios
    assert tuple(json.loads(found["concurrency"])) == DEFAULTS[task].levels


@pytest.mark.parametrize("task", DEFAULTS)
def test_what_is_measured_by_default_is_measured_by_the_step(task: str) -> None:
    cells = DEFAULTS[task]
    for scenarios in (cells.scenarios, first_look(task)):
        plan = plan_cells(
            task=task, scenarios=scenarios, concurrency=cells.levels, max_requests=1, max_minutes=1, engine="vllm"
        )
        assert len(plan.cells) == len(scenarios) * len(cells.levels)


def test_the_form_offers_the_tasks_that_are_measured() -> None:
    assert get_args(Task) == tuple(DEFAULTS) == get_args(BenchmarkInputs.model_fields["task"].annotation)


def test_cells_that_are_named_stay_as_they_are() -> None:
    found = arguments(cluster_with(trafficScenarios=["D(9,9)"], numConcurrency=[3]))
    assert (found["scenarios"], found["concurrency"]) == ('["D(9,9)"]', "[3]")


@pytest.mark.parametrize(
    ("room", "scenarios"),
    [
        (0, 5),
        (8192, 5),
        (7999, 4),
        (2048, ["N(480,240)/(300,150)", "D(100,100)", "D(100,1000)"]),
        (8, ["N(480,240)/(300,150)"]),  # which the step refuses by name: better than a run of nothing
    ],
)
def test_of_the_tasks_cells_those_are_measured_that_the_model_has_room_for(room: int, scenarios: Any) -> None:
    cluster = cluster_with(trafficScenarios=None)
    cluster.change(*MODEL, {"spec": {"maxTokens": room or None}})
    found = json.loads(arguments(cluster)["scenarios"])
    assert scenarios in (found, len(found))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"task": "image-to-text", "trafficScenarios": None},
            '"image-to-text" is not measured yet; accepted: text-to-text, text-to-embeddings, text-to-rerank',
        ),
        (
            {"trafficScenarios": ["D(8,8)", "dataset"]},
            'spec.trafficScenarios[1]: "dataset" is not measured yet; accepted: scenarios with numbers',
        ),
        (
            {"trafficScenarios": [f"D({size},8)" for size in range(6)], "numConcurrency": None},
            "6 × 9, those of its task, are 54 cells; accepted: at most 49",
        ),
        ({"numConcurrency": list(range(1, 51))}, "1 × 50 are 50 cells; accepted: at most 49"),
    ],
)
def test_what_is_not_measured_is_said_before_anything_is_submitted(spec: dict[str, Any], words: str) -> None:
    cluster = cluster_with(**spec)
    status = settle(cluster)
    told = condition(cluster.get(*JOB), "Completed")
    assert (status["state"], told["status"], told["reason"]) == ("Failed", "False", "Unsupported")
    assert words in told["message"] == status["failureMessage"]
    assert not cluster.of_kind("Workflow") and cluster.plan(plan_benchmark, *JOB).actions == ()
    cluster.change(*JOB, {"spec": {"task": "text-to-text", "trafficScenarios": ["D(8,8)"], "numConcurrency": [1]}})
    settle(cluster)
    assert len(runs_of(cluster, "benchmark-endpoint")) == 1


def test_a_schedule_of_what_is_not_measured_rests() -> None:
    cluster = cluster_with(schedule="* * * * *")
    settle(cluster)
    cluster.change(*JOB, {"spec": {"task": "text-to-image", "trafficScenarios": None}})
    assert settle(cluster)["state"] == "Failed"
    assert cluster.get("CronWorkflow", "ome", CRON)["spec"]["suspend"] is True
    cluster.change(*JOB, {"spec": {"task": "text-to-text"}})
    settle(cluster)
    assert cluster.get("CronWorkflow", "ome", CRON)["spec"]["suspend"] is False


def test_rerank_is_measured_once_the_engine_s_interface_is_known() -> None:
    cluster = cluster_with(task="text-to-rerank", trafficScenarios=None)
    status = settle(cluster)
    assert status["state"] == "Failed" and not cluster.of_kind("Workflow")
    told = condition(cluster.get(*JOB), "EndpointReady")
    assert told["reason"] == "Unsupported" and "vLLM and SGLang" in told["message"] == status["failureMessage"]
    cluster.change(*JOB, {"spec": {"serviceMetadata": VLLM}})
    assert json.loads(arguments(cluster)["endpoint"])["engine"] == "vLLM"

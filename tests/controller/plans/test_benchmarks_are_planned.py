"""A benchmark: once or on a schedule, each run once in the history, and a verdict against what was the baseline."""

import json
from typing import Any

import pytest

from controller.index import arguments_of
from controller.plans import plan_benchmark
from steps.benchmark.results import BenchmarkReport
from steps.benchmark.verdict import Baseline, judge_run, results_of
from tests.controller.plans.argo import only_run, runs_of, step, submitted_by_a_person, told, write
from tests.controller.plans.benchmarks import CRON, JOB, MODEL, cluster_with, finish, fire, model_that_is_ready, settle
from tests.controller.plans.cluster import merged
from tests.controller.plans.golden import check_plan
from tests.controller.plans.objects import condition
from tests.controller.plans.reports import report


def test_a_benchmark_before_its_service_waits() -> None:
    cluster = cluster_with(endpoint={"endpoint": None, "inferenceService": {"name": "chat"}})
    status = settle(cluster)
    assert condition(cluster.get(*JOB), "EndpointReady")["reason"] == "ServiceNotFound"
    assert status["state"] == "Pending" and not cluster.of_kind("Workflow")


def test_a_service_is_measured_under_the_name_it_answers_to() -> None:
    cluster = cluster_with(endpoint={"endpoint": None, "inferenceService": {"name": "chat"}})
    endpoint = {"url": "http://chat.team:80", "modelName": "smol", "engine": "llama-server"}
    service: dict[str, Any] = {
        "kind": "InferenceService",
        "metadata": {"name": "chat", "namespace": "team"},
        "spec": {"model": {"name": "smollm2"}},
        "status": {
            "url": endpoint["url"],
            "conditions": [{"type": "Ready", "status": "False", "reason": "Deploying"}],
        },
    }
    cluster.add(service)
    settle(cluster)
    assert condition(cluster.get(*JOB), "EndpointReady")["reason"] == "ServiceNotReady"
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "annotations": {"ome.io/endpoint": json.dumps(endpoint)},
    }
    cluster.change("InferenceService", "team", "chat", {"status": status})
    cluster.change(*MODEL, {"status": {"artifact": {"revision": "abc"}}})
    check_plan("benchmark-submits", cluster.plan(plan_benchmark, *JOB))


def test_a_given_endpoint_is_measured_from_a_node_that_has_its_models_tokenizer() -> None:
    cluster = cluster_with()
    settle(cluster)
    arguments = arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "benchmark-endpoint")))
    assert arguments["model_label"] == "models.ome.io/clusterbasemodel.smollm2"


def test_benchmarks_of_one_endpoint_name_it_with_one_text_since_they_take_turns_by_it() -> None:
    urls = set()
    for url in ("http://chat.team", "http://chat.team/", "http://chat.team/v1", "http://chat.team/v1/"):
        cluster = cluster_with(endpoint={"endpoint": {"url": url}})
        settle(cluster)
        arguments = arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "benchmark-endpoint")))
        urls.add(json.loads(arguments["endpoint"])["url"])
    assert urls == {"http://chat.team"}


def test_a_given_endpoint_is_measured_when_the_model_whose_tokenizer_counts_has_come() -> None:
    cluster = cluster_with()
    cluster.delete(*MODEL)
    assert settle(cluster)["state"] == "Pending" and not cluster.of_kind("Workflow")
    waits = condition(cluster.get(*JOB), "EndpointReady")
    assert waits["reason"] == "ModelNotFound" and '"smollm2"' in waits["message"]
    importing = {"type": "Ready", "status": "False", "reason": "Importing", "message": "0 of 1 nodes."}
    cluster.add(merged(model_that_is_ready(), {"status": {"conditions": [importing], "nodesReady": None}}))
    settle(cluster)
    waits = condition(cluster.get(*JOB), "EndpointReady")
    assert waits["reason"] == "ModelNotReady" and "0 of 1 nodes." in waits["message"]
    assert not cluster.of_kind("Workflow")
    cluster.change(*MODEL, {"status": {"nodesReady": ["node-a"]}})
    settle(cluster)
    assert only_run(cluster, "benchmark-endpoint")


def test_once_is_once() -> None:
    cluster = cluster_with()
    settle(cluster)
    run = only_run(cluster, "benchmark-endpoint")
    write(cluster, run, "Running", step("benchmark", "Running", progress="10/400"))
    assert settle(cluster)["state"] == "Running"
    cluster.pass_time(300)
    finish(cluster, run, report())
    check_plan("benchmark-finished", cluster.plan(plan_benchmark, *JOB))
    status = settle(cluster)
    assert (status["state"], status["verdict"], status["reportUri"]) == ("Completed", "Pass", f"configmap/{run}")
    assert status["results"][0]["ttft"]["p50"] == 0.1
    cluster.pass_time(86400)
    assert cluster.plan(plan_benchmark, *JOB).actions == ()
    cluster.change(*JOB, {"spec": {"maxRequestsPerIteration": 800}})
    settle(cluster)
    assert len(runs_of(cluster, "benchmark-endpoint")) == 2


def test_a_run_with_many_errors_has_failed_whatever_its_exit_code() -> None:
    cluster = cluster_with()
    settle(cluster)
    finish(cluster, only_run(cluster, "benchmark-endpoint"), report(errors=120))
    status = settle(cluster)
    assert (status["state"], status["verdict"]) == ("Failed", "Failed")
    assert status["results"][0]["errorRate"] == 0.3
    assert "too many requests failed" in status["failureMessage"]
    assert '"ome.io/retry" to measure again' in status["failureMessage"]
    cluster.pass_time(86400)
    assert len(runs_of(cluster, "benchmark-endpoint")) == 1


def test_a_run_that_cannot_start_is_told_and_tried_again() -> None:
    cluster = cluster_with()
    settle(cluster)
    run = only_run(cluster, "benchmark-endpoint")
    write(cluster, run, "Failed", step("benchmark", "Failed", message=told("network")))
    plan = cluster.settle(plan_benchmark, *JOB)
    assert condition(cluster.get(*JOB), "Completed")["reason"] == "NetworkFailed"
    cluster.pass_time(plan.requeue_seconds or 0)
    settle(cluster)
    assert len(runs_of(cluster, "benchmark-endpoint")) == 2


def test_a_schedule_keeps_a_cron_workflow() -> None:
    cluster = cluster_with(schedule="0 3 * * *", timeZone="Europe/Berlin", historyLimit=4)
    check_plan("benchmark-scheduled", cluster.plan(plan_benchmark, *JOB))
    settle(cluster)
    cluster.written.clear()
    assert cluster.plan(plan_benchmark, *JOB).actions == ()
    cluster.change(*JOB, {"spec": {"schedule": "0 4 * * *", "suspend": True}})
    settle(cluster)
    spec = cluster.get("CronWorkflow", "ome", CRON)["spec"]
    assert (spec["schedules"], spec["suspend"], spec["timezone"]) == (["0 4 * * *"], True, "Europe/Berlin")
    cluster.change("CronWorkflow", "ome", CRON, {"spec": {"suspend": False}})
    settle(cluster)
    assert cluster.get("CronWorkflow", "ome", CRON)["spec"]["suspend"] is True


def test_a_schedule_that_rests_says_so() -> None:
    cluster = cluster_with(schedule="0 3 * * *", suspend=True)
    settle(cluster)
    told = condition(cluster.get(*JOB), "Completed")
    assert (told["status"], told["reason"]) == ("False", "Suspended")
    status = cluster.get(*JOB)["status"]
    assert (status["state"], "failureMessage" in status) == ("Pending", False)
    assert "rests (spec.suspend); to measure now: argo submit" in told["message"]


def test_a_schedule_is_changed_while_what_it_measures_is_away() -> None:
    cluster = cluster_with(schedule="0 3 * * *", timeZone="Europe/Berlin")
    settle(cluster)
    before = cluster.get("CronWorkflow", "ome", CRON)["spec"]
    cluster.delete(*MODEL)
    settle(cluster)
    cluster.change(*JOB, {"spec": {"schedule": "0 4 * * *", "timeZone": "UTC", "suspend": True, "historyLimit": 2}})
    settle(cluster)
    changed = {
        "schedules": ["0 4 * * *"], "timezone": "UTC", "suspend": True,
        "successfulJobsHistoryLimit": 2, "failedJobsHistoryLimit": 2,
    }  # fmt: skip
    assert cluster.get("CronWorkflow", "ome", CRON)["spec"] == before | changed
    assert cluster.plan(plan_benchmark, *JOB).actions == ()
    cluster.change(*JOB, {"spec": {"schedule": None, "timeZone": None}})
    settle(cluster)
    assert not cluster.of_kind("CronWorkflow")


@pytest.mark.parametrize(("limit", "kept"), [(None, 10), (4, 4), (0, 1)])
def test_as_many_runs_of_a_schedule_stay_as_the_history_has_entries_failed_ones_too(
    limit: int | None, kept: int
) -> None:
    cluster = cluster_with(schedule="0 3 * * *", historyLimit=limit)
    settle(cluster)
    spec = cluster.get("CronWorkflow", "ome", CRON)["spec"]
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (kept, kept)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"schedule": "0 0 31 2 *"},
            'spec.schedule: "0 0 31 2 *" never comes: its months have no day 31; accepted: a day',
        ),
        ({"schedule": "0 25 * * *"}, 'spec.schedule: "0 25 * * *" has "25" as hour; accepted: for the hour: 0 to 23'),
        ({"schedule": "@dayly"}, 'did you mean "@daily"?; accepted: five fields'),
        ({"schedule": "@daily", "timeZone": "Europe/Berlni"}, 'spec.timeZone: "Europe/Berlni" is not a time zone'),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_told_and_mended(spec: dict[str, str], words: str) -> None:
    cluster = cluster_with(**spec)
    status = settle(cluster)
    told = condition(cluster.get(*JOB), "Completed")
    assert (status["state"], told["status"], told["reason"]) == ("Failed", "False", "InvalidSpec")
    assert words in told["message"] and "Correct it" in told["message"] == status["failureMessage"]
    assert not cluster.of_kind("CronWorkflow") and not cluster.of_kind("Workflow")
    assert [event.reason for event in cluster.events] == ["InvalidSpec"]
    assert cluster.plan(plan_benchmark, *JOB).actions == ()
    cluster.change(*JOB, {"spec": {"schedule": "0 3 * * *", "timeZone": "Europe/Berlin"}})
    status = settle(cluster)
    assert cluster.get("CronWorkflow", "ome", CRON)["spec"]["timezone"] == "Europe/Berlin"
    assert (status["state"], condition(cluster.get(*JOB), "Completed")["reason"]) == ("Pending", "Waiting")


def test_a_schedule_that_is_made_wrong_rests_and_its_run_goes_on() -> None:
    cluster = cluster_with(schedule="* * * * *")
    settle(cluster)
    fire(cluster, f"{CRON}-0")
    cluster.change(*JOB, {"spec": {"schedule": "0 0 30 2 *"}})
    assert settle(cluster)["state"] == "Running"
    cron = cluster.get("CronWorkflow", "ome", CRON)["spec"]
    assert (cron["schedules"], cron["suspend"]) == (["* * * * *"], True)
    cluster.pass_time(20)
    finish(cluster, f"{CRON}-0", report())
    status = settle(cluster)
    assert (status["state"], status["verdict"], len(status["history"])) == ("Failed", "Pass", 1)
    cluster.change(*JOB, {"spec": {"schedule": "* * * * *"}})
    assert settle(cluster)["state"] == "Completed"
    assert cluster.get("CronWorkflow", "ome", CRON)["spec"]["suspend"] is False


@pytest.mark.parametrize(("name", "reason"), [("SpecError", "InvalidSpec"), ("SubmissionError", "ClusterFailed")])
def test_a_schedule_that_argo_cannot_keep_is_told_in_its_words(name: str, reason: str) -> None:
    cluster = cluster_with(schedule="* * * * *")
    settle(cluster)
    refusal = {"conditions": [{"type": name, "status": "True", "message": "templates.ome not found"}]}
    cluster.change("CronWorkflow", "ome", CRON, {"status": refusal})
    assert settle(cluster)["state"] == "Failed"
    told = condition(cluster.get(*JOB), "Completed")
    assert told["reason"] == reason and "templates.ome not found" in told["message"] and CRON in told["message"]
    cluster.change("CronWorkflow", "ome", CRON, {"status": {"conditions": []}})
    assert settle(cluster)["state"] == "Pending"


def test_three_firings_are_three_entries_with_one_verdict_each() -> None:
    cluster = cluster_with(schedule="* * * * *")
    settle(cluster)
    for number, ttft in enumerate((0.1, 0.2, 0.1)):
        cluster.pass_time(60)
        fire(cluster, f"{CRON}-{number}")
        assert settle(cluster)["state"] == "Running"
        cluster.pass_time(20)
        finish(cluster, f"{CRON}-{number}", report(ttft))
        settle(cluster)
    history = cluster.get(*JOB)["status"]["history"]
    assert [(e["run"][-1], e["verdict"]) for e in history] == [("2", "Pass"), ("1", "Regressed"), ("0", "Pass")]
    assert f"run {CRON}-0" in history[1]["message"]


def test_a_run_is_never_compared_with_itself() -> None:
    """With few requests a comparison decides nothing; the first run has nothing to be compared with."""
    cluster = cluster_with(schedule="* * * * *")
    settle(cluster)
    for number in range(2):
        cluster.pass_time(60)
        fire(cluster, f"{CRON}-{number}")
        finish(cluster, f"{CRON}-{number}", report(requests=10))
        settle(cluster)
    history = cluster.get(*JOB)["status"]["history"]
    assert [(e["run"][-1], e["verdict"]) for e in history] == [("1", "Inconclusive"), ("0", "Pass")]


def test_the_baseline_outlives_its_run_and_history_its_workflows() -> None:
    cluster = cluster_with(schedule="* * * * *", historyLimit=2)
    settle(cluster)
    for number, ttft in enumerate((0.1, 0.2, 0.2, 0.2)):
        cluster.pass_time(60)
        fire(cluster, f"{CRON}-{number}")
        finish(cluster, f"{CRON}-{number}", report(ttft))
        settle(cluster)
        cluster.delete("Workflow", "ome", f"{CRON}-{number}")
        before = cluster.get(*JOB)["status"]
        settle(cluster)
        assert cluster.get(*JOB)["status"] == before
    history = cluster.get(*JOB)["status"]["history"]
    assert [(e["run"][-1], e["verdict"]) for e in history] == [("3", "Regressed"), ("2", "Regressed")]


def test_a_removed_schedule_takes_its_cron_workflow_along() -> None:
    cluster = cluster_with(schedule="* * * * *")
    settle(cluster)
    cluster.change(*JOB, {"spec": {"schedule": None}})
    settle(cluster)
    assert not cluster.of_kind("CronWorkflow")


def test_deletion_takes_schedule_and_runs_along() -> None:
    cluster = cluster_with(schedule="* * * * *")
    settle(cluster)
    fire(cluster, f"{CRON}-1")
    settle(cluster)
    cluster.delete(*JOB)
    cluster.settle(plan_benchmark, *JOB)
    assert list(cluster.objects) == [MODEL]


def test_a_run_of_a_person_with_the_same_arguments_is_adopted() -> None:
    cluster = cluster_with()
    arguments = {
        "name": "speed", "namespace": "team", "model": "smollm2", "max_requests": "400", "max_minutes": "5",
        "endpoint": '{"modelName": "smollm2", "url": "http://chat.team"}', "scenarios": '["D(64,16)"]',
        "concurrency": "[1]",
    }  # fmt: skip
    defaults = {"task": "text-to-text", "max_error_rate": "0.01"}
    submitted_by_a_person(cluster, "benchmark-endpoint", "speed-abc", arguments, defaults)
    settle(cluster)
    assert runs_of(cluster, "benchmark-endpoint") == ["speed-abc"]
    finish(cluster, "speed-abc", report())
    assert settle(cluster)["verdict"] == "Pass"


@pytest.mark.parametrize(
    ("new", "old", "thresholds", "verdict"),
    [
        (report(0.109), report(0.1), {}, "Pass"),
        (report(0.111), report(0.1), {}, "Regressed"),
        (report(0.111), report(0.1), {"ttft": 20, "tpot": 20, "endToEnd": 20}, "Pass"),
        (report(tokens=85), report(tokens=100), {}, "Regressed"),
        (report(tokens=120), report(tokens=100), {}, "Pass"),
        (report(0.2, requests=29), report(0.1), {}, "Inconclusive"),
        (report(0.1, errors=40), report(0.1), {}, "Failed"),
    ],
)
def test_the_verdict_is_by_threshold_and_number_of_samples(
    new: BenchmarkReport, old: BenchmarkReport, thresholds: dict[str, float], verdict: str
) -> None:
    assert judge_run(new, Baseline("before", results_of(old)), thresholds)[0] == verdict


def test_a_baseline_that_is_not_known_any_more_decides_nothing() -> None:
    verdict, message = judge_run(report(), Baseline("nightly-1", ()), {})
    assert verdict == "Inconclusive" and "nightly-1" in message

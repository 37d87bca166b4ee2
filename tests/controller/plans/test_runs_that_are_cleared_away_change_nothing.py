"""Argo clears ended runs away, those that succeeded before those that failed: what is well stays as it is."""

import pytest

from controller.plans import plan_benchmark, plan_model, plan_service
from tests.controller.plans import benchmarks, services
from tests.controller.plans.argo import importing, only_run, reading, runs_of
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.models import MODEL, cluster_with
from tests.controller.plans.objects import model_body
from tests.controller.plans.reports import report

CLAIM = ("BaseModel", "team", "smollm2")
WAIT = 600


def clear_away(cluster: Cluster, template: str, phase: str = "Succeeded") -> None:
    for name in runs_of(cluster, template):
        if cluster.get("Workflow", "ome", name)["status"]["phase"] == phase:
            cluster.delete("Workflow", "ome", name)


@pytest.mark.parametrize("code", ["network", "not-found"])
def test_a_model_that_failed_once_and_was_imported_then_stays_ready(code: str) -> None:
    cluster = cluster_with("node-a")
    cluster.settle(plan_model, *MODEL)
    importing(cluster, only_run(cluster, "import-model"), resolved=code)
    cluster.settle(plan_model, *MODEL)
    cluster.pass_time(WAIT)
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/retry": "1"}}})
    cluster.settle(plan_model, *MODEL)
    (run,) = [
        name for name in runs_of(cluster, "import-model") if "status" not in cluster.get("Workflow", "ome", name)
    ]
    importing(cluster, run)
    cluster.settle(plan_model, *MODEL)
    assert cluster.get(*MODEL)["status"]["state"] == "Ready"
    clear_away(cluster, "import-model")
    assert cluster.plan(plan_model, *MODEL).actions == ()


@pytest.mark.parametrize("code", ["network", "cluster"])
def test_a_claim_that_failed_once_and_was_read_then_stays_ready(code: str) -> None:
    cluster = Cluster()
    storage = {"storageUri": "pvc://weights/models/smollm2", "nodeSelector": None}
    cluster.add(model_body(namespace="team", storage=storage))
    cluster.settle(plan_model, *CLAIM)
    reading(cluster, only_run(cluster, "read-claim"), code)
    cluster.settle(plan_model, *CLAIM)
    cluster.pass_time(WAIT)
    cluster.settle(plan_model, *CLAIM)
    reading(cluster, max(runs_of(cluster, "read-claim")))
    cluster.settle(plan_model, *CLAIM)
    assert cluster.get(*CLAIM)["status"]["state"] == "Ready"
    clear_away(cluster, "read-claim")
    assert cluster.plan(plan_model, *CLAIM).actions == ()


def test_a_service_that_failed_once_and_was_deployed_then_is_not_deployed_again() -> None:
    cluster = services.deploying()
    services.deploy(cluster, only_run(cluster, "deploy-model"), "Failed")
    services.settle(cluster)
    cluster.pass_time(WAIT)
    services.settle(cluster)
    services.add_deployment(cluster, services.AVAILABLE)
    services.deploy(cluster, max(runs_of(cluster, "deploy-model")))
    status = services.settle(cluster)
    cluster.pass_time(WAIT)
    clear_away(cluster, "deploy-model")
    assert cluster.plan(plan_service, *services.SERVICE).actions == ()
    assert cluster.get(*services.SERVICE)["status"] == status


def test_a_benchmark_is_measured_once_until_it_changes() -> None:
    cluster = benchmarks.cluster_with()
    benchmarks.settle(cluster)
    first = only_run(cluster, "benchmark-endpoint")
    benchmarks.finish(cluster, first, report())
    status = benchmarks.settle(cluster)
    clear_away(cluster, "benchmark-endpoint")
    cluster.pass_time(86400)
    assert cluster.plan(plan_benchmark, *benchmarks.JOB).actions == ()
    assert cluster.get(*benchmarks.JOB)["status"] == status
    cluster.change(*benchmarks.JOB, {"metadata": {"annotations": {"ome.io/retry": "1"}}})
    benchmarks.settle(cluster)
    second = only_run(cluster, "benchmark-endpoint")
    assert second != first
    benchmarks.finish(cluster, second, report())
    assert len(benchmarks.settle(cluster)["history"]) == 2


def test_runs_of_a_benchmark_that_failed_do_not_give_their_names_to_later_ones() -> None:
    cluster = benchmarks.cluster_with()
    benchmarks.settle(cluster)
    benchmarks.fail(cluster, only_run(cluster, "benchmark-endpoint"))
    benchmarks.settle(cluster)
    clear_away(cluster, "benchmark-endpoint", "Failed")
    cluster.pass_time(WAIT)
    benchmarks.settle(cluster)
    run = only_run(cluster, "benchmark-endpoint")
    benchmarks.finish(cluster, run, report())
    history = benchmarks.settle(cluster)["history"]
    assert [(entry["run"], entry["verdict"]) for entry in history][0] == (run, "Pass")
    assert len(history) == 2

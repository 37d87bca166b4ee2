"""What a benchmark that failed says of how it is measured again."""

from tests.controller.plans.benchmarks import CRON, JOB, cluster_with, finish, fire, settle
from tests.controller.plans.reports import report


def test_a_firing_that_failed_says_when_it_is_measured_again_and_how_to_do_it_now() -> None:
    cluster = cluster_with(schedule="* * * * *")
    settle(cluster)
    fire(cluster, f"{CRON}-0")
    finish(cluster, f"{CRON}-0", report(errors=120))
    told = settle(cluster)["failureMessage"]
    assert "when its schedule comes" in told and "ome.io/retry" not in told
    assert f"argo submit -n ome --from cronwf/{CRON}" in told
    cluster.change(*JOB, {"spec": {"suspend": True}})
    told = settle(cluster)["failureMessage"]
    assert "spec.suspend" in told and "argo submit" in told
    cluster.pass_time(60)
    fire(cluster, f"{CRON}-x7k2p")
    finish(cluster, f"{CRON}-x7k2p", report())
    assert settle(cluster)["verdict"] == "Pass"

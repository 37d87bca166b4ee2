"""A BenchmarkJob with a schedule on a real cluster: it fires, remembers, compares, and does as it is told anew."""

from datetime import UTC, datetime, timedelta

import pytest

from steps.benchmark.verdict import ENOUGH_FOR_MEDIAN
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.objects import POOL, benchmark, model, service
from tests.cluster.waiting import WaitedInVainError, wait_gone, wait_none, wait_ready, wait_until

FIRINGS = 3
KEPT = 2
NOTICED_SECONDS = 5
"""Within which Argo acts: on a change of a CronWorkflow, and on a minute."""
ENOUGH = {"maxRequestsPerIteration": ENOUGH_FOR_MEDIAN + 5, "maxTimePerIteration": 5}
"""Requests for medians that are compared, and minutes for them."""


def history(job: Object) -> list[Object]:
    """The entries of a job's history, newest first."""
    entries: list[Object] = (job.get("status") or {}).get("history") or []
    return entries


def beyond(kubectl: Kubectl, cron: str) -> list[str]:
    """The oldest runs of a schedule, beyond what it keeps of those that ended well, and of those that did not."""
    runs = kubectl.list("workflow", "ome", f"workflows.argoproj.io/cron-workflow={cron}")
    ended = sorted(
        (run for run in runs if (run.get("status") or {}).get("finishedAt")),
        key=lambda run: run["status"]["finishedAt"],
    )
    assert len(ended) >= KEPT, "runs that are kept are not found"
    well = [run["metadata"]["name"] for run in ended if run["status"]["phase"] == "Succeeded"]
    others = [run["metadata"]["name"] for run in ended if run["status"]["phase"] != "Succeeded"]
    return well[:-KEPT] + others[:-KEPT]


def check_no_firing(kubectl: Kubectl, cron: str, since: datetime) -> None:
    """Wait past the first minute that begins after a time, and see that a CronWorkflow did not fire then."""
    minute = since.replace(second=0, microsecond=0) + timedelta(minutes=1)
    left = (minute - datetime.now(UTC)).total_seconds() + NOTICED_SECONDS

    def has_fired(found: Object) -> bool:
        return datetime.fromisoformat(found["status"]["lastScheduledTime"]) >= minute

    with pytest.raises(WaitedInVainError, match="not fired"):
        wait_until(kubectl, "cronworkflow", cron, has_fired, namespace="ome", seconds=max(left, 1), what="fired")


@pytest.mark.timeout(3000)  # on a busy machine a run takes longer than a minute, and the next firing waits for it
def test_three_firings_are_three_runs_with_a_verdict_each(measuring: Kubectl, namespace: str, pool: list[str]) -> None:
    kubectl, name = measuring, "minutely"
    kubectl("label", "node", pool[0], f"{POOL}=yes")
    kubectl.apply(model(name), service(name, name, namespace))
    served = wait_ready(kubectl, "inferenceservice", name, namespace=namespace)
    assert served["status"]["url"]
    every_minute = {"schedule": "* * * * *", "timeZone": "Asia/Kathmandu", "historyLimit": 5} | ENOUGH
    kubectl.apply(benchmark(name, name, namespace, **every_minute))
    fired = wait_until(
        kubectl, "benchmarkjob", name, lambda job: len(history(job)) >= FIRINGS,
        namespace=namespace, seconds=1500, what=f"fired {FIRINGS} times",
    )  # fmt: skip
    entries = history(fired)[-FIRINGS:]
    assert len({entry["run"] for entry in entries}) == FIRINGS
    runs = {run["metadata"]["name"] for run in kubectl.list("workflow", "ome", f"ome.io/name={name}")}
    assert {entry["run"] for entry in entries} <= runs
    verdicts = [entry["verdict"] for entry in reversed(entries)]
    assert verdicts[0] == "Pass", entries
    assert set(verdicts[1:]) <= {"Pass", "Regressed", "Inconclusive"}, entries
    assert all(entry["finishedAt"] > entry["startedAt"] for entry in entries)
    (cron,) = kubectl.list("cronworkflow", "ome", f"ome.io/name={name}")
    assert (cron["spec"]["schedules"], cron["spec"]["timezone"]) == (["* * * * *"], "Asia/Kathmandu")

    kubectl.apply(benchmark(name, name, namespace, **every_minute | {"suspend": True, "historyLimit": KEPT}))
    cron_name = cron["metadata"]["name"]
    wait_until(
        kubectl, "cronworkflow", cron_name, lambda c: c["spec"].get("suspend"), namespace="ome", what="suspended"
    )
    suspended = datetime.now(UTC)
    wait_until(kubectl, "benchmarkjob", name, lambda j: len(history(j)) == KEPT, namespace=namespace, what="trimmed")
    wait_none(lambda: beyond(kubectl, cron_name))
    check_no_firing(kubectl, cron_name, since=suspended + timedelta(seconds=NOTICED_SECONDS))
    kubectl.apply(benchmark(name, name, namespace, schedule="0 3 * * *", timeZone="Europe/Berlin", **ENOUGH))
    wait_until(
        kubectl, "cronworkflow", cron_name,
        lambda c: c["spec"]["schedules"] == ["0 3 * * *"] and c["spec"]["timezone"] == "Europe/Berlin"
        and not c["spec"].get("suspend"),
        namespace="ome", what="at three in Berlin",
    )  # fmt: skip
    kubectl("delete", "benchmarkjob", name, f"--namespace={namespace}", "--wait=false")
    wait_gone(kubectl, "benchmarkjob", name, namespace=namespace)
    wait_gone(kubectl, "cronworkflow", cron_name, namespace="ome")
    kubectl("delete", "inferenceservice", name, f"--namespace={namespace}")
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)

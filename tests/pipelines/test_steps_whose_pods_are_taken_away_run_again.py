"""The retry expression of every step, on what Argo tells of a pod: its phase, the exit code of main, a message.

Messages are the kubelet's, of Kubernetes 1.34, and Argo's. That Argo reads the expression so is seen on a cluster.
"""

from typing import Any

import pytest

from pipelines.runner.retry_plan import LastAttempt, read_retry
from pipelines.templates import ome_steps

STEPS: list[dict[str, Any]] = ome_steps.build().to_dict()["spec"]["templates"]
LOW = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 12Mi. Container main was using 2Gi"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
@pytest.mark.parametrize(
    ("exit_code", "message"),
    [
        (137, LOW),
        (None, "The node had condition: [DiskPressure]. "),
        (143, "Pod was terminated in response to imminent node shutdown."),
        (None, "Pod was rejected: Pod was rejected as the node is shutting down."),
        (None, "Pod was rejected: Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000"),
        (143, "Preempted in order to admit critical pod"),
        (143, "main: Error (exit code 143)"),
        (137, "main: Error (exit code 137)"),
        (20, 'main: Error (exit code 20): {"code":"network"}'),
    ],
)
def test_it_runs_again(step: dict[str, Any], exit_code: int | None, message: str) -> None:
    assert _runs_again(step, LastAttempt("Failed", exit_code, 1.0, message))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
@pytest.mark.parametrize(
    ("exit_code", "message"),
    [
        (143, "Pod was active on the node longer than the specified deadline"),
        (None, "Pod was active on the node longer than the specified deadline"),
        (137, "main: OOMKilled (exit code 137)"),
        (1, "main: Error (exit code 1)"),
        (16, "main: Error (exit code 16): The node was low on resource, says a file that was given"),
        (None, 'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi". '),
    ],
)
def test_it_does_not_where_another_attempt_ends_the_same(
    step: dict[str, Any], exit_code: int | None, message: str
) -> None:
    assert not _runs_again(step, LastAttempt("Failed", exit_code, 1.0, message))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
def test_it_runs_again_where_argo_lost_the_pod(step: dict[str, Any]) -> None:
    assert _runs_again(step, LastAttempt("Error", None, 1.0, "pod deleted"))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
def test_it_runs_again_however_long_it_had_worked(step: dict[str, Any]) -> None:
    """Argo would also end the next attempt when `maxDuration` is over, counted from the first attempt's start."""
    seconds = float(step["activeDeadlineSeconds"])
    assert _runs_again(step, LastAttempt("Failed", 137, seconds, LOW), since_start=seconds)
    assert "maxDuration" not in step["retryStrategy"]["backoff"]


def _runs_again(step: dict[str, Any], last: LastAttempt, since_start: float = 0.0) -> bool:
    return read_retry(step["name"], step["retryStrategy"]).delay_before_next(1, last, since_start) is not None

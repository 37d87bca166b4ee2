"""What a run that failed says about itself, wherever Argo wrote it down."""

from datetime import UTC, datetime
from typing import Any

from controller.plans.at_work import at_work
from controller.plans.runs import Run
from tests.controller.plans.argo import step, told

NOW = datetime(2026, 11, 21, 12, 5, tzinfo=UTC)


def failed_run(nodes: dict[str, Any], message: str = "") -> Run:
    """A run that Argo has ended."""
    metadata = {"name": "benchmark-b-1", "namespace": "ome", "creationTimestamp": "2026-11-21T12:00:00Z"}
    status = {"phase": "Error", "startedAt": "2026-11-21T12:00:00Z", "nodes": nodes, "message": message}
    return Run({"metadata": metadata, "spec": {}, "status": status}, NOW)


def test_a_step_is_believed_before_argo() -> None:
    nodes = {"whole": {"type": "DAG", "phase": "Error", "message": "child failed"}}
    failure = failed_run({**nodes, **step("benchmark", "Failed", message=told("auth", "no token"))}).failure
    assert failure is not None and (failure.reason, failure.message) == ("AuthFailed", "no token")


def test_a_template_that_argo_cannot_evaluate_is_told_in_its_words() -> None:
    """Seen on a cluster: the run has no message, the graph has none, the task that was never started has it."""
    nodes = {
        "whole": {"type": "DAG", "phase": "Error"},
        "task": {"type": "Skipped", "phase": "Error", "message": "task 'b' errored: failed to evaluate\n | ^"},
    }
    failure = failed_run(nodes).failure
    assert failure is not None
    assert (failure.reason, failure.message) == ("WorkflowError", "task 'b' errored: failed to evaluate | ^")
    assert failure.patience == "retry" and "ome install" in failure.remedy


def test_a_run_that_never_began_has_its_own_message() -> None:
    failure = failed_run({}, 'workflowtemplates.argoproj.io "import-model" not found').failure
    assert failure is not None and '"import-model" not found' in failure.message


def test_a_run_without_any_words_is_named() -> None:
    failure = failed_run({}).failure
    assert failure is not None and "benchmark-b-1" in failure.message


def running(task: str, message: str, node: str = "") -> Run:
    """A run with one step whose pod has not started, as Argo writes it."""
    nodes = step(task, "Running", node=node, item=0 if node else None)
    pod = next(name for name in nodes if nodes[name]["type"] == "Pod")
    nodes[pod] |= {"phase": "Pending", "message": message, "hostNodeName": ""}
    run = failed_run(nodes)
    run.workflow["status"]["phase"] = "Running"
    return Run(run.workflow, NOW)


def test_a_pod_that_cannot_start_is_told_in_the_schedulers_words_while_its_run_goes_on() -> None:
    told_so = at_work(running("benchmark", "Unschedulable: 0/3 nodes are available:\n1 Insufficient cpu."))
    expected = "Its step benchmark waits: Unschedulable: 0/3 nodes are available: 1 Insufficient cpu."
    assert told_so == f"Run benchmark-b-1 is at work. {expected}"
    assert "step cache on node-a waits: ErrImagePull" in at_work(
        running("cache", "ErrImagePull: no such host", "node-a")
    )


def test_a_pod_that_starts_is_not_told_as_waiting() -> None:
    for message in ("", "PodInitializing", "ContainerCreating"):
        assert at_work(running("benchmark", message)) == "Run benchmark-b-1 is at work."

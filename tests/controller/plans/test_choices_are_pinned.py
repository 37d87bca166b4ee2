"""Which runtime a service has, why, and why not the others: told in its status, and kept until somebody asks anew."""

import json
from typing import Any

from controller.index import arguments_of
from steps.choice import Choice, Fit, Refusal
from tests.controller.plans.argo import only_run, runs_of, step, told, write
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.objects import condition
from tests.controller.plans.services import (
    AVAILABLE,
    MODEL,
    SERVICE,
    add_deployment,
    add_runtime,
    deploy,
    deploying,
    serving,
    settle,
    settle_plan,
)

WHY = "next best is llama-server: its score is 8 against 10"
BETTER = {
    "runtime": "vllm",
    "accelerator": "h100",
    "reasons": [WHY],
    "refused": [{"runtime": "llama-server", "reason": "it would do, after vllm", "isCandidate": True}],
}


def submitted(cluster: Cluster) -> dict[str, str]:
    return dict(arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "deploy-model"))))


def selection(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get(*SERVICE)["status"]["selection"]
    return found


def events(cluster: Cluster, reason: str) -> list[str]:
    return [event.message for event in cluster.events if event.reason == reason]


def reselect(cluster: Cluster, value: str = "now") -> None:
    cluster.change(*SERVICE, {"metadata": {"annotations": {"ome.io/reselect": value}}})
    settle_plan(cluster)


def choose(cluster: Cluster, choice: dict[str, Any]) -> None:
    """The run that goes on has come as far as a choice."""
    run = only_run(cluster, "deploy-model")
    write(cluster, run, "Running", step("select", outputs={"choice": json.dumps(choice)}))
    settle(cluster)


def test_a_runtime_that_appears_later_changes_nothing_until_it_is_asked_for() -> None:
    cluster = serving()
    before = cluster.get(*SERVICE)["status"]
    add_runtime(cluster, "vllm")
    cluster.add({"kind": "AcceleratorClass", "metadata": {"name": "h100"}, "spec": {}})
    assert settle(cluster) == before
    assert len(runs_of(cluster, "deploy-model")) == 1

    reselect(cluster)
    assert "runtime" not in submitted(cluster) and "accelerator" not in submitted(cluster)
    choose(cluster, BETTER)
    assert (selection(cluster)["runtime"], selection(cluster)["refused"]) == ("vllm", BETTER["refused"])
    assert events(cluster, "Selected") == [
        "runtime llama-server on cpu; the only one that fits",
        f"runtime vllm on h100, before runtime llama-server on cpu; {WHY}",
    ]
    assert condition(cluster.get(*SERVICE), "RuntimeSelected")["message"] == f"runtime vllm on h100; {WHY}"


def test_the_same_value_reselects_once() -> None:
    cluster = serving()
    reselect(cluster)
    deploy(cluster, only_run(cluster, "deploy-model"))
    settle(cluster)
    cluster.pass_time(60)
    add_runtime(cluster, "vllm")
    reselect(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 2


def test_a_namesake_in_the_namespace_does_not_take_the_place_of_what_is_pinned() -> None:
    cluster = serving()
    namesake = {"kind": "ServingRuntime", "metadata": {"name": "llama-server", "namespace": "team"}, "spec": {}}
    cluster.add(namesake)
    settle(cluster)
    assert len(runs_of(cluster, "deploy-model")) == 1
    cluster.change(*MODEL, {"status": {"artifact": {"digest": "sha256:" + "cd" * 32}}})
    settle_plan(cluster)
    assert submitted(cluster)["runtime"] == "/llama-server"


def test_a_pinned_runtime_of_the_namespace_is_named_with_it() -> None:
    cluster = deploying()
    cluster.add({"kind": "ServingRuntime", "metadata": {"name": "own", "namespace": "team"}, "spec": {}})
    add_deployment(cluster, AVAILABLE)
    choose(cluster, {"runtime": "own", "runtimeNamespace": "team", "reasons": ["it is ours"]})
    assert events(cluster, "Selected") == ["runtime team/own; it is ours"]
    status = cluster.get(*SERVICE)["status"]
    remembered = status.get("annotations", {}) | {"ome.io/selected-for": _asked(cluster)}
    cluster.change(*SERVICE, {"status": {"annotations": remembered}})
    cluster.delete("Workflow", "ome", only_run(cluster, "deploy-model"))
    settle_plan(cluster)
    assert submitted(cluster)["runtime"] == "team/own"


def test_a_selection_that_finds_nothing_leaves_its_whole_table_in_the_status() -> None:
    cluster = deploying()
    table = tuple(Refusal(runtime=f"runtime-{n}", reason=f"reason {n}") for n in range(40))
    nothing = Choice(runtime="", refused=table, left_out=3, warnings=("no node has it yet",))
    outputs = {"choice": nothing.model_dump_json(by_alias=True)}
    run = only_run(cluster, "deploy-model")
    write(cluster, run, "Failed", step("select", "Failed", message=told("does-not-fit"), outputs=outputs))
    settle(cluster)
    found = selection(cluster)
    assert "runtime" not in found
    assert [(row["runtime"], row["reason"]) for row in found["refused"]] == [(r.runtime, r.reason) for r in table]
    assert (found["leftOut"], found["warnings"]) == (3, ["no node has it yet"])
    assert condition(cluster.get(*SERVICE), "RuntimeSelected")["reason"] == "DoesNotFit"
    assert condition(cluster.get(*SERVICE), "Ready")["reason"] == "DoesNotFit"
    assert events(cluster, "Selected") == []


def test_a_reselection_that_finds_nothing_keeps_what_is_deployed() -> None:
    cluster = serving()
    before = selection(cluster)
    reselect(cluster)
    nothing = Choice(runtime="", refused=(Refusal(runtime="a", reason="b"),))
    outputs = {"choice": nothing.model_dump_json(by_alias=True)}
    run = only_run(cluster, "deploy-model")
    write(cluster, run, "Failed", step("select", "Failed", message=told("does-not-fit"), outputs=outputs))
    settle(cluster)
    assert selection(cluster) == before
    assert condition(cluster.get(*SERVICE), "RuntimeSelected")["reason"] == "DoesNotFit"


def test_a_choice_that_does_not_fit_is_a_condition_unless_nobody_wants_to_know() -> None:
    words = "does-not-fit: needs 9 of 8 GiB"
    choice = Choice(runtime="vllm", accelerator="h100", fit=Fit(verdict="does-not-fit", explanation=words))
    for warnings, is_told in (((words,), True), ((), False)):
        cluster = deploying()
        choose(cluster, choice.model_copy(update={"warnings": warnings}).model_dump(by_alias=True, mode="json"))
        fits = [c for c in cluster.get(*SERVICE)["status"]["conditions"] if c["type"] == "Fits"]
        assert bool(fits) is is_told
        if fits:
            assert (fits[0]["status"], fits[0]["reason"], fits[0]["severity"]) == ("False", "DoesNotFit", "Info")
            assert fits[0]["message"].startswith(f"runtime vllm on h100: {words}.")


def _asked(cluster: Cluster) -> str:
    from controller.plans.service_inputs import asked_of

    return asked_of(cluster.get(*SERVICE), cluster.context).asked

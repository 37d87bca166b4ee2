"""A spec filled with a revision's facts says those of the next, whatever comes first or is cut off between."""

import pytest

from controller.actions import PatchObject
from controller.plans import plan_model
from steps.facts import Facts
from tests.controller.plans.argo import FACTS, importing, only_run
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.following import ITS_DIGEST, NEWER, asked, entry, following
from tests.controller.plans.models import MODEL, settle

NEW_FACTS: Facts = FACTS.model_copy(update={"parameter_size": "7.62B", "context_length": 12345})


def moved(*nodes: str) -> Cluster:
    """A model whose newer revision is being imported, with other facts; the earlier ones stand in its spec."""
    cluster = following(*nodes)
    assert said(cluster) == (FACTS.parameter_size, FACTS.context_length)
    asked(cluster)
    return cluster


def said(cluster: Cluster) -> tuple[str, int]:
    spec = cluster.get(*MODEL)["spec"]
    return spec["modelParameterSize"], spec["maxTokens"]


def bring(cluster: Cluster, *, parsed: str = "Succeeded", cached: dict[str, str] | None = None) -> None:
    importing(
        cluster, only_run(cluster, "import-model"), cached=cached, parsed=parsed, digest=ITS_DIGEST, revision=NEWER,
        facts=NEW_FACTS, is_over="Running" not in (parsed, *(cached or {}).values()),
    )  # fmt: skip
    settle(cluster)


@pytest.mark.parametrize("others", [(), ("node-b",)])
def test_files_come_before_they_are_parsed(others: tuple[str, ...]) -> None:
    cluster = moved("node-a", *others)
    bring(cluster, parsed="Running")
    assert said(cluster) == (FACTS.parameter_size, FACTS.context_length)
    assert entry(cluster, "node-a")["factsBefore"]["modelParameterSize"] == FACTS.parameter_size
    bring(cluster)
    assert said(cluster) == ("7.62B", 12345)
    assert "factsBefore" not in entry(cluster, "node-a"), "nothing of them is left to be renewed"


def test_files_are_parsed_before_they_come() -> None:
    cluster = moved("node-a", "node-b")
    bring(cluster, cached={"node-a": "Succeeded", "node-b": "Running"})
    bring(cluster)
    assert said(cluster) == ("7.62B", 12345)
    assert all("factsBefore" not in entry(cluster, node) for node in ("node-a", "node-b"))


def test_a_field_that_somebody_changed_is_theirs() -> None:
    cluster = moved("node-a")
    bring(cluster, parsed="Running")
    cluster.change(*MODEL, {"spec": {"maxTokens": 2048}})
    bring(cluster)
    assert said(cluster) == ("7.62B", 2048)
    assert "factsBefore" not in entry(cluster, "node-a")


def test_the_controller_ends_between_the_record_of_the_files_and_the_spec() -> None:
    cluster = moved("node-a")
    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER, facts=NEW_FACTS)
    record = next(
        action for action in cluster.plan(plan_model, *MODEL).actions
        if isinstance(action, PatchObject) and action.kind == "ConfigMap"
    )  # fmt: skip
    cluster.carry_out(record)
    cluster.restart()
    assert said(cluster) == (FACTS.parameter_size, FACTS.context_length)
    settle(cluster)
    assert said(cluster) == ("7.62B", 12345)

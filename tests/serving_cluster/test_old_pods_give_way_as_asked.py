"""How old pods give way to new ones: the rollout, the component and the runtime agree on one valid strategy."""

from typing import Any

import pytest

from steps.errors import UnsupportedError
from steps.serving.cluster.strategy import with_room
from steps.serving.strategic_merge import merge
from tests.serving_cluster.cluster import Cluster
from tests.serving_cluster.made_up import find, rendered, runtime, service

OURS = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
NUMBERS = {"maxSurge": 0, "maxUnavailable": 1}
ROLLING = {"type": "RollingUpdate", "rollingUpdate": NUMBERS}
RECREATE = {"type": "Recreate"}


def engine_config(**of_component: Any) -> dict[str, Any]:
    return runtime(engineConfig={"runner": {"image": "tiny:1"}, **of_component})


def strategy(of_service: dict[str, Any], of_runtime: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = find(rendered(of_service, of_runtime), "Deployment", "chat-engine")["spec"]["strategy"]
    return found


@pytest.mark.parametrize(
    ("rollout", "of_component", "of_runtime", "expected"),
    [
        (None, None, None, OURS),
        ({}, None, None, OURS),
        ({"strategy": "RollingUpdate"}, None, None, OURS),
        ({"strategy": "Recreate"}, None, None, RECREATE),
        ({"strategy": "Recreate"}, None, ROLLING, RECREATE),
        ({"strategy": "RollingUpdate"}, None, ROLLING, ROLLING),
        ({"strategy": "RollingUpdate"}, None, RECREATE, OURS),
        ({"strategy": "Recreate"}, ROLLING, None, ROLLING),
        ({"strategy": "RollingUpdate"}, RECREATE, None, RECREATE),
        (None, RECREATE, ROLLING, RECREATE),
        (None, ROLLING, RECREATE, ROLLING),
        (None, {"rollingUpdate": NUMBERS}, RECREATE, ROLLING),
        (None, {"rollingUpdate": {"maxSurge": 2}}, ROLLING,
         {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}}),
    ],
)  # fmt: skip
def test_the_component_wins_over_the_rollout_and_that_over_the_runtime(
    rollout: dict[str, Any] | None,
    of_component: dict[str, Any] | None,
    of_runtime: dict[str, Any] | None,
    expected: dict[str, Any],
) -> None:
    asked = service(engine={"deploymentStrategy": of_component} if of_component else {}, rollout=rollout)
    given = engine_config(**({"deploymentStrategy": of_runtime} if of_runtime else {}))
    assert strategy(asked, given) == expected


def test_every_component_is_recreated() -> None:
    runner = {"runner": {"image": "tiny:1"}}
    made = rendered(
        service(decoder={}, router={}, rollout={"strategy": "Recreate"}),
        runtime(engineConfig=runner, decoderConfig=runner, routerConfig=runner),
    )
    found = [body["spec"]["strategy"] for body in made.objects if body["kind"] == "Deployment"]
    assert found == [RECREATE] * 3


@pytest.mark.parametrize("asked", ["Canary", "BlueGreen"])
def test_rollouts_that_there_are_not_are_refused_with_those_that_there_are(asked: str) -> None:
    rollout = {"strategy": asked, "steps": [{"weight": 100}]}
    with pytest.raises(UnsupportedError, match=f'spec.rollout.strategy: "{asked}"') as caught:
        rendered(service(rollout=rollout))
    assert "RollingUpdate" in caught.value.remedy and "Recreate" in caught.value.remedy


def test_a_rollback_that_nothing_decides_is_told() -> None:
    (said,) = rendered(service(rollout={"strategy": "Recreate", "autoRollback": True})).warnings
    assert said.startswith("spec.rollout.autoRollback: has no effect")


@pytest.mark.parametrize(
    ("of_runtime", "of_service", "expected"),
    [
        ({}, {}, {"maxUnavailable": 1}),
        ({"maxUnavailable": 2}, {}, {"maxUnavailable": 2}),
        ({"maxUnavailable": 2}, {"minAvailable": "50%"}, {"minAvailable": "50%"}),
        ({"minAvailable": 2}, {"maxUnavailable": 3}, {"maxUnavailable": 3}),
        ({"minAvailable": 2}, {"minAvailable": 3}, {"minAvailable": 3}),
        ({"minAvailable": 2}, {"maxUnavailable": None}, {"minAvailable": 2}),
    ],
)
def test_a_disruption_budget_has_one_bound(
    of_runtime: dict[str, Any], of_service: dict[str, Any], expected: dict[str, Any]
) -> None:
    made = rendered(service(engine=of_service), engine_config(**of_runtime))
    spec = find(made, "PodDisruptionBudget", "chat-engine")["spec"]
    assert {key: value for key, value in spec.items() if key != "selector"} == expected


def test_a_rolling_updates_own_bound_is_not_the_budgets() -> None:
    base = {"deploymentStrategy": ROLLING, "minAvailable": 1}
    assert merge(base, {"minAvailable": 2}) == {"deploymentStrategy": ROLLING, "minAvailable": 2}


def deployment(digest: str, strategy: dict[str, Any], **status: int) -> dict[str, Any]:
    template = {"metadata": {"annotations": {"ome.io/template-digest": digest}}}
    return {"spec": {"replicas": 2, "strategy": strategy, "template": template}, "status": status}


@pytest.mark.parametrize(
    ("strategy", "available", "digest", "expected"),
    [
        (OURS, 0, "old", {"maxSurge": 1, "maxUnavailable": 2}),
        (OURS, 1, "old", {"maxSurge": 1, "maxUnavailable": 1}),
        (OURS, 2, "old", OURS["rollingUpdate"]),
        (OURS, 0, "new", OURS["rollingUpdate"]),
        (ROLLING, 1, "old", NUMBERS),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}}, 1, "old", {"maxUnavailable": "50%"}),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "49%"}}, 1, "old", {"maxUnavailable": 1}),
        (RECREATE, 0, "old", None),
    ],
)
def test_a_rollout_does_without_pods_that_are_unavailable_already(
    strategy: dict[str, Any], available: int, digest: str, expected: dict[str, Any] | None
) -> None:
    wanted = deployment("new", strategy)
    found = with_room(wanted, deployment(digest, OURS, availableReplicas=available))
    assert found["spec"]["strategy"].get("rollingUpdate") == expected
    assert with_room(wanted, None) is wanted


def test_pods_that_never_come_up_give_way_and_the_strategy_is_as_asked_at_the_end(cluster: Cluster) -> None:
    bounds: list[int] = []

    def bound() -> int:
        (found,) = cluster.objects("Deployment")
        return int(found["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"])

    def roll_out() -> None:
        bounds.append(bound())
        cluster.roll_out()

    cluster.deploy_and_roll_out(replicas=2)
    cluster.starting()
    cluster.apply_service(engine={"minReplicas": 2, "runner": {"name": "ome-container", "image": "mended:1"}})
    cluster.deploy(meanwhile=roll_out)
    assert bounds[0] == 2  # noqa: PLR2004 - none of two was available
    assert bound() == 0

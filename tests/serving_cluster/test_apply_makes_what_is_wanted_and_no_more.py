"""Deploy on a real API server: objects come, change and go with the InferenceService."""

from typing import Any

import pytest

from steps.choice import Choice
from steps.errors import InvalidInputError, NotFoundError
from steps.serving.cluster.spec_digest import service_spec_digest
from tests.apiserver.client import Object
from tests.serving_cluster.cluster import Cluster

ENGINE = {
    "Deployment/chat-engine", "Service/chat-engine", "PodDisruptionBudget/chat-engine", "Service/chat",
}  # fmt: skip


def test_a_service_is_made_deployed_and_found_at_its_name(cluster: Cluster) -> None:
    deployed = cluster.deploy_and_roll_out(replicas=2)
    service = cluster.get("InferenceService", "chat")
    assert service is not None
    assert service["spec"]["model"].items() >= {"name": "smollm2", "kind": "ClusterBaseModel"}.items()
    assert service["spec"]["engine"] == {"minReplicas": 2}
    assert "status" not in service
    assert cluster.names() == ENGINE
    assert deployed.endpoint.url == f"http://chat.{cluster.namespace}.svc.cluster.local:8080"
    assert (deployed.endpoint.model_name, deployed.endpoint.service) == ("smollm2", "chat")
    assert (deployed.endpoint.namespace, deployed.endpoint.engine) == (cluster.namespace, "tiny")
    model = cluster.admin.request("GET", "/apis/ome.io/v1beta1/clusterbasemodels/smollm2")
    assert deployed.spec_digest == service_spec_digest(service, model)
    for body in (*cluster.objects("Deployment"), *cluster.objects("Service")):
        (owner,) = body["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (service["metadata"]["uid"], True)


def test_deploying_again_changes_nothing(cluster: Cluster) -> None:
    first = cluster.deploy_and_roll_out()
    versions = _versions(cluster)
    second = cluster.deploy()
    assert (first.reused, second.reused) == (False, True)
    assert _versions(cluster) == versions
    assert cluster.waited_for == []
    assert second.spec_digest == first.spec_digest


def test_the_spec_of_the_service_wins_over_the_input(cluster: Cluster) -> None:
    cluster.apply_service(engine={"minReplicas": 3})
    cluster.deploy_and_roll_out(replicas=1)
    assert _replicas(cluster) == 3


def test_components_and_autoscalers_go_with_what_asked_for_them(cluster: Cluster) -> None:
    cluster.apply_service(engine={"minReplicas": 1, "maxReplicas": 3}, decoder={})
    cluster.deploy_and_roll_out()
    assert cluster.names() == ENGINE | {
        "HorizontalPodAutoscaler/chat-engine", "Deployment/chat-decoder", "Service/chat-decoder",
        "PodDisruptionBudget/chat-decoder",
    }  # fmt: skip
    cluster.apply_service(engine={"minReplicas": 2})
    cluster.deploy_and_roll_out()
    assert cluster.names() == ENGINE
    assert _replicas(cluster) == 2


def test_a_service_that_becomes_virtual_loses_its_objects(cluster: Cluster) -> None:
    cluster.apply_service()
    cluster.deploy_and_roll_out()
    cluster.apply_service(annotations={"ome.io/deploymentMode": "VirtualDeployment"})
    cluster.deploy()
    assert cluster.names() == set()


def test_live_replicas_stay_when_an_autoscaler_takes_over_and_while_it_decides(cluster: Cluster) -> None:
    cluster.apply_service(engine={"minReplicas": 4})
    cluster.deploy_and_roll_out()
    cluster.apply_service(engine={"minReplicas": 2, "maxReplicas": 9})
    cluster.deploy_and_roll_out()
    assert _replicas(cluster) == 4  # it neither falls to the default of 1 nor to the minimum
    _scale(cluster, 7)
    cluster.deploy_and_roll_out()
    assert _replicas(cluster) == 7
    cluster.apply_service(engine={"minReplicas": 3})
    cluster.deploy_and_roll_out()
    assert _replicas(cluster) == 3


@pytest.mark.parametrize("by_class", ["hpa", "external"])
def test_a_new_scaled_service_starts_with_its_minimum(cluster: Cluster, by_class: str) -> None:
    cluster.apply_service(
        engine={"minReplicas": 3, "maxReplicas": 5}, annotations={"ome.io/autoscalerClass": by_class}
    )
    cluster.deploy_and_roll_out()
    assert _replicas(cluster) == 3
    _scale(cluster, 4)
    cluster.deploy_and_roll_out()
    assert _replicas(cluster) == 4


@pytest.mark.parametrize("numbers", [None, {}, {"maxSurge": 2}])
def test_a_changed_strategy_takes_the_old_ones_fields_away(cluster: Cluster, numbers: dict[str, Any] | None) -> None:
    rolling = {"type": "RollingUpdate"} if numbers == {} else {"rollingUpdate": numbers}
    asked = {"deploymentStrategy": rolling} if numbers is not None else {}
    cluster.apply_service(engine={"minReplicas": 1, **asked})
    cluster.deploy_and_roll_out()
    cluster.apply_service(engine={"minReplicas": 1}, rollout={"strategy": "Recreate"})
    cluster.deploy_and_roll_out()
    (deployment,) = cluster.objects("Deployment")
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_a_name_that_another_has_is_refused_before_anything_is_written(cluster: Cluster) -> None:
    cluster.apply_service("chat")
    cluster.deploy_and_roll_out("chat")
    cluster.apply_service("chat-engine")
    with pytest.raises(InvalidInputError, match="Service named chat-engine, which belongs to InferenceService chat"):
        cluster.deploy("chat-engine")
    assert cluster.names("chat-engine") == set()


def test_what_is_not_a_services_is_not_taken_over(cluster: Cluster) -> None:
    ports = [{"port": 80}]
    metadata = {"name": "chat", "namespace": cluster.namespace}
    cluster.admin.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}})
    with pytest.raises(
        InvalidInputError, match="Service named chat, which exists and belongs to no service"
    ) as caught:
        cluster.deploy()
    assert "another name" in caught.value.remedy
    assert cluster.names() == set()


DISAGREEING: dict[str, tuple[dict[str, Any], str]] = {
    "model": ({"model": {"name": "other"}}, 'spec.model.name is "other", and "smollm2" was asked for'),
    "runtime": ({"runtime": {"name": "other"}}, 'spec.runtime.name is "other", and "tiny" was chosen'),
    "class": ({"acceleratorSelector": {"acceleratorClass": "h100"}}, 'class "h100", and "" was chosen'),
    "override": (
        {"engine": {"acceleratorOverride": {"acceleratorClass": "h100"}}},
        'spec.engine.acceleratorOverride.acceleratorClass asks for accelerator class "h100", and "" was chosen',
    ),
}


@pytest.mark.parametrize("name", DISAGREEING)
def test_a_service_that_asks_for_something_else_is_refused(cluster: Cluster, name: str) -> None:
    spec, message = DISAGREEING[name]
    cluster.apply_service(**spec)
    with pytest.raises(InvalidInputError, match=message):
        cluster.deploy()
    assert cluster.names() == set()


def test_what_is_missing_is_named(cluster: Cluster) -> None:
    with pytest.raises(NotFoundError, match='model "none" is neither') as caught:
        cluster.deploy(model="none")
    assert "smollm2" in caught.value.remedy
    with pytest.raises(NotFoundError, match='ClusterServingRuntime "none" does not exist'):
        cluster.deploy(choice=Choice(runtime="none"))
    with pytest.raises(InvalidInputError, match='runtime is ""'):
        cluster.deploy(choice=Choice(runtime=""))


def test_a_field_that_kubernetes_refuses_is_told_in_its_words(cluster: Cluster) -> None:
    cluster.apply_service(engine={"restartPolicy": "Never"})
    with pytest.raises(InvalidInputError, match=r"restartPolicy: Unsupported value: \"Never\""):
        cluster.deploy()
    cluster.apply_service(engine={"runner": {"readinessProbe": {"httpGet": {"pth": "/", "port": 1}}}})
    with pytest.raises(InvalidInputError, match="pth"):
        cluster.deploy()


def test_a_router_comes_with_the_right_to_see_pods(cluster: Cluster, admin_in_a_pod: None) -> None:
    cluster.apply_service(router={})
    cluster.deploy_and_roll_out()
    router = {f"{kind}/chat-router" for kind in ("Deployment", "Service", "PodDisruptionBudget")}
    rights = {f"{kind}/chat-router" for kind in ("ServiceAccount", "Role", "RoleBinding")}
    assert cluster.names() == ENGINE | router | rights
    assert _selected(cluster) == "router"
    cluster.apply_service()
    cluster.deploy_and_roll_out()
    assert cluster.names() == ENGINE
    assert _selected(cluster) == "engine"


def _selected(cluster: Cluster) -> str:
    service = cluster.get("Service", "chat")
    assert service is not None
    found: str = service["spec"]["selector"]["component"]
    return found


def _replicas(cluster: Cluster) -> int:
    (deployment,) = cluster.objects("Deployment")
    return int(deployment["spec"]["replicas"])


def _scale(cluster: Cluster, replicas: int) -> None:
    """As a HorizontalPodAutoscaler does."""
    path = f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments/chat-engine/scale?fieldManager=autoscaler"
    body: Object = {"spec": {"replicas": replicas}}
    cluster.admin.request("PATCH", path, body, "application/merge-patch+json")


def _versions(cluster: Cluster) -> dict[str, str]:
    return {
        f"{kind}/{body['metadata']['name']}": body["metadata"]["resourceVersion"]
        for kind in ("Deployment", "Service", "PodDisruptionBudget")
        for body in cluster.objects(kind)
    }

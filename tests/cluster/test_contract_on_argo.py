"""Argo keeps the contract that the local runner keeps: the same workflows, and of each the same is expected."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import ring
from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.conftest import namespace_objects
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.waiting import wait_workflow
from tests.cluster.workflow_outcome import entry_outputs, step_outcomes
from tests.pipelines.test_contract import FOLDER, NAMES

NAMESPACE = "workflow-contract"
ARTIFACTS = "artifacts"


def test_argo_keeps_the_contract(
    name: str, submitted: dict[str, str], kubectl: Kubectl, cluster: ring.Cluster
) -> None:
    expected = yaml.safe_load((FOLDER / f"{name}.expected.yaml").read_text())
    older = expected.get("before", {})
    if older and ring.argo_version(cluster) < tuple(int(part) for part in str(older["Argo"]).split(".")):
        expected |= older

    workflow = wait_workflow(kubectl, submitted[name], namespace=NAMESPACE)

    outcomes = step_outcomes(workflow)
    told = {path: (step.phase, step.message) for path, step in outcomes.items()}
    assert workflow["status"]["phase"] == expected["phase"], (workflow["status"].get("message"), told)
    assert set(told) == set(expected["steps"]), told
    for path, outcome in expected["steps"].items():
        found = {field: getattr(outcomes[path], field) for field in outcome}
        assert found == outcome, (path, outcomes[path])
    assert entry_outputs(workflow) == expected.get("outputs", {})


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Of each workflow of the contract in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def submitted(kubectl: Kubectl, image: Callable[[str], str], cluster_hub: ClusterHub) -> dict[str, str]:
    """All workflows of the contract, created at once: the name each has been given on the cluster."""
    steps = image("ome-steps")
    kubectl.apply(*namespace_objects(NAMESPACE), *artifact_repository(cluster_hub.url))
    kubectl("delete", "workflows", "--all", f"--namespace={NAMESPACE}")
    return {name: create(kubectl, name, steps) for name in NAMES}


def create(kubectl: Kubectl, name: str, image: str) -> str:
    """Create a workflow of the contract on the cluster, with an image that its nodes have; return its name there."""
    workflow = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    expected = yaml.safe_load((FOLDER / f"{name}.expected.yaml").read_text())
    workflow["metadata"] = {"generateName": f"{name}-", "namespace": NAMESPACE}
    workflow["spec"]["securityContext"] = {"runAsUser": 0}  # they write beside their artifacts, which belong to root
    for template in workflow["spec"]["templates"]:
        if "script" in template:
            template["script"] |= {"image": image, "imagePullPolicy": "IfNotPresent"}
    given = expected.get("arguments", {})
    for parameter in workflow["spec"].get("arguments", {}).get("parameters", []):
        parameter["value"] = given.get(parameter["name"], parameter["value"])
    created: str = kubectl.create(workflow, NAMESPACE)["metadata"]["name"]
    return created


def artifact_repository(url: str) -> list[Object]:
    """The namespace's artifact repository: the test hub, which takes files and gives them back as Artifactory does."""
    account = {"name": ARTIFACTS, "key": "account"}
    place = {"repoURL": f"{url}/.admin/files/artifacts", "usernameSecret": account, "passwordSecret": account}
    default: dict[str, Any] = {"workflows.argoproj.io/default-artifact-repository": ARTIFACTS}
    listing = {"name": "artifact-repositories", "namespace": NAMESPACE, "annotations": default}
    secret = {"name": ARTIFACTS, "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"account": "anyone"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": listing,
         "data": {ARTIFACTS: yaml.safe_dump({"artifactory": place})}},
    ]  # fmt: skip


def test_every_workflow_of_the_contract_is_found() -> None:
    assert Path(FOLDER, "parameters.yaml").exists()
    assert len(NAMES) >= 15

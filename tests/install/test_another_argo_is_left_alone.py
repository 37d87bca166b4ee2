"""Definitions of an Argo of the user's own survive `ome install --argo bundled`, and `ome uninstall`."""

from collections.abc import Iterator
from typing import Any

import pytest

from pipelines.install import argo
from tests.install.conftest import Cluster

THEIRS = "workflows.argoproj.io"
GROUP: dict[str, Any] = {"apiVersion": "argoproj.io/v1alpha1"}


def _definition(name: str) -> dict[str, Any]:
    """A definition as another Argo brings it: with a schema of its own, and without our label."""
    found = next(each for each in argo.definitions() if each["metadata"]["name"] == name)
    schema = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"] = {
        "type": "object",
        "properties": {"entrypoint": {"type": "string"}},
        "x-kubernetes-preserve-unknown-fields": True,
    }
    return {**found, "metadata": {"name": name}}


@pytest.fixture
def theirs(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """One of Argo's definitions that is there already; the others are missing."""
    made = _definition(THEIRS)
    cluster.server.define(made)
    yield cluster.admin.get(made)
    cluster.admin.delete(made)


def test_definitions_of_another_argo_are_neither_written_over_nor_deleted(
    cluster: Cluster, theirs: dict[str, Any]
) -> None:
    planned = cluster.ome("install", "--argo", "bundled", "--dry-run")
    assert f"leave   CustomResourceDefinition {THEIRS}" in planned.stdout
    installed = cluster.ome("install", "--argo", "bundled", "--no-wait")
    assert installed.returncode == 0, installed.stderr
    assert "definitions of Argo: 7 created, 1 of another Argo left alone" in installed.stdout
    assert _told(cluster.admin.get(theirs)) == _told(theirs)
    assert cluster.ome("uninstall").returncode == 0
    assert _told(cluster.admin.get(theirs)) == _told(theirs)
    assert _argo_definitions(cluster) == {THEIRS}


@pytest.mark.parametrize(
    "used",
    [
        {**GROUP, "kind": "ClusterWorkflowTemplate", "metadata": {"name": "theirs"}, "spec": {}},
        {**GROUP, "kind": "WorkflowEventBinding", "metadata": {"name": "theirs", "namespace": "default"}, "spec": {}},
        {**GROUP, "kind": "Workflow", "metadata": {"name": "theirs", "namespace": "default"}, "spec": {}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "argo-workflows-controller", "namespace": "default"},
            "spec": {
                "selector": {"matchLabels": {"a": "b"}},
                "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {"containers": [{"name": "c", "image": "quay.io/argoproj/workflow-controller:v3.7.2"}]},
                },
            },
        },
    ],
    ids=lambda used: str(used["kind"]),
)
def test_definitions_that_came_with_us_stay_while_somebody_else_uses_them(
    cluster: Cluster, used: dict[str, Any]
) -> None:
    cluster.server.define(*argo.definitions())
    cluster.admin.create(used)
    assert cluster.ome("uninstall").returncode == 0
    left = _argo_definitions(cluster)
    cluster.admin.delete(used)
    assert left == {each["metadata"]["name"] for each in argo.definitions()}
    assert cluster.ome("uninstall").returncode == 0
    assert _argo_definitions(cluster) == set()


def _argo_definitions(cluster: Cluster) -> set[str]:
    listed = cluster.admin.request("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
    return {each["metadata"]["name"] for each in listed if each["spec"]["group"] == argo.GROUP}


def _told(definition: dict[str, Any]) -> tuple[object, object]:
    return definition["spec"], definition["metadata"].get("labels")

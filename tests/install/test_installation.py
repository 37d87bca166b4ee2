"""An installation on a real API server: whole, the same after a second run, and what `ome doctor` says of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.install.apply import wait_for_deployments
from pipelines.install.connection import connect
from steps.errors import ClusterError
from tests.command.run_ome import ome
from tests.install.conftest import Cluster
from tests.install.objects_there import MODEL, config_map, installed, versions


def test_everything_is_there_and_a_second_run_changes_nothing(installation: Cluster) -> None:
    before = versions(installation)
    assert len(before) == len(installed())
    again = installation.ome("install", "--argo", "bundled", "--no-wait")
    assert "created" not in again.stdout and "changed" not in again.stdout
    assert versions(installation) == before


def test_an_installation_that_does_not_start_says_what_its_pods_wait_for(installation: Cluster) -> None:
    found: dict[str, Any] = {"kind": "Deployment", "metadata": {"name": "ome-controller", "namespace": "ome"}}
    template = installation.admin.get({"apiVersion": "apps/v1", **found})["spec"]["template"]
    metadata = {"name": "ome-controller-1", "namespace": "ome", "labels": template["metadata"]["labels"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    stored = installation.admin.create(pod)
    waits = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    container = {"name": "c", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": waits}
    stored["status"] = {"containerStatuses": [container]}
    installation.admin.request("PUT", f"{installation.admin.path_of(pod)}/status", stored)
    with pytest.raises(ClusterError, match="ome/ome-controller is not rolled out after 0 s") as failed:
        wait_for_deployments(connect(installation.server.kubeconfig), "ome", ["ome-controller"], 0)
    installation.admin.delete(pod)
    assert failed.value.message.endswith("; ome-controller-1: ImagePullBackOff: no such image")


def test_what_a_person_added_to_the_settings_stays(installation: Cluster) -> None:
    settings = config_map("ome-settings")
    installation.admin.patch(settings, {"data": {"HTTPS_PROXY": "http://proxy.example"}})
    given = ("install", "--argo", "bundled", "--no-wait", "--set", "HF_ENDPOINT=https://hub.example")
    assert installation.ome(*given).returncode == 0
    data = installation.admin.get(settings)["data"]
    assert data["HTTPS_PROXY"] == "http://proxy.example"
    assert data["HF_ENDPOINT"] == "https://hub.example"


def test_a_dry_run_names_what_another_image_changes(installation: Cluster) -> None:
    given = (
        "install",
        "--argo",
        "bundled",
        "--dry-run",
        "--image-tag",
        "t1",
        "--set",
        "HF_ENDPOINT=https://hub.example",
    )
    planned = installation.ome(*given)
    changed = {line.split()[-1] for line in planned.stdout.splitlines() if line.startswith("  change")}
    assert changed == {"ome/ome-steps", "ome/ome-controller"}


def test_doctor_is_content_when_all_is_available(installation: Cluster) -> None:
    for name in ("ome-controller", "workflow-controller", "argo-server"):
        _make_available(installation, name)
    installation.admin.apply(_lease())
    told = installation.ome("doctor", "-o", "json")
    assert told.returncode == 0, told.stdout
    assert {each["check"] for each in json.loads(told.stdout) if each["state"] == "warning"} == {"nodes"}


def test_doctor_says_what_this_user_may_not(installation: Cluster) -> None:
    told = ome("doctor", "--kubeconfig", str(installation.server.kubeconfig_of("ome", "nobody")), "-o", "json")
    said = [each for each in json.loads(told.stdout) if each["check"] == "permissions"]
    assert [each["state"] for each in said] == ["warning", "warning"]
    assert "patch customresourcedefinitions" in said[0]["detail"]
    assert "CustomResourceDefinition" in said[1]["detail"]


@pytest.mark.parametrize(
    ("account", "verb", "resource", "namespace", "allowed"),
    [
        ("ome-controller", "patch", "clusterbasemodels/status.ome.io", "", True),
        ("ome-controller", "create", "workflows.argoproj.io", "ome", True),
        ("ome-controller", "create", "workflows.argoproj.io", "team", False),
        ("ome-controller", "get", "secrets", "team", False),
        ("ome-controller", "create", "pods", "ome", False),
        ("ome-import", "create", "workflowtaskresults.argoproj.io", "ome", True),
        ("ome-import", "patch", "clusterbasemodels/status.ome.io", "", False),
        ("ome-import", "get", "secrets", "ome", False),
        ("ome-cache", "patch", "nodes", "", False),
        ("ome-cache", "get", "secrets", "ome", False),
        ("ome-cache", "create", "clusterbasemodels.ome.io", "", False),
        ("ome-claim", "create", "pods", "team", True),
        ("ome-claim", "list", "pods", "team", False),
        ("ome-claim", "get", "persistentvolumeclaims", "team", False),
        ("ome-claim", "get", "secrets", "team", False),
        ("ome-claim", "create", "workflows.argoproj.io", "ome", False),
        ("ome-deploy", "patch", "deployments.apps", "team", True),
        ("ome-deploy", "patch", "inferenceservices/status.ome.io", "team", False),
        ("ome-deploy", "get", "secrets", "team", False),
        ("ome-measure", "get", "basemodels.ome.io", "team", True),
        ("ome-measure", "list", "pods", "team", False),
        ("ome-measure", "patch", "deployments.apps", "team", False),
        ("ome-upload", "get", "configmaps", "ome", True),
        ("ome-upload", "get", "secrets", "ome", False),
        ("ome-upload", "get", "basemodels.ome.io", "team", False),
        ("argo-server", "create", "workflows.argoproj.io", "ome", False),
    ],
)
def test_an_account_may_do_its_work_and_no_more(
    installation: Cluster, account: str, verb: str, resource: str, namespace: str, allowed: bool
) -> None:
    named, _, group = resource.partition(".")
    plural, _, subresource = named.partition("/")
    attributes = {"verb": verb, "group": group, "resource": plural, "subresource": subresource, "namespace": namespace}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": f"system:serviceaccount:ome:{account}", "resourceAttributes": attributes},
    }
    answer = installation.admin.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    assert answer["status"]["allowed"] is allowed


def test_no_account_may_do_everything() -> None:
    for each in installed():
        for rule in each.get("rules", ()):
            assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]], each["metadata"]["name"]
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])


def test_uninstall_asks_before_it_deletes_what_people_made(installation: Cluster) -> None:
    installation.admin.apply(MODEL)
    refused = installation.ome("uninstall")
    assert refused.returncode == 16
    assert "1 ClusterBaseModel" in refused.stderr and "--yes" in refused.stderr
    assert installation.admin.get(MODEL)["metadata"]["name"] == "small"
    assert len(versions(installation)) == len(installed())


def _lease() -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "ome-controller", "namespace": "ome"},
        "spec": {"holderIdentity": "a-pod", "leaseDurationSeconds": 3600, "renewTime": now, "acquireTime": now},
    }


def _make_available(installation: Cluster, name: str) -> None:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "ome"}}
    condition = {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": ""}
    status = {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 1, "conditions": [condition]}
    installation.admin.apply({**body, "status": status}, subresource="status")

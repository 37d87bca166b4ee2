"""`ome doctor` compares accounts, roles, settings and the objects of peers with what an installation makes."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pipelines.install.accounts import access_objects
from pipelines.install.connection import connect
from pipelines.install.object_checks import object_findings
from pipelines.install.objects import title_of
from pipelines.install.options import Options
from pipelines.install.snapshot import Snapshot, compared, take
from tests.install.conftest import Cluster
from tests.install.objects_there import config_map, findings, problems

MADE = {title_of(each): each for _, objects in compared(Options(argo="bundled")) for each in objects}
ROLES = "rbac.authorization.k8s.io"


@pytest.fixture
def cluster_as_installed(installation: Cluster) -> Iterator[Cluster]:
    """An installation, of which a test may change what it names in `MADE`."""
    yield installation
    for each in MADE.values():
        installation.admin.apply(each)


def test_a_healthy_installation_has_no_finding(installation: Cluster) -> None:
    assert problems(installation) == []
    assert [each.check for each in findings(installation)] == ["access", "settings", "peers", "argo"]


@pytest.mark.parametrize(
    ("title", "check"),
    [
        ("ClusterRole ome-deploy", "access"),
        ("ClusterRoleBinding ome-cache", "access"),
        ("Role ome/ome-import", "access"),
        ("RoleBinding ome/ome-controller", "access"),
        ("ServiceAccount ome/ome-measure", "access"),
        ("Service ome/ome-peers", "peers"),
        ("NetworkPolicy ome/ome-peers", "peers"),
        ("RoleBinding ome/workflow-controller", "argo"),
    ],
)
def test_what_is_deleted_is_missed(cluster_as_installed: Cluster, title: str, check: str) -> None:
    cluster_as_installed.admin.delete(MADE[title])
    (missed,) = problems(cluster_as_installed)
    assert (missed.check, missed.state, missed.detail) == (check, "error", f"not there: {title}")
    assert "`ome install`" in missed.remedy


def _less(title: str, *path: str | int) -> dict[str, Any]:
    """An object without the last of something that it has."""
    body = copy.deepcopy(MADE[title])
    place: Any = body
    for key in path:
        place = place[key]
    place.pop()
    return body


def _other(title: str, *path: str, **values: Any) -> dict[str, Any]:
    """An object with other values somewhere."""
    body = copy.deepcopy(MADE[title])
    place: Any = body
    for key in path:
        place = place[key]
    place.update(values)
    return body


@pytest.mark.parametrize(
    "changed",
    [
        _less("ClusterRole ome-deploy", "rules"),
        _less("Role ome/ome-import", "rules", 0, "verbs"),
        _other("RoleBinding ome/ome-cache", subjects=[{"kind": "ServiceAccount", "name": "x", "namespace": "ome"}]),
        _less("ClusterRoleBinding ome-deploy", "subjects"),
        _other("NetworkPolicy ome/ome-peers", "spec", ingress=[]),
        _other("Service ome/ome-peers", "spec", selector={"app": "other"}),
        _less("Role ome/argo-server", "rules"),
    ],
    ids=title_of,
)
def test_what_is_changed_is_named(cluster_as_installed: Cluster, changed: dict[str, Any]) -> None:
    cluster_as_installed.admin.request("PUT", *_replacing(cluster_as_installed, changed))
    (told,) = problems(cluster_as_installed)
    assert (told.state, told.detail) == ("error", f"not as installed: {title_of(changed)}")
    assert "`ome install`" in told.remedy


def test_a_role_that_is_bound_in_place_of_ours_is_named(cluster_as_installed: Cluster) -> None:
    binding = MADE["ClusterRoleBinding ome-measure"]
    cluster_as_installed.admin.delete(binding)  # another role cannot be given to a binding that is there
    other = {**binding, "roleRef": {"apiGroup": ROLES, "kind": "ClusterRole", "name": "view"}}
    cluster_as_installed.admin.create(other)
    told = problems(cluster_as_installed)
    cluster_as_installed.admin.delete(binding)
    assert [each.detail for each in told] == ["not as installed: ClusterRoleBinding ome-measure"]


def test_what_a_person_adds_beside_is_no_change(installation: Cluster) -> None:
    admin = installation.admin
    noted = {"metadata": {"labels": {"team": "serving"}, "annotations": {"note": "ours"}}}
    for title in ("ClusterRole ome-deploy", "RoleBinding ome/ome-import", "NetworkPolicy ome/ome-peers"):
        admin.patch(MADE[title], noted)
    admin.patch(MADE["ServiceAccount ome/ome-cache"], {"imagePullSecrets": [{"name": "registry"}]})
    admin.patch(MADE["Service ome/argo-server"], {"spec": {"type": "LoadBalancer"}})
    admin.patch(MADE["ConfigMap ome/workflow-controller-configmap"], {"data": {"parallelism": "10"}})
    admin.patch(config_map("ome-settings"), {"data": {"HTTPS_PROXY": "http://proxy.example"}})
    assert problems(installation) == []


def test_the_command_ends_with_an_error_and_install_is_the_remedy(cluster_as_installed: Cluster) -> None:
    cluster_as_installed.admin.delete(MADE["ClusterRole ome-deploy"])
    told = cluster_as_installed.ome("doctor", "-o", "json")
    assert told.returncode == 21
    (access,) = [each for each in json.loads(told.stdout) if each["check"] == "access"]
    assert access["state"] == "error" and "ClusterRole ome-deploy" in access["detail"]
    assert access["remedy"].startswith("Run `ome install`")
    assert cluster_as_installed.ome("install", "--no-wait").returncode == 0
    assert problems(cluster_as_installed) == []


def test_what_may_not_be_read_is_not_called_missing(installation: Cluster) -> None:
    kubeconfig = installation.server.kubeconfig_of("ome", "nobody")
    assert list(object_findings(take(connect(kubeconfig)))) == []


def test_an_installation_of_another_version_may_have_other_roles(installation: Cluster) -> None:
    seen = take(connect(installation.server.kubeconfig))
    older = [
        {**each, "metadata": {**each["metadata"], "labels": {"app.kubernetes.io/version": "0.0.1"}}}
        for each in seen.templates
    ]
    gone = {title: each for title, each in seen.objects.items() if title != "ClusterRole ome-claim"}
    told = [each for each in object_findings(replace(seen, templates=older, objects=gone)) if each.state != "ok"]
    assert [each.state for each in told] == ["warning"] and "of this version" in told[0].remedy


def test_many_that_are_missing_are_counted(installation: Cluster) -> None:
    seen: Snapshot = replace(take(connect(installation.server.kubeconfig)), objects={}, deployments=())
    access = next(each for each in object_findings(seen) if each.check == "access")
    assert access.detail.endswith(f"and {len(access_objects()) - 6} more")


def test_without_a_bundled_argo_none_of_its_objects_is_missed(installation: Cluster) -> None:
    seen = replace(take(connect(installation.server.kubeconfig)), deployments=())
    assert "argo" not in {each.check for each in object_findings(seen)}
    assert Options().argo == "existing"


def _replacing(cluster: Cluster, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Where and what to send, so that an object has this and nothing else that it had before."""
    there = cluster.admin.get(body)
    kept = {"resourceVersion": there["metadata"]["resourceVersion"]}
    if body["kind"] == "Service":
        body["spec"] = {**there["spec"], **body["spec"]}
    return cluster.admin.path_of(body), {**body, "metadata": {**body["metadata"], **kept}}

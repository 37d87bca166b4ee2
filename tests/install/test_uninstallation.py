"""kubectl installs from one folder, and `ome uninstall` takes it off again, with and without what people made."""

from typing import Any

import pytest

from pipelines.install.connection import connect
from pipelines.install.files import REPOSITORY
from pipelines.install.remove import look, remove
from tests.apiserver.client import ApiRefusedError
from tests.crds.samples import service
from tests.install.conftest import Cluster
from tests.install.objects_there import MODEL, config_map, findings, installed, versions

NODE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": "node-1",
        "labels": {"models.ome.io/clusterbasemodel.small": "Ready", "models.ome/12ab": "Ready", "zone": "a"},
    },
}


def test_kubectl_installs_and_uninstall_leaves_nothing(cluster: Cluster) -> None:
    _install_with_kubectl(cluster)
    cluster.admin.apply(MODEL)
    held = {"name": "other", "finalizers": [*MODEL["metadata"]["finalizers"], "example.com/other"]}
    cluster.admin.apply({**MODEL, "metadata": held})

    kept = cluster.ome("uninstall", "--keep-crds")
    assert kept.returncode == 0, kept.stderr
    assert cluster.admin.get(MODEL)["spec"] == MODEL["spec"]
    assert {name.partition(" ")[0] for name in versions(cluster)} == {"CustomResourceDefinition", "Namespace"}

    assert cluster.ome("install", "--argo", "bundled", "--no-wait").returncode == 0
    cluster.admin.apply(NODE)
    for name in ("node-1", "manifest-0123456789ab"):
        cluster.admin.apply(config_map(name))
    removed = cluster.ome("uninstall", "--yes", "--timeout", "1")
    assert removed.returncode == 0, removed.stderr
    assert "ClusterBaseModel small: given up" in removed.stdout
    assert "ClusterBaseModel other: held by example.com/other" in removed.stdout
    assert "still there until their last object is gone: clusterbasemodels.ome.io\n" in removed.stdout
    assert cluster.admin.get({**MODEL, "metadata": held})["metadata"]["finalizers"] == ["example.com/other"]
    cluster.admin.patch({**MODEL, "metadata": held}, {"metadata": {"finalizers": None}})
    assert cluster.ome("uninstall").returncode == 0

    assert [name for name in versions(cluster) if name != "Namespace ome"] == []
    assert cluster.admin.request("GET", "/api/v1/namespaces/ome")["metadata"]["deletionTimestamp"]
    assert cluster.admin.request("GET", "/api/v1/namespaces/ome/configmaps")["items"] == []
    assert cluster.admin.get(NODE)["metadata"]["labels"] == {"zone": "a"}
    cluster.admin.delete(NODE)


def test_labels_and_finalizers_go_when_the_controllers_pods_are_gone(cluster: Cluster) -> None:
    assert cluster.ome("install", "--argo", "bundled", "--no-wait").returncode == 0
    cluster.admin.apply(NODE)
    cluster.admin.apply(MODEL)
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _named("ome-controller-1", {"app.kubernetes.io/name": "ome-controller"}),
        "spec": {"containers": [{"name": "controller", "image": "x"}]},
    }
    cluster.admin.create(pod)
    at_wait = []

    def end_pod(line: str) -> None:
        """Ends the pod when it is waited for, as the kubelet would, and sees how far the rest is."""
        if line.startswith("waiting for ome-controller-1"):
            at_wait.append((cluster.admin.get(MODEL)["metadata"]["finalizers"], cluster.admin.get(NODE)["metadata"]))
            cluster.admin.delete(pod)

    api = connect(cluster.server.kubeconfig)
    remove(api, look(api), end_pod, keep_definitions=False, seconds=0)
    ((finalizers, node),) = at_wait
    assert finalizers == MODEL["metadata"]["finalizers"]
    assert node["labels"] == NODE["metadata"]["labels"]
    assert cluster.admin.get(NODE)["metadata"]["labels"] == {"zone": "a"}
    cluster.admin.delete(NODE)


def test_with_keep_crds_the_namespace_stays_with_what_people_made_in_it(cluster: Cluster) -> None:
    assert cluster.ome("install", "--argo", "bundled", "--no-wait").returncode == 0
    owner = cluster.admin.create({**service(), "metadata": {"name": "chat", "namespace": "ome"}})
    owned = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": "chat", "uid": owner["metadata"]["uid"]}
    ours = {"app.kubernetes.io/part-of": "ome-pipelines"}
    token = _secret("hub-token")
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "person", "namespace": "ome"}}
    serves = _deployment("chat-engine", {"labels": ours, "ownerReferences": [owned]})
    kept = [owner, token, account, serves, config_map("mine")]
    for each in kept[1:]:
        cluster.admin.create(each)
    going = [_secret("copy-of-a-token", ours), {**config_map("manifest-01"), "metadata": {**_named("m", ours)}}]
    for each in going:
        cluster.admin.create(each)

    assert cluster.ome("uninstall", "--keep-crds").returncode == 0
    for each in kept:
        assert "deletionTimestamp" not in cluster.admin.get(each)["metadata"]
    for each in going:
        with pytest.raises(ApiRefusedError):
            cluster.admin.get(each)
    assert "deletionTimestamp" not in cluster.admin.request("GET", "/api/v1/namespaces/ome")["metadata"]
    for each in kept:
        cluster.admin.delete(each)


def test_a_namespace_that_helm_made_stays_and_what_forgets_it_is_told(cluster: Cluster) -> None:
    assert cluster.ome("install", "--argo", "bundled", "--no-wait").returncode == 0
    helms = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ome"}}
    cluster.admin.patch(helms, {"metadata": {"labels": {"app.kubernetes.io/part-of": None}}})
    release = _secret("sh.helm.release.v1.ome.v1", {"owner": "helm", "name": "ome"})
    for each in (release, config_map("somebodys")):
        cluster.admin.create(each)
    removed = cluster.ome("uninstall", "--yes")
    assert removed.returncode == 0, removed.stderr
    told = " ".join(removed.stdout.split())
    assert "namespace ome: stays, since it did not come with the installation" in told
    assert "`helm uninstall ome --namespace ome`, then `kubectl delete namespace ome`" in told
    assert "deletionTimestamp" not in cluster.admin.get(helms)["metadata"]
    cluster.admin.get(config_map("somebodys"))
    for each in (release, config_map("somebodys"), helms):
        cluster.admin.delete(each)


def _named(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "namespace": "ome", "labels": labels}


def _secret(name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _named(name, labels or {}), "stringData": {"token": "t"}}


def _deployment(name: str, metadata: dict[str, Any]) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "engine"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**metadata, "name": name, "namespace": "ome"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }


def _install_with_kubectl(cluster: Cluster) -> None:
    folder = str(REPOSITORY / "controller" / "install" / "with-argo")
    # The first run makes the definitions by which kubectl then knows the kinds of the others.
    cluster.kubectl("apply", "--server-side", "-k", folder)
    applied = cluster.kubectl("apply", "--server-side", "-k", folder)
    assert applied.returncode == 0, applied.stderr
    assert len(versions(cluster)) == len(installed())
    assert {each.check: each.state for each in findings(cluster)} == dict.fromkeys(
        ("access", "settings", "peers", "argo"), "ok"
    )

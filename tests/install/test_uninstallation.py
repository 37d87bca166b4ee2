"""kubectl installs from one folder, and `ome uninstall` takes it off again, with and without what people made."""

from pipelines.install.files import REPOSITORY
from tests.install.conftest import Cluster
from tests.install.objects_there import MODEL, config_map, installed, versions

NODE = {
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
    left = [name for name in versions(cluster) if name != "Namespace/ome"]
    assert {name.partition("/")[0] for name in left} == {"CustomResourceDefinition"}
    cluster.finish_namespace()

    assert cluster.ome("install", "--argo", "bundled", "--no-wait").returncode == 0
    cluster.admin.apply(NODE)
    for name in ("node-1", "manifest-0123456789ab"):
        cluster.admin.apply(config_map(name))
    removed = cluster.ome("uninstall", "--yes", "--timeout", "1")
    assert removed.returncode == 0, removed.stderr
    assert "ClusterBaseModel small: given up" in removed.stdout
    assert "ClusterBaseModel other: held by example.com/other" in removed.stdout
    assert cluster.admin.get({**MODEL, "metadata": held})["metadata"]["finalizers"] == ["example.com/other"]
    cluster.admin.patch({**MODEL, "metadata": held}, {"metadata": {"finalizers": None}})
    assert cluster.ome("uninstall").returncode == 0

    assert [name for name in versions(cluster) if name != "Namespace/ome"] == []
    assert cluster.admin.request("GET", "/api/v1/namespaces/ome")["metadata"]["deletionTimestamp"]
    assert cluster.admin.request("GET", "/api/v1/namespaces/ome/configmaps")["items"] == []
    assert cluster.admin.get(NODE)["metadata"]["labels"] == {"zone": "a"}
    cluster.admin.delete(NODE)


def _install_with_kubectl(cluster: Cluster) -> None:
    folder = str(REPOSITORY / "controller" / "install" / "with-argo")
    # The first run makes the definitions by which kubectl then knows the kinds of the others.
    cluster.kubectl("apply", "--server-side", "-k", folder)
    applied = cluster.kubectl("apply", "--server-side", "-k", folder)
    assert applied.returncode == 0, applied.stderr
    assert len(versions(cluster)) == len(installed())

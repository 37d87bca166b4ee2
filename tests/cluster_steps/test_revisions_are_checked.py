"""check-revision in a pod: it tells what the source names now with the rights of an import, and writes nothing."""

from tests.cluster_steps.cluster import Cluster
from tests.cluster_steps.models import NAME, add_tiny


def test_a_look_tells_what_an_import_would_resolve_and_leaves_nothing_behind(cluster: Cluster) -> None:
    add_tiny(cluster.hub)
    looked = cluster.run("check-revision", uri=NAME)
    assert looked.code == 0, looked.log
    stored = cluster.admin.request("GET", "/api/v1/namespaces/ome/configmaps?labelSelector=ome.io/manifest")
    assert stored["items"] == []
    resolved = cluster.run("resolve-model", uri=NAME)
    assert looked.outputs == {name: resolved.outputs[name] for name in ("revision", "manifest")}


def test_a_source_that_cannot_be_reached_is_told_with_its_class(cluster: Cluster) -> None:
    looked = cluster.run("check-revision", uri=NAME, environment={"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert looked.failure["code"] == "network" and looked.failure["remedy"]

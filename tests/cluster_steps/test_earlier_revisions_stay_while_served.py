"""An earlier revision stays on a node while a service of its model was deployed with another than the present one."""

from pathlib import Path

from steps.cache.earlier import earlier_revisions
from steps.cache.store import ObjectStore
from steps.serving.cluster.spec_digest import DEPLOYED_WITH, service_spec_digest
from tests.cluster_steps.cluster import Cluster
from tests.cluster_steps.models import NAME, add_tiny

SPEC = {"model": {"name": "tiny"}, "engine": {"minReplicas": 1}}


def kept(root: Path) -> set[str]:
    """Manifests of the earlier revisions that stay on a node."""
    return {each.marker.manifest for each in earlier_revisions(ObjectStore(root))}


def serve(cluster: Cluster, manifest: str) -> None:
    """Let the status of the one service say that it was deployed with a manifest."""
    document = {"apiVersion": "ome.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "chat"}, "spec": SPEC}
    model = {"status": {"artifact": {"digest": f"sha256:{manifest}"}}}
    status = {"annotations": {DEPLOYED_WITH: service_spec_digest(document, model)}}
    path = f"{cluster.admin.path_of(document)}/status"
    cluster.admin.request("PATCH", path, {"status": status}, "application/merge-patch+json")


def brought(cluster: Cluster, rows: int) -> str:
    """Another revision of the model, imported; its manifest."""
    add_tiny(cluster.hub, rows=rows)
    manifest = cluster.run("resolve-model", uri=NAME).outputs["manifest"]
    cached = cluster.run("cache-model", manifest=manifest, name="tiny")
    assert cached.code == 0, cached.log
    return manifest


def test_what_a_service_was_deployed_with_stays_until_it_is_deployed_anew(cluster: Cluster) -> None:
    root = cluster.models("node-a")
    first = brought(cluster, 256)
    cluster.make("ClusterBaseModel", "tiny", {"storage": {"storageUri": NAME}})
    cluster.make("InferenceService", "chat", SPEC, namespace="default")
    serve(cluster, first)
    second = brought(cluster, 300)
    assert kept(root) == {first}
    serve(cluster, second)
    third = brought(cluster, 400)
    assert kept(root) == {second}, "the first is served by nothing any more"
    serve(cluster, "0" * 64)
    brought(cluster, 500)
    assert kept(root) == {second, third}, "what it was deployed with nobody knows"

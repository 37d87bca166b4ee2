"""A cluster for each test: its own hub and nodes; the API server and its system namespace are the session's."""

from pathlib import Path

import pytest

from tests.apiserver.client import Object
from tests.apiserver.fixture import ApiServer, api_server, ome_api_server
from tests.cluster_steps.cluster import Cluster, prepare
from tests.hub.fixture import RunningHub, hub

__all__ = ["api_server", "hub", "ome_api_server"]

_OURS = ("clusterbasemodels", "basemodels", "inferenceservices", "clusterservingruntimes", "servingruntimes")


@pytest.fixture(scope="session")
def prepared(ome_api_server: ApiServer) -> ApiServer:
    """The API server with what an installation gives."""
    prepare(ome_api_server)
    return ome_api_server


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pods of all tests keep compiled bytecode."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def cluster(prepared: ApiServer, hub: RunningHub, tmp_path: Path, bytecode: Path) -> Cluster:
    """An empty cluster: models, services, runtimes and nodes of earlier tests are gone."""
    paths = [f"/apis/ome.io/v1beta1/{plural}" for plural in _OURS] + ["/api/v1/nodes"]
    for path in paths:
        for item in prepared.admin.request("GET", path)["items"]:
            if item["metadata"].get("finalizers"):
                free = {"metadata": {"finalizers": None}}
                prepared.admin.request("PATCH", _path_of(path, item), free, "application/merge-patch+json")
            if "deletionTimestamp" not in item["metadata"]:
                prepared.admin.request("DELETE", _path_of(path, item))
    for item in prepared.admin.request("GET", "/api/v1/namespaces/ome/configmaps")["items"]:
        prepared.admin.request("DELETE", _path_of("/api/v1/configmaps", item))
    return Cluster(prepared, hub, tmp_path, bytecode)


def _path_of(collection: str, item: Object) -> str:
    base, _, plural = collection.rpartition("/")
    namespace = item["metadata"].get("namespace")
    middle = f"/namespaces/{namespace}" if namespace else ""
    return f"{base}{middle}/{plural}/{item['metadata']['name']}"

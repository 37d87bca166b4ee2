"""An API server with our kinds, and for each test a namespace in which deploy has its service account's rights."""

from pathlib import Path

import pytest

from pipelines.install.accounts import access_objects
from steps.cluster.api import open_api
from tests.apiserver.client import ApiRefusedError
from tests.apiserver.fixture import ApiServer, api_server, ome_api_server
from tests.serving_cluster.cluster import Cluster, prepare

__all__ = ["api_server", "ome_api_server"]


@pytest.fixture(scope="session")
def account(ome_api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ome-deploy's token, as a pod has it; the model and the runtime are there too."""
    folder = tmp_path_factory.mktemp("account")
    admin = ome_api_server.admin
    try:
        admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ome"}})
    except ApiRefusedError as refusal:
        assert refusal.status == 409, refusal.message
    for body in access_objects():
        admin.apply(body)
    prepare(admin)
    (folder / "token").write_text(ome_api_server.service_account_token("ome", "ome-deploy"))
    (folder / "ca.crt").write_bytes(ome_api_server.certificate_authority.read_bytes())
    return folder


@pytest.fixture
def in_a_pod(ome_api_server: ApiServer, account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a step's pod."""
    monkeypatch.setenv("OME_CLUSTER_NAMESPACE", "ome")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", ome_api_server.url.rpartition(":")[2])
    monkeypatch.setenv("OME_SERVICE_ACCOUNT", str(account))
    monkeypatch.setenv("OME_BACKOFF_SECONDS", "0.01")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    open_api.cache_clear()


@pytest.fixture
def cluster(ome_api_server: ApiServer, in_a_pod: None) -> Cluster:
    """An empty namespace."""
    return Cluster(ome_api_server.admin, ome_api_server.new_namespace("serving"))


@pytest.fixture
def admin_in_a_pod(ome_api_server: ApiServer, in_a_pod: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, with the rights of an administrator."""
    (tmp_path / "token").write_text(ome_api_server.admin_token)
    (tmp_path / "ca.crt").write_bytes(ome_api_server.certificate_authority.read_bytes())
    monkeypatch.setenv("OME_SERVICE_ACCOUNT", str(tmp_path))
    open_api.cache_clear()

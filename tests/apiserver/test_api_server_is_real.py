"""The shared API server keeps its word: rights by RBAC, data and port outlive a kill, nothing is left running."""

from pathlib import Path

import psutil
import pytest

from tests.apiserver.client import ApiRefusedError, Object
from tests.apiserver.fixture import ApiServer


def _config_map(namespace: str, name: str = "a") -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}


def test_a_service_account_has_only_the_rights_it_was_given(api_server: ApiServer) -> None:
    namespace = api_server.new_namespace()
    reader = api_server.admin.as_token(api_server.service_account_token(namespace, "reader"))
    api_server.admin.apply(_config_map(namespace))
    with pytest.raises(ApiRefusedError) as refused:
        reader.get(_config_map(namespace))
    assert refused.value.status == 403
    assert f'User "system:serviceaccount:{namespace}:reader" cannot get resource "configmaps"' in refused.value.message

    rbac = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    role = {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": "reader", "namespace": namespace}}
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
    api_server.admin.apply(role | {"rules": [rule]})
    api_server.admin.apply(
        role
        | {
            "kind": "RoleBinding",
            "subjects": [subject],
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "reader"},
        }
    )
    assert reader.get(_config_map(namespace))["metadata"]["name"] == "a"
    with pytest.raises(ApiRefusedError, match="cannot delete"):
        reader.delete(_config_map(namespace))


def test_an_unknown_token_is_refused(api_server: ApiServer) -> None:
    with pytest.raises(ApiRefusedError) as refused:
        api_server.admin.as_token("wrong").request("GET", "/api/v1/namespaces")
    assert refused.value.status == 401


def test_data_port_and_tokens_outlive_a_killed_server(tmp_path: Path) -> None:
    with ApiServer(tmp_path / "server") as server:
        namespace = server.new_namespace()
        token = server.service_account_token(namespace, "a")
        before = server.admin.apply(_config_map(namespace))
        url, pid = server.url, server.pid("kube-apiserver")
        server.kill_api_server()
        with pytest.raises(OSError):
            server.admin.get(_config_map(namespace))
        server.restart()
        assert (server.url, server.pid("kube-apiserver") != pid) == (url, True)
        after = server.admin.get(_config_map(namespace))
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert server.admin.as_token(token).request("GET", "/api")["versions"] == ["v1"]
        pids = [server.pid("kube-apiserver"), server.pid("etcd")]
    assert not any(map(psutil.pid_exists, pids))


def test_a_server_that_cannot_start_says_where_its_log_is(tmp_path: Path) -> None:
    server = ApiServer(tmp_path / "server")
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "certs").write_text("a file where a folder is needed")
    with pytest.raises(RuntimeError) as failed:
        server.start()
    assert str(tmp_path / "server" / "kube-apiserver.log") in str(failed.value)
    assert "not a directory" in str(failed.value)
    with pytest.raises(KeyError):
        server.pid("etcd")

"""Kubeconfigs that lead through a proxy, or to a server whose certificate has another name: for people and steps."""

import base64
import json
import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.install.connection import connect
from steps.cluster.api import ClusterApi, open_api
from steps.cluster.resource_types import CONFIG_MAP
from steps.errors import ClusterError, InvalidInputError
from tests.apiserver.fixture import ApiServer

KUBECONFIG = "KUBECONFIG"
Open = Callable[[Path], ClusterApi]


class Proxy(socketserver.ThreadingTCPServer):
    """Tunnels what it is asked to CONNECT to, and keeps what it was asked."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.asked: list[str] = []


class _Tunnel(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Proxy)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.request.recv(1)
        self.server.asked.append(head.decode())
        host, _, port = head.split()[1].decode().rpartition(":")
        with socket.create_connection((host, int(port))) as there:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            while True:
                for each in select.select([self.request, there], [], [])[0]:
                    data = each.recv(65536)
                    if not data:
                        return
                    (there if each is self.request else self.request).sendall(data)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy."""
    with Proxy() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(params=["person", "step"])
def opened(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a kubeconfig, as `ome install` does and as a step does."""

    def as_step(file: Path) -> ClusterApi:
        monkeypatch.setenv(KUBECONFIG, str(file))
        open_api.cache_clear()
        return open_api()

    monkeypatch.setenv("OME_BACKOFF_SECONDS", "0.001")
    yield connect if request.param == "person" else as_step
    open_api.cache_clear()


def _kubeconfig(of: ApiServer, folder: Path, **cluster: str) -> Path:
    """The server's own kubeconfig with other words about the cluster."""
    found = json.loads(of.kubeconfig.read_text())
    found["clusters"][0]["cluster"] |= {name.replace("_", "-"): value for name, value in cluster.items()}
    (folder / "config").write_text(json.dumps(found))
    return folder / "config"


def _ask(api: ClusterApi) -> None:
    assert api.find(CONFIG_MAP, "nothing", "default") is None


def test_the_name_in_the_certificate_may_be_another_than_the_servers(
    server: ApiServer, tmp_path: Path, opened: Open
) -> None:
    elsewhere = server.url.replace("127.0.0.1", "127.1")  # the same address, and no name in the certificate
    with pytest.raises(ClusterError, match="doesn't match|not valid for"):
        _ask(opened(_kubeconfig(server, tmp_path, server=elsewhere)))
    named = _kubeconfig(server, tmp_path, server=elsewhere, tls_server_name="kubernetes.default.svc")
    _ask(opened(named))


def test_a_proxy_of_the_kubeconfig_is_gone_through(
    server: ApiServer, tmp_path: Path, opened: Open, proxy: Proxy
) -> None:
    url = f"http://me:p%40ss@127.0.0.1:{proxy.server_address[1]}"
    _ask(opened(_kubeconfig(server, tmp_path, proxy_url=url)))
    (asked,) = proxy.asked
    assert asked.startswith(f"CONNECT {server.url.removeprefix('https://')} ")
    assert base64.b64encode(b"me:p@ss").decode() in asked


def test_a_proxy_of_the_environment_is_not_for_this_machine(
    server: ApiServer, tmp_path: Path, opened: Open, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
    _ask(opened(_kubeconfig(server, tmp_path)))
    assert proxy.asked == []
    elsewhere = server.url.replace("127.0.0.1", "127.1")
    named = _kubeconfig(server, tmp_path, server=elsewhere, tls_server_name="kubernetes.default.svc")
    _ask(opened(named))
    assert len(proxy.asked) == 1


def test_a_proxy_of_another_kind_is_refused_without_its_password(
    server: ApiServer, tmp_path: Path, opened: Open
) -> None:
    with pytest.raises(InvalidInputError, match='"socks5" is not supported; accepted: http') as refused:
        opened(_kubeconfig(server, tmp_path, proxy_url="socks5://me:secret@127.0.0.1:1"))
    assert "secret" not in refused.value.message

"""What has no effect leaves the step as an output, for the service's status: a pod's log is read by nobody."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from steps.choice import Choice
from steps.deploy_service import DeployServiceInputs, deploy_service
from tests.serving_cluster.cluster import Cluster


class Engine(BaseHTTPRequestHandler):
    """An engine that lists one model."""

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        """Answer with the list."""
        body = b'{"data": [{"id": "smollm2"}]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of an engine of this machine, to which names of the cluster lead, as they do in a pod."""
    resolve = socket.getaddrinfo

    def resolved(host: Any, *rest: Any, **named: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(".svc.cluster.local") else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


def test_warnings_are_an_output_of_the_step(cluster: Cluster, port: int, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.apply_service(
        engine={"runner": {"ports": [{"containerPort": port}]}},
        rollout={"strategy": "Recreate", "autoRollback": True},
    )
    cluster.deploy_and_roll_out()
    outputs = deploy_service(
        DeployServiceInputs(
            service="chat", namespace=cluster.namespace, model="smollm2", choice=Choice(runtime="tiny")
        )
    )
    assert outputs.reused
    (warning,) = outputs.warnings
    assert warning.startswith("spec.rollout.autoRollback: has no effect")
    assert f"warning: {warning}\n" in capsys.readouterr().err

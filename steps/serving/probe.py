"""Health of an engine: the probes of its container, as Kubernetes means them, asked from this machine.

Made by `container` (pure), asked by `supervisor` and by `deploy` before a running engine is reused.
"""

import http.client
import socket
from typing import Any, Literal

from steps.errors import UnsupportedError
from steps.frozen import Frozen
from steps.serving.fields import integer_at, mapping_at, text_at

HOST = "127.0.0.1"


class Probe(Frozen):
    """How to tell whether an engine is well.

    Attributes:
        method: `tcp` only connects; `http` wants an answer of 200 to 399.
        path: Of the HTTP request.
        period_seconds: Between two askings once the engine is ready.
        timeout_seconds: Longest wait for one answer.
        failure_threshold: Failures in a row that count.
    """

    method: Literal["tcp", "http"] = "tcp"
    path: str = "/"
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3


def read_probe(container: dict[str, Any], name: str) -> Probe | None:
    """The container's probe called `name` (`readinessProbe` …), or None.

    Its port is not read: on one machine the engine has the one port that it was given.

    Raises:
        UnsupportedError: for exec and gRPC probes and for HTTPS.
        InvalidInputError: for a field of a wrong shape.
    """
    probe = mapping_at(container, name, "container")
    if not probe:
        return None
    for handler in ("exec", "grpc"):
        if handler in probe:
            raise UnsupportedError(
                f"container.{name}.{handler}: {handler} probes are not supported on one machine",
                remedy="Use httpGet or tcpSocket.",
            )
    where = f"container.{name}"
    http_get = mapping_at(probe, "httpGet", where)
    if text_at(http_get, "scheme", where).upper() == "HTTPS":
        raise UnsupportedError(
            f"container.{name}.httpGet.scheme: HTTPS probes are not supported on one machine",
            remedy="Use HTTP, or tcpSocket.",
        )
    return Probe(
        method="http" if http_get else "tcp",
        path="/" + text_at(http_get, "path", where).lstrip("/"),
        period_seconds=max(1, integer_at(probe, "periodSeconds", where, 10)),
        timeout_seconds=max(1, integer_at(probe, "timeoutSeconds", where, 1)),
        failure_threshold=max(1, integer_at(probe, "failureThreshold", where, 3)),
    )


def ask(probe: Probe, port: int) -> str:
    """Ask once; "" when well, else why not, in a few words."""
    if probe.method == "tcp":
        try:
            socket.create_connection((HOST, port), timeout=probe.timeout_seconds).close()
        except OSError as error:
            return f"no connection to port {port}: {error.strerror or error}"
        return ""
    connection = http.client.HTTPConnection(HOST, port, timeout=probe.timeout_seconds)
    try:
        connection.request("GET", probe.path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no answer to GET {probe.path} on port {port}: {error}"
    finally:
        connection.close()
    return "" if 200 <= status < 400 else f"GET {probe.path} on port {port} answered {status}"

"""An endpoint of OpenAI's protocol that fails as often as it is told; the standard library is all that it needs.

Run in a pod by `faulty_endpoint(...)`, from a ConfigMap; what it answers is made up, and real HTTP.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

PORT = 8000
MODEL = "tiny"


class Handler(BaseHTTPRequestHandler):
    """Of ten streamed requests the first `failing` get HTTP 500."""

    failing = 0
    protocol_version = "HTTP/1.1"
    _seen = count()

    def do_GET(self) -> None:
        """The models."""
        self._answer(200, {"object": "list", "data": [{"id": MODEL}]})

    def do_POST(self) -> None:
        """A chat completion of as many words as are asked for."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = [f"word{number} " for number in range(int(body.get("max_tokens") or 8))]
        usage = {"prompt_tokens": 16, "completion_tokens": len(words), "total_tokens": 16 + len(words)}
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": "".join(words)}, "finish_reason": "stop"}
            self._answer(200, {"model": MODEL, "choices": [choice], "usage": usage})
        elif next(self._seen) % 10 < self.failing:
            self._answer(500, {"error": {"message": "injected fault"}})
        else:
            self._stream(words, usage)

    def _stream(self, words: list[str], usage: dict[str, int]) -> None:
        chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in words]
        chunks += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": usage}]
        text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        self._send(200, "text/event-stream", text.encode())

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def faulty_endpoint(namespace: str, image: str, *, failing: int) -> list[dict[str, Any]]:
    """The pod, its code and its Service `faulty`, for kubectl.

    Args:
        namespace: Where.
        image: One with Python.
        failing: Of ten streamed requests.
    """
    metadata = {"name": "faulty", "namespace": namespace, "labels": {"app": "faulty"}}
    code = {"endpoint.py": Path(__file__).read_text()}
    container = {
        "name": "endpoint", "image": image, "imagePullPolicy": "IfNotPresent",
        "command": ["python", "/code/endpoint.py", str(failing)],
        "readinessProbe": {"httpGet": {"path": "/v1/models", "port": PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": "code", "mountPath": "/code"}],
    }  # fmt: skip
    spec = {
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "code", "configMap": {"name": "faulty"}}],
    }
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": code},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata,
         "spec": {"selector": {"app": "faulty"}, "ports": [{"port": PORT}]}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
    ]  # fmt: skip


if __name__ == "__main__":
    Handler.failing = int(sys.argv[1])
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()

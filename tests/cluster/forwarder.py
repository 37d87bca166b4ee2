"""A router as small as can be: it passes requests on to one engine; the standard library is all that it needs."""

import sys
import urllib.error
import urllib.request
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Forwarder(BaseHTTPRequestHandler):
    """Passes on to `sys.argv[1]`."""

    def do_GET(self) -> None:
        """Pass on a question without a body."""
        self._pass(None)

    def do_POST(self) -> None:
        """Pass on a question with a body."""
        self._pass(self.rfile.read(int(self.headers["Content-Length"])))

    def _pass(self, body: bytes | None) -> None:
        headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
        request = urllib.request.Request(sys.argv[1] + self.path, body, headers)  # noqa: S310 - a test's own engine
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - the same
                self._answer(answer.status, answer.headers["Content-Type"], answer.read())
        except urllib.error.HTTPError as error:
            self._answer(error.code, error.headers["Content-Type"], error.read())
        except OSError as error:
            self._answer(HTTPStatus.BAD_GATEWAY, "text/plain", f"{sys.argv[1]}: {error}\n".encode())

    def _answer(self, status: int, content_type: str, text: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("X-Forwarded-By", "router")
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8080), Forwarder).serve_forever()

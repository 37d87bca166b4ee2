"""A small real engine for the tests: an OpenAI-style server that can also crash, hang, fork, ignore signals or lie.

Run as a program by the runtimes that `made_up` makes; never imported by tests.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main() -> None:
    """Behave as the flags say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "0")))
    parser.add_argument("--name", default="tiny")
    parser.add_argument("--crash-times", type=int, default=0, help="exit 3 this often, counted in the file --count")
    parser.add_argument("--count", type=Path, help="gets a line at every start")
    parser.add_argument("--hang", action="store_true", help="never listen")
    parser.add_argument("--stubborn", action="store_true", help="ignore SIGTERM")
    parser.add_argument("--detach", action="store_true", help="start a child in a session of its own, too")
    parser.add_argument("--lose-port-once", type=Path, help="claim once that the port is taken")
    parser.add_argument("--sick-file", type=Path, help="/health answers 503 while it exists")
    parser.add_argument("--print", default="", help="a line for the log")

    flags = parser.parse_args()
    if flags.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if flags.detach:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    if flags.print:
        print(flags.print, flush=True)
    if flags.count:
        with flags.count.open("a") as file:
            file.write(f"{os.getpid()} {flags.port}\n")
        if len(flags.count.read_text().splitlines()) <= flags.crash_times:
            print("tiny engine: out of luck", flush=True)
            sys.exit(3)
    if flags.lose_port_once and not flags.lose_port_once.exists():
        flags.lose_port_once.touch()
        sys.exit(f"OSError: [Errno 98] address already in use: port {flags.port}")
    if flags.hang:
        time.sleep(600)
    serve(flags)


def serve(flags: argparse.Namespace) -> None:
    """Answer /v1/models, /v1/chat/completions and /health."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:  # noqa: N802 - the base class's name
            if self.path == "/health" and flags.sick_file and flags.sick_file.exists():
                self._answer(503, {})
            elif self.path == "/environment":
                self._answer(200, dict(os.environ))
            else:
                self._answer(200, {"data": [{"id": flags.name}]})

        def do_POST(self) -> None:  # noqa: N802 - the base class's name
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = f"{flags.name} heard: {request['messages'][0]['content']}"
            choices = [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]
            self._answer(200, {"choices": choices, "usage": {"completion_tokens": len(text.split())}})

        def _answer(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    ThreadingHTTPServer(("127.0.0.1", flags.port), Handler).serve_forever()


if __name__ == "__main__":
    main()

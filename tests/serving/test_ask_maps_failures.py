"""Asking gives the model's words, and every way it can fail has its class, its words and its remedy."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from steps.ask_endpoint import AskEndpointInputs, ask_endpoint
from steps.endpoint import Endpoint
from steps.errors import (
    AuthError,
    ClusterError,
    InvalidInputError,
    NetworkError,
    NotFoundError,
    OmeError,
    RateLimitedError,
)
from steps.serving.chat import ask_chat, served_names
from tests.serving.made_up import apply_model, apply_runtime, deploy_tiny

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that gives one answer to everything; its URL."""
    servers = []

    def start(status: int = 200, body: object = None, headers: dict[str, str] | None = None, raw: bytes = b"") -> str:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:  # noqa: N802 - the base class's name
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                content = raw or json.dumps(body).encode()
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815 - the base class's name

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(url: str, seconds: float = 5.0) -> str:
    return ask_chat(url, "tiny", "hello", 16, seconds).text


def test_a_real_engine_answers() -> None:
    apply_model()
    apply_runtime()
    endpoint = deploy_tiny().endpoint
    outputs = ask_endpoint(AskEndpointInputs(endpoint=endpoint, prompt="good morning"))
    assert outputs.answer == "tiny heard: good morning"
    assert outputs.completion_tokens == 4
    assert outputs.seconds > 0
    wrong = endpoint.model_copy(update={"model_name": "another"})
    with pytest.raises(NotFoundError, match='model "another" is not served') as caught:
        ask_endpoint(AskEndpointInputs(endpoint=wrong))
    assert caught.value.remedy == "It serves: tiny."


@pytest.mark.parametrize(
    ("status", "body", "error", "message"),
    [
        (401, {"error": {"message": "bad key"}}, AuthError, "answered 401: bad key"),
        (403, {"detail": "no"}, AuthError, "answered 403: no"),
        (404, {"error": "no model tiny"}, NotFoundError, "answered 404: no model tiny"),
        (400, {"message": "max_tokens too large"}, InvalidInputError, "answered 400: max_tokens too large"),
        (302, {}, InvalidInputError, "answered 302"),
        (429, {}, RateLimitedError, "answered 429"),
        (500, {"error": {"message": "out of memory"}}, NetworkError, "answered 500: out of memory"),
        (503, "loading", NetworkError, "answered 503"),
        (200, {"hello": "world"}, ClusterError, "not with a chat completion"),
        (200, [], ClusterError, "not with a chat completion"),
        (200, {"choices": [{"message": {"content": " "}}]}, ClusterError, "empty answer"),
        (200, {"choices": [{"message": {"content": ["x"]}}]}, ClusterError, "empty answer"),
    ],
)
def test_answers_that_are_none_have_their_class(
    serve: Serve, status: int, body: object, error: type[OmeError], message: str
) -> None:
    with pytest.raises(error, match=message):
        ask(serve(status, body))


def test_patience_asked_for_is_passed_on(serve: Serve) -> None:
    with pytest.raises(RateLimitedError) as caught:
        ask(serve(429, {}, {"Retry-After": "7"}))
    assert caught.value.retry_after_seconds == 7


def test_web_page_is_not_an_answer(serve: Serve) -> None:
    url = serve(raw=b"<html>hello</html>")
    with pytest.raises(ClusterError, match="not JSON: '<html>hello"):
        ask(url)
    assert served_names(url) == ()


def test_reasoning_counts_as_words(serve: Serve) -> None:
    url = serve(body={"choices": [{"message": {"content": None, "reasoning_content": "hm"}}], "usage": None})
    assert ask(url) == "hm"


def test_nobody_there_silence_and_hanging_up_are_network_errors() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(NetworkError, match="nothing listens at"):
            ask(url)
        listener.listen()
        with pytest.raises(NetworkError, match=r"did not answer within 0.2 s"):
            ask(url, 0.2)

        def hang_up() -> None:
            for _ in range(2):  # the first is the question that timed out above
                listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(NetworkError, match=url):
            ask(url)
        thread.join()


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://127.0.0.1:port"])
def test_urls_that_are_none_are_named(url: str) -> None:
    with pytest.raises(InvalidInputError, match="endpoint.url"):
        ask_endpoint(AskEndpointInputs(endpoint=Endpoint(url=url, model_name="m")))

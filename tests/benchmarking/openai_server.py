"""A small server that speaks OpenAI's protocol over real HTTP, with faults on demand, for the benchmark's tests."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Body = dict[str, Any]


@dataclass
class OpenAIServer:
    """Answers chat, embedding and rerank requests; runs on a thread of its own.

    Attributes:
        model: The one model name that is served; others get 404.
        key: When set, requests without this bearer key get 401.
        token_seconds: Pause before each streamed token.
        fails: Whether to answer the n-th measured request (from 1), of this body, with HTTP 500.
        answers_empty: Whether to answer the n-th measured request without a token.
        bodies: Every measured request's body.
        authorizations: Every request's Authorization header.
    """

    model: str = "tiny"
    key: str = ""
    token_seconds: float = 0.002
    fails: Callable[[int, Body], bool] = lambda _n, _body: False
    answers_empty: Callable[[int], bool] = lambda _: False
    bodies: list[Body] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    url: str = ""

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/embeddings", self._embeddings)
        app.router.add_post("/v1/rerank", self._rerank)
        return app

    async def _models(self, request: web.Request) -> web.Response:
        return self._refusal(request) or web.json_response({"object": "list", "data": [{"id": self.model}]})

    def _refusal(self, request: web.Request, body: Body | None = None) -> web.Response | None:
        authorization = request.headers.get("Authorization", "")
        self.authorizations.append(authorization)
        if self.key and authorization != f"Bearer {self.key}":
            return web.json_response({"error": {"message": f"bad key {authorization}"}}, status=401)
        if body is not None and body.get("model") != self.model:
            return web.json_response({"error": {"message": f"no model {body.get('model')}"}}, status=404)
        if body is not None and body.get("stream") is not None:
            self.bodies.append(body)
            if self.fails(len(self.bodies), body):
                text = json.dumps({"error": {"message": f"injected fault; you sent {authorization}"}})
                return web.Response(text=text, status=500, content_type="application/json")
        return None

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        refusal = self._refusal(request, body)
        if refusal is not None:
            return refusal
        words = [f"word{n} " for n in range(int(body.get("max_tokens", 8)))]
        usage = {"prompt_tokens": 32, "completion_tokens": len(words), "total_tokens": 32 + len(words)}
        if not body.get("stream"):
            message = {"role": "assistant", "content": "".join(words)}
            choice = {"index": 0, "message": message, "finish_reason": "length"}
            return web.json_response({"model": self.model, "choices": [choice], "usage": usage})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if self.answers_empty(len(self.bodies)):
            words, usage = [], {"prompt_tokens": 32, "completion_tokens": 0, "total_tokens": 32}
        for word in words:
            await asyncio.sleep(self.token_seconds)
            await _send(response, {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
        await _send(response, {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
        await _send(response, {"choices": [], "usage": usage})
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _embeddings(self, request: web.Request) -> web.Response:
        body = await request.json()
        refusal = self._refusal(request, body)
        if refusal is not None:
            return refusal
        self.bodies.append(body)
        await asyncio.sleep(self.token_seconds)
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = [{"index": n, "embedding": [0.0, 1.0]} for n in range(len(texts))]
        return web.json_response({"model": self.model, "data": data, "usage": {"prompt_tokens": 16 * len(texts)}})

    async def _rerank(self, request: web.Request) -> web.Response:
        body = await request.json()
        refusal = self._refusal(request, body)
        if refusal is not None:
            return refusal
        self.bodies.append(body)
        await asyncio.sleep(self.token_seconds)
        results = [{"index": n, "relevance_score": 0.5} for n in range(len(body["documents"]))]
        return web.json_response({"model": self.model, "results": results, "usage": {"prompt_tokens": 24}})


async def _send(response: web.StreamResponse, chunk: Body) -> None:
    await response.write(f"data: {json.dumps(chunk)}\n\n".encode())


@contextmanager
def serving(server: OpenAIServer) -> Iterator[OpenAIServer]:
    """Run `server` on a free loopback port and set its `url`."""
    loop = asyncio.new_event_loop()
    is_up, stop = threading.Event(), asyncio.Event()

    async def run() -> None:
        runner = web.AppRunner(server.application(), handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        is_up.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    if not is_up.wait(10):
        raise TimeoutError("the test server did not start")
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()

"""Waits until an endpoint answers one real request under the model's name: a benchmark of anything else is worthless.

Called by `steps.benchmark_endpoint`. Only failures that waiting can cure are waited for.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from steps.benchmark.secret_texts import SecretTexts
from steps.cluster.pod import is_on_cluster
from steps.endpoint import Endpoint
from steps.errors import AuthError, InvalidInputError, NetworkError, NotFoundError, OmeError

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

KEY_VARIABLE: Final = "OME_ENDPOINT_KEY"
WAIT_SECONDS: Final = 120.0
PAUSE_SECONDS: Final = 0.5
ANSWER_SECONDS: Final = 60.0
MAX_MODELS: Final = 20
LONGEST_BODY: Final = 1 << 20
_WAITED_FOR: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class Readiness(NamedTuple):
    """How an endpoint answered.

    Attributes:
        seconds: How long its first answer took.
        models: What it says it serves; empty when it does not say.
    """

    seconds: float
    models: tuple[str, ...]


def probe_of(task: str, model_name: str, parameters: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Path and body of one small request of a task, with the benchmark's own extra parameters."""
    if task == "text-to-embeddings":
        return "/v1/embeddings", {"model": model_name, "input": ["ready?"], **parameters}
    if task == "text-to-rerank":
        return "/v1/rerank", {"model": model_name, "query": "ready?", "documents": ["yes"], **parameters}
    messages = [{"role": "user", "content": "Say ready."}]
    return "/v1/chat/completions", {"model": model_name, "messages": messages, "max_tokens": 4, **parameters}


async def wait_until_it_answers(
    endpoint: Endpoint,
    task: str,
    parameters: Mapping[str, object],
    key: str = "",
    wait_seconds: float = WAIT_SECONDS,
) -> Readiness:
    """Send one request until it is answered.

    Args:
        endpoint: Whom to ask.
        task: Decides the kind of request.
        parameters: The benchmark's own extra request fields.
        key: Its real key, or "".
        wait_seconds: For how long it may be unreachable or busy.

    Raises:
        AuthError: when the endpoint refuses the key.
        NotFoundError: when it does not know the model or the path; names the models it has.
        InvalidInputError: when it refuses the request.
        NetworkError: when it does not answer within `wait_seconds`.
    """
    from aiohttp import ClientError, ClientSession, ClientTimeout

    path, body = probe_of(task, endpoint.model_name, parameters)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    secrets = SecretTexts(key)
    deadline = time.monotonic() + wait_seconds
    said = "no answer"
    async with ClientSession(headers=headers, timeout=ClientTimeout(total=ANSWER_SECONDS), trust_env=True) as session:
        while True:
            started = time.monotonic()
            try:
                async with session.post(endpoint.url + path, json=body) as answer:
                    text = secrets.hide((await _beginning(answer)).decode("utf-8", "replace"))[:2000]
                    if answer.status == 200 and _is_object(text if len(text) < 2000 else "{}"):
                        return Readiness(time.monotonic() - started, await _model_names(session, endpoint))
                    if answer.status != 200 and answer.status not in _WAITED_FOR:
                        raise await _refusal(session, endpoint, path, answer.status, text)
                    said = f"HTTP {answer.status}: {text[:200]}"
            except (ClientError, OSError, TimeoutError) as error:
                said = secrets.hide(str(error)) or type(error).__name__
            if time.monotonic() + PAUSE_SECONDS > deadline:
                raise NetworkError(
                    f"endpoint {endpoint.url} gave no answer to {path} in {wait_seconds:.0f} s: {said}",
                    remedy="Check that the service runs (`ome get services`) and read its log.",
                )
            await asyncio.sleep(PAUSE_SECONDS)


def key_remedy() -> str:
    """How a person gives an endpoint's key, which pipelines on a cluster have no place for."""
    if is_on_cluster():
        return (
            f"No pipeline on a cluster takes an endpoint's key: measure from a machine that reaches it, with "
            f"{KEY_VARIABLE} in the environment of `ome benchmark URL`, or name an endpoint that asks for none."
        )
    return f"Give the endpoint's key in the environment variable {KEY_VARIABLE}."


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


async def _refusal(session: "ClientSession", endpoint: Endpoint, path: str, status: int, text: str) -> OmeError:
    said = " ".join(text.split())[:300]
    if status in (401, 403):
        return AuthError(
            f"endpoint {endpoint.url} refused the key (HTTP {status}): {said}",
            remedy=key_remedy(),
        )
    models = await _model_names(session, endpoint)
    if models and endpoint.model_name not in models:
        return NotFoundError(
            f'endpoint {endpoint.url} has no model "{endpoint.model_name}" (HTTP {status}): {said}',
            remedy=f"It serves: {', '.join(models)}.",
        )
    if status == 404:
        return NotFoundError(f"endpoint {endpoint.url} has no {path}: {said}", remedy="Give the base URL without /v1.")
    return InvalidInputError(f"endpoint {endpoint.url} refused {path} (HTTP {status}): {said}")


async def _beginning(answer: "ClientResponse") -> bytes:
    """The first megabyte of a body, which is all of it but for an endpoint that never stops talking."""
    body = b""
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) >= LONGEST_BODY:
            break
    return body[:LONGEST_BODY]


async def _model_names(session: "ClientSession", endpoint: Endpoint) -> tuple[str, ...]:
    from aiohttp import ClientError

    try:
        async with session.get(f"{endpoint.url}/v1/models") as answer:
            listed = json.loads(await _beginning(answer))
        return tuple(str(row["id"]) for row in listed["data"][:MAX_MODELS])
    except (ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError):
        return ()

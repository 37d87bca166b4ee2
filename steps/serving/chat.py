"""Asking an endpoint: one chat completion and the list of what it serves, with every failure as a classed error.

Called by `steps.ask_endpoint` and by `deploy`. The standard library's client is enough for one request, and quick.
"""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from steps.errors import (
    AuthError,
    ClusterError,
    InvalidInputError,
    NetworkError,
    NotFoundError,
    OmeError,
    RateLimitedError,
)

_LIST_SECONDS = 5.0
_LARGEST_ANSWER = 16 * 2**20


@dataclass(frozen=True)
class Answer:
    """What a model said.

    Attributes:
        text: Its words.
        seconds: From sending the request to the end of the answer.
        completion_tokens: As the engine counted them; 0 when it does not say.
    """

    text: str
    seconds: float
    completion_tokens: int


def ask_chat(url: str, model_name: str, prompt: str, max_tokens: int, timeout_seconds: float) -> Answer:
    """One chat completion, at temperature 0.

    Args:
        url: Base URL without `/v1`.
        model_name: Goes into `model`.
        prompt: The user's message.
        max_tokens: Upper bound of the answer.
        timeout_seconds: Longest wait for the connection and between two pieces of the answer.

    Raises:
        OmeError: of the class that fits what went wrong.
    """
    body = {
        "model": model_name,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": max_tokens,
        "temperature": 0,
    }
    began = time.monotonic()
    answer = _request("POST", url, "/v1/chat/completions", body, timeout_seconds)
    seconds = time.monotonic() - began
    try:
        message = answer["choices"][0]["message"]
        text = message.get("content") or message.get("reasoning_content") or ""
        tokens = (answer.get("usage") or {}).get("completion_tokens") or 0
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ClusterError(
            f"{url} answered, but not with a chat completion: {str(answer)[:200]}",
            remedy="Check that the endpoint speaks OpenAI's API.",
        ) from None
    if not isinstance(text, str) or not text.strip():
        raise ClusterError(
            f'model "{model_name}" at {url} gave an empty answer',
            remedy="Ask again with more tokens; if it stays empty, check the model's chat template.",
        )
    return Answer(text.strip(), seconds, int(tokens))


def served_names(url: str) -> tuple[str, ...]:
    """The model names that the endpoint lists, or none when it has no such list."""
    try:
        listed = _request("GET", url, "/v1/models", None, _LIST_SECONDS)
    except OmeError:
        return ()
    rows = listed.get("data") if isinstance(listed, Mapping) else None
    return tuple(str(row["id"]) for row in rows or () if isinstance(row, Mapping) and row.get("id"))


def _request(method: str, url: str, path: str, body: object, timeout_seconds: float) -> Any:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInputError(f'endpoint.url: "{url}" is not an http or https URL')
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname, parts.port, timeout=timeout_seconds)
    except ValueError as error:
        raise InvalidInputError(f'endpoint.url: "{url}": {error}') from None
    content = None if body is None else json.dumps(body).encode()
    try:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        connection.request(method, f"{parts.path.rstrip('/')}{path}", content, headers)
        response = connection.getresponse()
        raw = response.read(_LARGEST_ANSWER)
    except ConnectionRefusedError:
        raise NetworkError(
            f"nothing listens at {url}", remedy="Deploy the service first, or see `ome get inferenceservice`."
        ) from None
    except TimeoutError:
        raise NetworkError(
            f"{url} did not answer within {timeout_seconds:g} s", remedy="Ask for fewer tokens, or try again later."
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise NetworkError(f"{url}: {error or type(error).__name__}", remedy="See the engine's log.") from None
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise _refusal(url, path, response.status, response.headers.get("Retry-After") or "", raw)
    try:
        return json.loads(raw)
    except ValueError:
        raise ClusterError(
            f"{url}{path} answered with something that is not JSON: {raw[:100].decode(errors='replace')!r}",
            remedy="Check that the endpoint speaks OpenAI's API.",
        ) from None


def _refusal(url: str, path: str, status: int, retry_after: str, raw: bytes) -> OmeError:
    """The error of a status that is not 200, with what the server said."""
    message = f"{url}{path} answered {status}: {_said(raw)}"
    if status in (401, 403):
        return AuthError(message, remedy="This endpoint asks for credentials.")
    if status == http.client.NOT_FOUND:
        return NotFoundError(message, remedy="Check the model's name and that the endpoint speaks OpenAI's API.")
    if status == http.client.TOO_MANY_REQUESTS:
        wait = float(retry_after) if retry_after.isdigit() else None
        return RateLimitedError(message, remedy="Wait and ask again.", retry_after_seconds=wait)
    if status >= http.client.INTERNAL_SERVER_ERROR:
        return NetworkError(message, remedy="Try again; if it stays, see the engine's log.")
    return InvalidInputError(message)


def _said(raw: bytes) -> str:
    """The server's own words in an error's body, in one line."""
    text = raw.decode(errors="replace")
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    return " ".join(str(found).split())[:300] or "nothing"

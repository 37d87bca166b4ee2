"""The endpoint: what deploy hands to the smoke test and the benchmark."""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from steps.frozen import Frozen

ApiFormat = Literal["openai"]


class Endpoint(Frozen):
    """Where a model answers.

    Attributes:
        url: Base URL without `/v1`, such as `http://127.0.0.1:41237`.
        model_name: The name that requests must carry in `model`.
        api_format: The protocol it speaks.
        service: Name of the InferenceService behind it, or "".
        namespace: Its namespace.
        engine: The runtime's name, for labels in reports (`llama-cpp`).
    """

    url: str
    model_name: str
    api_format: ApiFormat = "openai"
    service: str = ""
    namespace: str = "default"
    engine: str = ""


def endpoint_key(endpoint: Mapping[str, object]) -> tuple[str, str, str]:
    """What makes two endpoints the same one: URL, protocol and model, however they are written.

    Args:
        endpoint: The fields of an `Endpoint`, in its JSON's names or its own.

    Raises:
        ValueError: for a URL that is none, such as `http://[::1`.
    """
    parts = urlsplit(base_url(str(endpoint.get("url") or "")))
    place = parts.netloc.lower().removesuffix({"http": ":80", "https": ":443"}.get(parts.scheme, "\0"))
    model = endpoint.get("modelName") or endpoint.get("model_name") or ""
    protocol = endpoint.get("apiFormat") or endpoint.get("api_format") or "openai"
    return f"{parts.scheme}://{place}{parts.path}", str(protocol), str(model)


def base_url(url: str) -> str:
    """An endpoint's URL as `Endpoint.url` has it, of one that a person may have given with `/v1` and slashes."""
    return url.rstrip("/").removesuffix("/v1").rstrip("/")

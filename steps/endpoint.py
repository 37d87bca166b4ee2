"""The endpoint: what deploy hands to the smoke test and the benchmark."""

from typing import Literal

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


def base_url(url: str) -> str:
    """An endpoint's URL as `Endpoint.url` has it, of one that a person may have given with `/v1` and slashes."""
    return url.rstrip("/").removesuffix("/v1").rstrip("/")

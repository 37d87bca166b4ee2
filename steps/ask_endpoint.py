"""The step ask-endpoint: one real question to a deployed model, which proves that it answers under its name.

Run by the pipelines after deploy (the smoke test) and by `ome ask`.
"""

from pydantic import Field

from steps.contract import StepInputs, StepOutputs, step
from steps.endpoint import Endpoint

TIMEOUT_SECONDS = 300


class AskEndpointInputs(StepInputs):
    """Whom to ask, and what."""

    endpoint: Endpoint = Field(default=Endpoint(url="", model_name=""), description="The endpoint that deploy gave.")
    prompt: str = Field(default="In one sentence: what is a language model?", description="The question.")
    max_tokens: int = Field(default=64, gt=0, description="Longest answer, in tokens.")


class AskEndpointOutputs(StepOutputs):
    """The answer and what it took."""

    answer: str
    seconds: float
    completion_tokens: int


@step(
    "ask-endpoint",
    title="Ask the model",
    description="Sends one chat completion and fails unless the model answers it under its own name.",
)
def ask_endpoint(inputs: AskEndpointInputs) -> AskEndpointOutputs:
    """Ask one question.

    Raises:
        NotFoundError: when the endpoint serves other models, with their names.
        OmeError: of the class that fits what else went wrong.
    """
    from steps.errors import NotFoundError
    from steps.serving.chat import ask_chat, served_names

    endpoint = inputs.endpoint
    answer = ask_chat(endpoint.url, endpoint.model_name, inputs.prompt, inputs.max_tokens, TIMEOUT_SECONDS)
    names = served_names(endpoint.url)
    if names and endpoint.model_name not in names:  # some engines answer whatever name they are given
        raise NotFoundError(
            f'model "{endpoint.model_name}" is not served at {endpoint.url}', remedy=f"It serves: {', '.join(names)}."
        )
    return AskEndpointOutputs(
        answer=answer.text, seconds=round(answer.seconds, 3), completion_tokens=answer.completion_tokens
    )

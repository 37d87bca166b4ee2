"""Extra fields of every request's body: those that a person asks for, and those that keep answers at their length.

Called by `steps.benchmark.plan`, and by the controller before it submits anything. Pure.
"""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final, Literal

from steps.errors import InvalidInputError

Backend = Literal["openai", "vllm", "sglang"]
TEXT: Final = "text-to-text"
MEASURED_BY: Final = frozenset({
    "model", "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options", "input", "query",
    "documents",
})  # fmt: skip
"""What genai-bench itself sends, and counts by: with another value it would measure something else. Engines take
`max_completion_tokens`, the later name, before `max_tokens`."""


def parse_fields(given: Mapping[str, object]) -> dict[str, object]:
    """The values. A BenchmarkJob has texts: those that are JSON count as that, such as `0.7`, the others as text.

    Raises:
        InvalidInputError: for one of `MEASURED_BY`.
    """
    for name in given:
        if name in MEASURED_BY:
            raise InvalidInputError(
                f'request_parameters: "{name}" would change what the load generator itself sends and counts by',
                remedy=f"Leave it out; accepted: any field of a request but {', '.join(sorted(MEASURED_BY))}.",
            )
    return {name: _value(value) if isinstance(value, str) else value for name, value in given.items()}


def backend_for(task: str, backend: Backend, given: Mapping[str, object]) -> Backend:
    """The dialect that sends what is given: in those of vLLM and SGLang genai-bench always sets `ignore_eos` to true.

    In that of OpenAI it sends none, which for both engines means false, and all else is the same
    (`genai_bench/user/openai_user.py`, `genai_bench/sampling/text.py` of 0.0.5).
    """
    return "openai" if task == TEXT and given.get("ignore_eos", True) is False else backend


def request_fields(
    task: str, backend: Backend, given: Mapping[str, object], *, is_llama_cpp: bool, end_tokens: Sequence[int]
) -> tuple[dict[str, object], tuple[str, ...]]:
    """All extra fields, and what to say where answers may be shorter than was asked for.

    One answer without tokens can spoil a run of genai-bench, so the end token is suppressed in the engine's own words,
    unless a person says otherwise: `ignore_eos` is theirs, and only vLLM and SGLang know it.

    Args:
        task: As genai-bench names it.
        backend: genai-bench's dialect.
        given: What a person asks for; it goes before what is chosen here.
        is_llama_cpp: Whether the engine is llama.cpp's server.
        end_tokens: Ids of the model's end tokens, for engines that are told them one by one.
    """
    others = {name: value for name, value in given.items() if name != "ignore_eos"}
    if task != TEXT:
        return others, ()
    if given.get("ignore_eos", True) is False:
        return others, ("Answers may end before the length asked for, as ignore_eos is false.",)
    if backend != "openai":
        return {"ignore_eos": True} | others, ()
    if is_llama_cpp and end_tokens:
        return {"logit_bias": {str(token): -100 for token in sorted(set(end_tokens))}} | others, ()
    note = "Answers may end before the length asked for: this engine was not told to ignore the end token."
    return others, (note,)


def _value(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def _finite(text: str) -> float:
    if not isfinite(number := float(text)):
        raise ValueError(f"{text} is no JSON")
    return number

"""Arguments that follow from a model's facts, in place of words such as `$(TOOL_CALL_ARGUMENTS)` in a runtime.

Pure. Called by `plan` and by `cluster.environment`. Such a word stands for whole flags, or for none where the facts
say nothing or the engine knows no such thing, so that one runtime serves models with tools and without.
"""

from collections.abc import Mapping
from typing import Any

from steps.facts import Facts
from steps.frozen import Frozen
from steps.selection.engines import Family, read_engine
from steps.serving.fields import texts_at

TOOL_CALLS = "$(TOOL_CALL_ARGUMENTS)"
KV_CACHE = "$(KV_CACHE_ARGUMENTS)"
TASK = "$(TASK_ARGUMENTS)"

_VLLM_PARSERS = frozenset({
    "deepseek_v3", "deepseek_v31", "glm45", "granite", "hermes", "internlm", "jamba", "kimi_k2", "llama3_json",
    "llama4_pythonic", "mistral", "openai", "qwen3_coder", "seed_oss",
})  # fmt: skip
"""Of the parsers that facts name, those of vLLM 0.10.2, the last before 0.11 whose list could be read:
https://docs.vllm.ai/en/v0.10.2/api/vllm/entrypoints/openai/tool_parsers/index.html."""
_SGLANG_PARSERS = {
    "deepseek_v3": "deepseekv3",
    "deepseek_v31": "deepseekv31",
    "glm45": "glm45",
    "hermes": "qwen25",
    "kimi_k2": "kimi_k2",
    "llama3_json": "llama3",
    "llama4_pythonic": "pythonic",
    "minimax_m2": "minimax-m2",
    "mistral": "mistral",
    "openai": "gpt-oss",
    "qwen3_coder": "qwen3_coder",
}
"""SGLang's names for the same formats: `ToolCallParserEnum` in its `srt/function_call/function_call_parser.py`."""
_FP8_CACHE = {"vllm": "fp8", "sglang": "fp8_e4m3"}


class ModelHints(Frozen):
    """What a model's facts say for an engine's arguments.

    Attributes:
        tool_call_parser: As `Facts` has it, or "".
        kv_cache_dtype: What the checkpoint's quantization names for its KV cache, or "".
        is_embedding: Whether it gives vectors.
    """

    tool_call_parser: str = ""
    kv_cache_dtype: str = ""
    is_embedding: bool = False


NO_HINTS = ModelHints()


def hints_of(facts: Facts | None) -> ModelHints:
    """The hints in a model's facts; none for a model that was never parsed."""
    if facts is None:
        return NO_HINTS
    quantization = facts.quantization
    return ModelHints(
        tool_call_parser=facts.tool_call_parser,
        kv_cache_dtype=quantization.kv_cache_dtype if quantization else "",
        is_embedding="EMBEDDING" in facts.capabilities,
    )


def with_model_arguments(container: Mapping[str, Any], hints: ModelHints) -> dict[str, Any]:
    """The container with these words of its command and arguments replaced by the flags that they stand for.

    Only a word of its own is replaced: a script's text is the shell's.

    Raises:
        InvalidInputError: for a command or arguments that are no list of texts.
    """
    given = {key: texts_at(container, key, "container") for key in ("command", "args")}
    if not any(word in texts for word in (TOOL_CALLS, KV_CACHE, TASK) for texts in given.values()):
        return dict(container)
    family = read_engine(container).family
    flags = {
        TOOL_CALLS: tool_call_arguments(family, hints),
        KV_CACHE: kv_cache_arguments(family, hints),
        TASK: task_arguments(family, hints),
    }
    filled = {key: [word for one in texts for word in flags.get(one, (one,))] for key, texts in given.items() if texts}
    return {**container, **filled}


def tool_call_arguments(family: Family, hints: ModelHints) -> tuple[str, ...]:
    """The flags by which an engine reads a model's tool calls; none where it cannot, or needs none."""
    parser = hints.tool_call_parser
    if family == "vllm" and parser in _VLLM_PARSERS:
        return "--enable-auto-tool-choice", "--tool-call-parser", parser
    if family == "sglang" and parser in _SGLANG_PARSERS:
        return "--tool-call-parser", _SGLANG_PARSERS[parser]
    return ()


def kv_cache_arguments(family: Family, hints: ModelHints) -> tuple[str, ...]:
    """The flag for a checkpoint whose scales are for an 8-bit KV cache; engines keep 16 bits by themselves."""
    dtype = _FP8_CACHE.get(family, "")
    return (
        ("--kv-cache-dtype", dtype) if dtype and hints.kv_cache_dtype.casefold().startswith(("fp8", "float8")) else ()
    )


def task_arguments(family: Family, hints: ModelHints) -> tuple[str, ...]:
    """The flag for a model that gives vectors: vLLM sees it by the model's files, SGLang has to be told.

    https://docs.sglang.io/supported_models/embedding_models.html.
    """
    return ("--is-embedding",) if family == "sglang" and hints.is_embedding else ()

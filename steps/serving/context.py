"""The context length that was asked for, written into an engine's command.

Pure. Called by `component`. Selection judges whether a model fits with that context; an engine that took its own
instead would need memory that nobody counted.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from steps.selection.engines import CONTEXT_FLAGS, flag_value, read_engine
from steps.serving.arguments import is_shell_script, set_flag
from steps.serving.fields import texts_at
from steps.serving.strategic_merge import merge

_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
_FLAG_OF = {"vllm": "--max-model-len", "sglang": "--context-length", "tgi": "--max-total-tokens"}


def set_context(container: Mapping[str, Any], tokens: int) -> tuple[dict[str, Any], bool]:
    """The container with its engine told to hold `tokens` a sequence.

    The flag that is there is changed, by its variable where it has one (`--n_ctx $(CONTEXT_LENGTH)`), so that the
    service's own environment still wins; an engine that takes the model's context is given its flag. llama.cpp's flag
    counts all its slots together.

    Args:
        container: A main container (core/v1 Container); it is not altered.
        tokens: Tokens per sequence.

    Returns:
        The container, and whether the engine will keep to it.
    """
    engine = read_engine(container)
    if engine.context == tokens:
        return dict(container), True
    total = str(tokens * engine.slots)
    # Elsewhere than in llama.cpp, `-c` is a shell's, with a script after it.
    flags = [flag for flag in CONTEXT_FLAGS if flag != "-c" or engine.family == "llama.cpp"]
    for key in ("args", "command"):
        words = texts_at(container, key, "container")
        variable = _VARIABLE.fullmatch(flag_value([part for word in words for part in word.split()], flags) or "")
        if variable:
            return merge(container, {"env": [{"name": variable[1], "value": total}]}), True
        changed, is_there = set_flag(words, flags, total)
        if is_there:
            return {**container, key: list(changed)}, True
    command, arguments = texts_at(container, "command", "container"), texts_at(container, "args", "container")
    flag = _own_flag(engine.family, (*command, *arguments))
    if not flag or is_shell_script(command):
        return dict(container), False
    return {**container, "args": [*arguments, flag, total]}, True


def _own_flag(family: str, words: Iterable[str]) -> str:
    if family == "llama.cpp":
        return "--n_ctx" if any("llama_cpp" in word for word in words) else "--ctx-size"
    return _FLAG_OF.get(family, "")

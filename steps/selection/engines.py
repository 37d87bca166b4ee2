"""What a runtime's command line says about its engine: which it is, and the sizes its flags fix.

The fit depends on it: llama.cpp allocates the whole context at its start, vLLM takes 0.9 of the device, and a runtime
whose arguments fix the tensor parallelism cannot be given another. `candidates` calls it with the main container.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from steps.frozen import Frozen

Family = Literal["vllm", "sglang", "tgi", "tei", "llama.cpp", "other"]

_SIGNS: tuple[tuple[str, Family], ...] = (
    ("llama_cpp", "llama.cpp"),
    ("llama-cpp", "llama.cpp"),
    ("llama-server", "llama.cpp"),
    ("vllm", "vllm"),
    ("sglang", "sglang"),
    ("text-generation", "tgi"),
    ("text-embeddings", "tei"),
)
CONTEXT_FLAGS = (
    "--max-model-len", "--context-length", "--max-total-tokens", "--max_seq_len", "--n_ctx", "--ctx-size", "-c",
)  # fmt: skip
_TENSOR = ("--tensor-parallel-size", "--tp-size", "--tp", "-tp", "--num-shard")
_PIPELINE = ("--pipeline-parallel-size", "--pp-size", "--pp", "-pp")
_SLOTS = ("--parallel", "-np")
_UTILISATION = ("--gpu-memory-utilization", "--mem-fraction-static", "--cuda-memory-fraction")
_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


class Engine(Frozen):
    """What the selector must know of an engine.

    Attributes:
        family: Which engine, by its command or image.
        context: Tokens per sequence that its arguments fix, 0 when it takes the model's own.
        tensor: Tensor parallelism that its arguments fix; 0 when it is free.
        pipeline: The same for pipeline parallelism.
        slots: Sequences that llama.cpp keeps a context for; further requests wait.
        utilisation: Share of a device's memory it may use, 0 for the family's default.
        can_span_nodes: Whether the runtime has leader and worker pods.
    """

    family: Family = "other"
    context: int = 0
    tensor: int = 0
    pipeline: int = 0
    slots: int = 1
    utilisation: float = 0.0
    can_span_nodes: bool = False


def read_engine(container: Mapping[str, Any], *, can_span_nodes: bool = False) -> Engine:
    """The engine of a main container (core/v1 Container as a dictionary).

    A flag whose value is `$(NAME)` is expanded by the container's own environment; `$(PARALLELISM_SIZE)`, which is set
    at deployment, leaves the size free. A sharding engine without such a flag cannot be given a size: it has 1.
    """
    environment = {str(e["name"]): str(e["value"]) for e in container.get("env") or () if e.get("value") is not None}
    words = [expand(str(w), environment) for w in [*(container.get("command") or ()), *(container.get("args") or ())]]
    # One word may be a whole shell script: `sh -c "python -m vllm … --tensor-parallel-size 8"`.
    words = [part for word in words for part in word.split()]
    family = find_family([*words, str(container.get("image") or "")])
    devices = _device_limit(container)
    is_sharding = family in ("vllm", "sglang", "tgi") and bool(words)
    slots = _whole(flag_value(words, _SLOTS)) if family == "llama.cpp" else 0
    return Engine(
        family=family,
        context=_whole(flag_value(words, CONTEXT_FLAGS)) // max(slots, 1),
        tensor=_size(flag_value(words, _TENSOR), devices, default=1 if is_sharding else devices),
        pipeline=_size(flag_value(words, _PIPELINE), 0, default=1 if is_sharding else 0),
        slots=max(slots, 1),
        utilisation=_fraction(flag_value(words, _UTILISATION)),
        can_span_nodes=can_span_nodes,
    )


def find_family(words: Iterable[str]) -> Family:
    """The engine's family by the first word that names one."""
    for word in words:
        for sign, family in _SIGNS:
            if sign in word:
                return family
    return "other"


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Kubernetes' `$(NAME)` with what is known; unknown names stay."""
    return _VARIABLE.sub(lambda found: environment.get(found[1], found[0]), text)


def flag_value(words: Sequence[str], names: Sequence[str]) -> str | None:
    """The value of the last of these flags (`--flag value` or `--flag=value`), or None."""
    value = None
    for position, word in enumerate(words):
        name, equals, rest = word.partition("=")
        if name in names:
            value = rest if equals else (words[position + 1] if position + 1 < len(words) else "")
    return value


def _device_limit(container: Mapping[str, Any]) -> int:
    """Devices that the container itself asks for: OME's PARALLELISM_SIZE, 0 when it asks for none."""
    resources = container.get("resources") or {}
    for amounts in (resources.get("limits") or {}, resources.get("requests") or {}):
        for name, amount in amounts.items():
            if name.endswith(("/gpu", ".com/gpu")) and str(amount).isdigit():
                return int(amount)
    return 0


def _size(text: str | None, devices: int, *, default: int) -> int:
    """A parallel size: fixed by the flag's number, else by the devices the container asks for; 0 leaves it free."""
    return default if text is None else _whole(text) or devices


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _fraction(text: str | None) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if 0 < value <= 1 else 0.0

"""What a runtime's command line says about its engine: which it is, and the sizes its flags fix.

The fit depends on it: llama.cpp allocates the whole context at its start, vLLM takes 0.9 of the device, and a runtime
whose arguments fix the tensor parallelism cannot be given another. `candidates` calls it with the main container.
Flags are those of vLLM, SGLang, TGI and llama.cpp as their documentation names them.
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
_DATA = ("--data-parallel-size", "-dp")
_ATTENTION_DATA = ("--data-parallel-size", "--dp-size", "--dp")
_EXPERT = ("--expert-parallel-size", "--ep-size", "--ep")
_SLOTS = ("--parallel", "-np")
_KV_CACHE = ("--kv-cache-dtype", "--cache-type-k", "-ctk", "--cache-type-v", "-ctv")
_BATCH_TOKENS = ("--max-num-batched-tokens", "--chunked-prefill-size", "--max-batch-prefill-tokens")
_SEQUENCES = ("--max-num-seqs", "--max-running-requests")
_EAGER = ("--enforce-eager", "--disable-cuda-graph")
_ADAPTERS = ("--enable-lora", "--lora-modules", "--lora-paths")
_ADAPTER_SLOTS = ("--max-loras", "--max-loras-per-batch")
_ADAPTER_RANK = ("--max-lora-rank",)
_UTILISATION = ("--gpu-memory-utilization", "--mem-fraction-static", "--cuda-memory-fraction")
_DEFAULT_ADAPTER_SLOTS = {"vllm": 1, "sglang": 8}
_DEFAULT_ADAPTER_RANK = 16
_BITS = re.compile(r"[0-9]+")
_BLOCK_SCALES = 0.5
_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


class Engine(Frozen):
    """What the selector must know of an engine.

    Attributes:
        family: Which engine, by its command or image.
        context: Tokens per sequence that its arguments fix, 0 when it takes the model's own.
        tensor: Tensor parallelism that its arguments fix; 0 when it is free.
        pipeline: The same for pipeline parallelism.
        data: Copies of the attention layers, each on devices of its own, among which a mixture's experts are divided
            (vLLM's data parallelism); 0 when the arguments fix none.
        attention_data: Copies of the attention layers within the tensor parallel group (SGLang's DP attention).
        is_expert_parallel: Whether whole experts are divided among devices, and not each expert's matrices.
        kv_cache_bits: Bits per value of the KV cache that the arguments fix; 0 for the checkpoint's own.
        batch_tokens: Tokens of one step at most, 0 for the engine's default.
        sequences: Sequences of one step at most, 0 for the engine's default.
        is_eager: Whether CUDA graphs are not captured.
        adapter_slots: LoRA adapters that memory is set aside for at the start.
        adapter_rank: Rank that each of those slots has room for.
        slots: Sequences that llama.cpp keeps a context for; further requests wait.
        utilisation: Share of a device's memory it may use, 0 for the family's default.
        can_span_nodes: Whether the runtime has leader and worker pods.
    """

    family: Family = "other"
    context: int = 0
    tensor: int = 0
    pipeline: int = 0
    data: int = 0
    attention_data: int = 1
    is_expert_parallel: bool = False
    kv_cache_bits: float = 0.0
    batch_tokens: int = 0
    sequences: int = 0
    is_eager: bool = False
    adapter_slots: int = 0
    adapter_rank: int = 0
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
    adapters = has_flag(words, _ADAPTERS)
    return Engine(
        family=family,
        context=_whole(flag_value(words, CONTEXT_FLAGS)) // max(slots, 1),
        tensor=_size(flag_value(words, _TENSOR), devices, default=1 if is_sharding else devices),
        pipeline=_size(flag_value(words, _PIPELINE), 0, default=1 if is_sharding else 0),
        data=_whole(flag_value(words, _DATA)) if family == "vllm" else 0,
        attention_data=_attention_data(words) if family == "sglang" else 1,
        is_expert_parallel=has_flag(words, ("--enable-expert-parallel",)) or _whole(flag_value(words, _EXPERT)) > 1,
        kv_cache_bits=kv_cache_bits(flag_values(words, _KV_CACHE)),
        batch_tokens=_whole(flag_value(words, _BATCH_TOKENS)),
        sequences=_whole(flag_value(words, _SEQUENCES)),
        is_eager=has_flag(words, _EAGER),
        adapter_slots=(_whole(flag_value(words, _ADAPTER_SLOTS)) or _DEFAULT_ADAPTER_SLOTS.get(family, 1))
        if adapters
        else 0,
        adapter_rank=(_whole(flag_value(words, _ADAPTER_RANK)) or _DEFAULT_ADAPTER_RANK) if adapters else 0,
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
    values = flag_values(words, names)
    return values[-1] if values else None


def flag_values(words: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The value of every one of these flags, in order."""
    values = []
    for position, word in enumerate(words):
        name, equals, rest = word.partition("=")
        if name in names:
            values.append(rest if equals else (words[position + 1] if position + 1 < len(words) else ""))
    return tuple(values)


def has_flag(words: Sequence[str], names: Sequence[str]) -> bool:
    """Whether one of these flags is there, with a value or without."""
    return any(word.partition("=")[0] in names for word in words)


def kv_cache_bits(types: Sequence[str]) -> float:
    """Bits per value of a KV cache of these types, by the first number in each name; the mean of several.

    `fp8_e4m3`, `int8` and `bfloat16` say it plainly. Types of four to eight bits in blocks (`q8_0`, `nvfp4`) keep a
    16-bit scale for each 32 values, or an 8-bit one for each 16: half a bit more. `auto`, an empty name and one
    without a number give 0: the checkpoint's own.
    """
    bits = [_bits_of(name.casefold()) for name in types]
    return sum(bits) / len(bits) if bits and all(bits) else 0.0


def _bits_of(name: str) -> float:
    number = _BITS.search(name)
    if number is None:
        return 0.0
    is_blocked = name.startswith(("q", "iq", "nv", "mx")) or "fp4" in name
    return float(number[0]) + (_BLOCK_SCALES if is_blocked else 0.0)


def _attention_data(words: Sequence[str]) -> int:
    """SGLang divides the tensor parallel group only with this switch; without it `--dp` starts independent copies."""
    return max(_whole(flag_value(words, _ATTENTION_DATA)), 1) if has_flag(words, ("--enable-dp-attention",)) else 1


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

"""What a person types for `ome fit`: `32k` tokens, `h100:2` devices, an engine; and the accelerators at hand."""

import re
from typing import NamedTuple

from steps.errors import InvalidInputError
from steps.selection.engines import Engine, Family, kv_cache_bits
from steps.selection.memory import Device
from steps.selection.request import Accelerator

_UNITS = {"": 1, "k": 1024, "m": 1024**2}
_REPORTED = "ome.io/reported-memory"
_UNREPORTED = 0.92
"""Share of its nominal memory that a device shows at least: with error correction in GDDR an eighth of a half is gone
(NVIDIA-L4 and NVIDIA-A10 of 24 GiB show 22.5), and the driver keeps some."""


class Wanted(NamedTuple):
    """`NAME[:COUNT]`: an accelerator, and how many of a node; 0 when that is free."""

    name: str
    devices: int


class Known(NamedTuple):
    """An accelerator class at hand: one device of it, and whose price it has."""

    accelerator: Accelerator
    device: Device
    price: str


def parse_tokens(text: str) -> int:
    """`32768`, `32k` (32 x 1024) or `1M`; "" is 0.

    Raises:
        InvalidInputError: it is no such number.
    """
    found = re.fullmatch(r"([0-9]+)([kKmM]?)", text.strip())
    if not text.strip():
        return 0
    if found is None or not int(found[1]):
        raise InvalidInputError(f'context: "{text}" is no number of tokens', remedy="Write 32768, 32k or 1M.")
    return int(found[1]) * _UNITS[found[2].lower()]


def parse_wanted(text: str) -> Wanted:
    """`h100`, `h100:2`.

    Raises:
        InvalidInputError: the count is no number above 0.
    """
    name, colon, count = text.partition(":")
    if not name or (colon and not (count.isdigit() and int(count))):
        raise InvalidInputError(f'gpu: "{text}" is not NAME or NAME:COUNT', remedy="Write h100, or h100:2 for two.")
    return Wanted(name, int(count) if colon else 0)


def engine_for(
    family: Family | None,
    model_format: str,
    *,
    tensor: int = 0,
    pipeline: int = 0,
    data: int = 0,
    expert_parallel: bool = False,
    kv_cache: str = "",
    utilisation: float = 0.0,
    eager: bool = False,
    adapters: int = 0,
    adapter_rank: int = 0,
    context: int = 0,
    sequences: int = 1,
    nodes: int = 1,
) -> Engine:
    """The engine as the options describe it; without a family llama.cpp for GGUF and vLLM for the rest.

    llama.cpp has a slot for every sequence that is asked for.

    Raises:
        InvalidInputError: the type of the cache has no number of bits in its name.
    """
    family = family or ("llama.cpp" if model_format == "gguf" else "vllm")
    bits = kv_cache_bits([kv_cache]) if kv_cache else 0.0
    if kv_cache and not bits and kv_cache != "auto":
        raise InvalidInputError(
            f'kv-cache-dtype: "{kv_cache}" names no number of bits', remedy="Write fp8, int8, bfloat16, q8_0 or auto."
        )
    return Engine(
        family=family,
        context=context,
        tensor=tensor,
        pipeline=pipeline,
        data=data,
        is_expert_parallel=expert_parallel,
        kv_cache_bits=bits,
        utilisation=utilisation,
        is_eager=eager,
        adapter_slots=adapters,
        adapter_rank=adapter_rank if adapters else 0,
        slots=sequences if family == "llama.cpp" else 1,
        can_span_nodes=nodes > 1,
    )


def known_accelerators() -> tuple[Known, ...]:
    """The accelerator classes of the home, which starts with those of `examples/`; what is not valid is left out."""
    from crds.accelerator_class import AcceleratorClass
    from crds.load import load
    from crds.problems import InvalidResourceError
    from pipelines.command.catalogue import seed_catalogue
    from steps.resources import ResourceFolder

    seed_catalogue()
    known = []
    for document in ResourceFolder().list("AcceleratorClass"):
        try:
            resource = load(document).resource
        except InvalidResourceError:
            continue
        if isinstance(resource, AcceleratorClass):
            annotations = (document.get("metadata") or {}).get("annotations") or {}
            accelerator = Accelerator.of(resource)
            known.append(Known(accelerator, _device(accelerator, annotations), _price(annotations)))
    return tuple(known)


def _device(accelerator: Accelerator, annotations: dict[str, str]) -> Device:
    """One device of a class: as it reports itself, not as its name has it; the cpu family is this machine."""
    from crds.problems import FieldError
    from crds.quantity import Quantity
    from steps.selection.accelerators import is_cpu, survey
    from steps.selection.nodes import local_node

    if is_cpu(accelerator.spec):
        return survey(accelerator, [local_node()]).device
    nominal = accelerator.spec.capabilities.memory_bytes
    try:
        reported = int(Quantity(annotations[_REPORTED])) if annotations.get(_REPORTED) else int(nominal * _UNREPORTED)
    except FieldError:
        reported = int(nominal * _UNREPORTED)
    return Device(memory=min(reported, nominal) or reported)


def _price(annotations: dict[str, str]) -> str:
    told = [str(annotations.get(f"ome.io/price-{name}") or "") for name in ("of", "date")]
    return ", ".join(word for word in told if word)

"""Will it run, with numbers: a verdict for one model on one way to spread it, and the smallest way that fits.

`candidates` calls it for every accelerator of a runtime, and `ome fit` for a model and an accelerator alone. A false
"fits" is the worst error, so a margin is asked for beyond the engine's own cap: 7 % of what is available (KAITO's
published cap of 0.84 is 7 % below 0.90, which was vLLM's default), 15 % when a fact is only estimated.
"""

from collections.abc import Iterator
from typing import NamedTuple

from steps.choice import Fit, FitVerdict, Parallelism
from steps.facts import Facts
from steps.selection.engines import Engine
from steps.selection.kv_cache import chunk_bytes, kv_cache_bytes, sequences_at_once
from steps.selection.memory import GIB, Device, Memory, stored_bytes, weights_bytes
from steps.selection.working_memory import (
    activation_bytes,
    adapter_bytes,
    batch_tokens_of,
    cuda_graph_bytes,
    overhead_bytes,
)

MARGIN = 0.07
MARGIN_ESTIMATED = 0.15
DEFAULT_CONTEXT = 4096
UTILISATION = {"vllm": 0.90, "sglang": 0.88, "tgi": 0.90, "tei": 0.90, "llama.cpp": 0.95, "other": 0.90}
"""Share of a device's memory that an engine is taken to use. vLLM's gpu_memory_utilization was 0.90 and is 0.92 in its
newer versions (0.25 to 0.30 were looked at): the lower is taken. The rest are not looked up: SGLang sets its
mem_fraction_static by rules of its own, TGI takes up to all and is held to 0.90, llama.cpp allocates what it needs."""
STATIC_ENGINES = ("sglang",)
"""Engines whose share is for weights and cache alone; activations and graphs have what is beside it (SGLang's
documentation, "Hyperparameter tuning", on mem-fraction-static)."""
CPU_UTILISATION = 0.90
"""Share of a node's free memory: the rest is left to the operating system, which evicts or kills when it has none."""

_RANK: dict[FitVerdict, int] = {"fits": 0, "tight": 1, "unknown": 2, "does-not-fit": 3}


class Placement(NamedTuple):
    """A way to spread a model, and whether it fits so."""

    parallelism: Parallelism
    fit: Fit


class Space(NamedTuple):
    """What there is to place a model on.

    Attributes:
        device: One of the devices; all are taken to be like it.
        per_node: Devices on one node.
        nodes: Nodes with as many.
    """

    device: Device
    per_node: int = 1
    nodes: int = 1


def fit_rank(fit: Fit) -> int:
    """Order of verdicts, best first."""
    return _RANK[fit.verdict]


def fit_model(
    facts: Facts,
    device: Device,
    *,
    parallelism: Parallelism = Parallelism(),  # noqa: B008 - immutable
    engine: Engine = Engine(),  # noqa: B008 - immutable
    context: int = 0,
    concurrency: int = 1,
) -> Fit:
    """The verdict for one model spread in one way over devices of one kind.

    Args:
        facts: The model.
        device: One of the devices.
        parallelism: How the model is spread over them.
        engine: What serves it.
        context: Tokens per sequence; 0 for what the engine's arguments fix, else the model's own.
        concurrency: Sequences at once.
    """
    tokens = context or engine.context or facts.context_length or DEFAULT_CONTEXT
    doubts = _doubts(facts, tokens == DEFAULT_CONTEXT and not (context or engine.context or facts.context_length))
    if not device.memory or not stored_bytes(facts):
        missing = "the accelerator's memory" if not device.memory else "the size of the weights"
        return Fit(
            verdict="unknown",
            context=tokens,
            concurrency=concurrency,
            confidence="estimated",
            explanation=f"whether it fits is unknown: {missing} is unknown",
        )
    sequences = sequences_at_once(engine, concurrency)
    memory = model_memory(facts, device, parallelism, engine, tokens, concurrency)
    available = available_bytes(device, engine, memory)
    margin = MARGIN_ESTIMATED if doubts else MARGIN
    verdict: FitVerdict = "does-not-fit"
    if memory.needed <= available:
        verdict = "fits" if memory.needed <= available * (1 - margin) else "tight"
    return Fit(
        verdict=verdict,
        weights=memory.weights,
        kv_cache=memory.kv_cache,
        activations=memory.activations,
        cuda_graphs=memory.cuda_graphs,
        adapters=memory.adapters,
        overhead=memory.overhead,
        needed=memory.needed,
        available=available,
        context=tokens,
        concurrency=concurrency,
        confidence="estimated" if doubts else "exact",
        explanation=_explain(verdict, memory, device, parallelism, available, tokens, sequences, doubts),
    )


def model_memory(
    facts: Facts, device: Device, parallelism: Parallelism, engine: Engine, context: int, concurrency: int
) -> Memory:
    """Bytes on the fullest device for `concurrency` sequences of `context` tokens."""
    batch = batch_tokens_of(device, engine)
    return Memory(
        weights=weights_bytes(facts, parallelism, engine),
        kv_cache=kv_cache_bytes(facts, parallelism, engine, context, concurrency)
        + chunk_bytes(facts, parallelism, engine, context, batch),
        activations=activation_bytes(facts, device, engine, context),
        cuda_graphs=cuda_graph_bytes(device, engine),
        adapters=adapter_bytes(facts, parallelism, engine),
        overhead=overhead_bytes(device, parallelism, engine),
    )


def available_bytes(device: Device, engine: Engine, memory: Memory) -> int:
    """Bytes of a device that the engine may use: its share, and what its activations have beside a static one."""
    free = max(device.memory - device.used, 0)
    if device.kind == "cpu":
        return int(free * CPU_UTILISATION)
    share = int(free * (engine.utilisation or UTILISATION[engine.family]))
    if engine.family not in STATIC_ENGINES:
        return share
    return share + min(memory.activations + memory.cuda_graphs, free - share)


def place_model(facts: Facts, space: Space, engine: Engine, *, context: int = 0, concurrency: int = 1) -> Placement:
    """The smallest parallelism that fits, else that is tight, else the one that comes nearest.

    Sizes that the engine's arguments fix are kept. Several nodes are only proposed when one cannot and the runtime has
    workers.
    """

    def assess(parallelism: Parallelism) -> Placement:
        fit = fit_model(
            facts, space.device, parallelism=parallelism, engine=engine, context=context, concurrency=concurrency
        )
        return Placement(parallelism, fit)

    placements = [assess(parallelism) for parallelism in parallelisms(facts, space, engine)]
    for verdict in ("fits", "tight"):
        for placement in placements:
            if placement.fit.verdict == verdict:
                return placement
    return min(placements, key=lambda placement: placement.fit.needed)


def parallelisms(facts: Facts, space: Space, engine: Engine) -> Iterator[Parallelism]:
    """Ways to spread a model over the space, smallest first; never none.

    Tensor parallelism is a power of two that divides the query heads (every matrix of an engine is cut by it), and KV
    heads are either divided or replicated evenly. A sharding engine uses pipelines for what the heads do not divide
    into, and to span nodes.
    """
    data = max(engine.data, 1)
    found: set[tuple[int, int]] = {(1, 1)}
    per_node = max(space.per_node // data, 1)  # of one copy of the attention
    sizes = [size for size in _powers(per_node) if divides_heads(facts, size)]
    if space.device.kind == "gpu" and engine.family == "llama.cpp":  # it gives each device whole layers
        found |= {(1, size) for size in range(1, space.per_node + 1)}
    elif space.device.kind == "gpu" and engine.family != "tei":
        found |= {(t, p) for t in sizes for p in _powers(per_node) if t * p <= per_node}
        if engine.can_span_nodes:
            found |= {(sizes[-1], nodes) for nodes in range(2, space.nodes + 1)}
    fixed = (engine.tensor, engine.pipeline)
    kept = {way for way in found if all(size in (0, own) for size, own in zip(fixed, way, strict=True))}
    # What the arguments fix is kept even where there are fewer devices: the verdict and a warning tell.
    for tensor, pipeline in sorted(
        kept or {(fixed[0] or 1, fixed[1] or 1)}, key=lambda way: (way[0] * way[1], way[1])
    ):
        yield Parallelism(tensor=tensor, pipeline=pipeline, data=data)


def divides_heads(facts: Facts, size: int) -> bool:
    """Whether query heads divide by `size`, and KV heads divide by it or replicate evenly. Unknown heads are taken."""
    heads, kv_heads = facts.attention.heads, facts.attention.kv_heads
    if heads and heads % size:
        return False
    return not kv_heads or facts.attention.kind == "mla" or kv_heads % size == 0 or size % kv_heads == 0


def _powers(largest: int) -> list[int]:
    return [2**n for n in range(max(largest, 1).bit_length())]


def _doubts(facts: Facts, is_context_guessed: bool) -> tuple[str, ...]:
    """What the numbers rest on that is not exact."""
    doubts = []
    if facts.parameters.confidence == "estimated" and not facts.bytes_in_memory:
        doubts.append("the number of parameters is estimated")
    if not facts.attention.layers and not facts.diffusion and "TEXT_TO_TEXT" in facts.capabilities:
        doubts.append("the attention layers are unknown, so the KV cache is not counted")
    if not facts.hidden_size:
        doubts.append("the hidden size is unknown, so activations are not counted")
    if facts.has_vision:
        doubts.append("images take working memory that is not counted")
    if is_context_guessed:
        doubts.append(f"the context length is unknown, {DEFAULT_CONTEXT} tokens are assumed")
    return tuple(doubts)


def _explain(
    verdict: FitVerdict,
    memory: Memory,
    device: Device,
    parallelism: Parallelism,
    available: int,
    context: int,
    sequences: int,
    doubts: tuple[str, ...],
) -> str:
    count = parallelism.devices
    share = available / max(device.memory - device.used, 1)
    rest_of_it = memory.overhead + memory.cuda_graphs
    adapters = f", adapters {_gib(memory.adapters)}" if memory.adapters else ""
    where = f"on each of {count} devices" if count > 1 else "on this node" if device.kind == "cpu" else "on one device"
    owner = "node" if device.kind == "cpu" else "device"
    used = f" less {_gib(device.used)} in use" if device.used else ""
    rest = available - memory.needed
    outcome = f"{_gib(rest)} GiB to spare" if rest >= 0 else f"{_gib(-rest)} GiB too little"
    line = (
        f"{verdict}: needs {_gib(memory.needed)} of {_gib(available)} GiB {where}, {outcome} "
        f"(weights {_gib(memory.weights)}, KV cache {_gib(memory.kv_cache)} for {sequences} x {context} tokens, "
        f"activations {_gib(memory.activations)}{adapters}, overhead {_gib(rest_of_it)}; "
        f"the {owner} has {_gib(device.memory)}{used}, {share:.0%} of it usable)"
    )
    return line + "".join(f"; {doubt}" for doubt in doubts)


def _gib(count: int) -> str:
    return f"{count / GIB:.2f}"

"""How fast a model runs on an accelerator, by a roofline, and what a million tokens cost. `fit_report` calls it.

A step of decoding reads all weights that its sequences use and their cache, and calculates two operations a parameter
and sequence: it takes as long as the slower of the two (Williams et al., "Roofline", CACM 2009). A prompt is bound by
calculation. How much of a device's bandwidth engines reach is its "model bandwidth utilization" (Databricks, "LLM
Inference Performance Engineering: Best Practices"). 60 % of it, and 40 % of the dense rate on prompts, are taken here
without a source or measurement. What is between devices is not counted either, so the stated error is wide.
"""

from crds.accelerator_class import AcceleratorClassSpec
from steps.choice import Parallelism
from steps.facts import Facts
from steps.frozen import Frozen
from steps.selection.engines import Engine
from steps.selection.kv_cache import kv_cache_bytes
from steps.selection.memory import routed_bytes, weights_bytes

DECODE_EFFICIENCY = 0.6
PREFILL_EFFICIENCY = 0.4
ERROR = 0.5
"""Share by which the truth may be away from an estimate, either way."""
EIGHT_BITS = 8.0
_EIGHT_BIT_METHODS = ("fp8", "fbgemm_fp8", "compressed-tensors")


class Speed(Frozen):
    """Estimated rates; each may be `error` (a share) away.

    Attributes:
        decode: Tokens a second that all sequences together are given.
        decode_each: Tokens a second of one sequence.
        prefill: Tokens a second of prompts.
        bound: What decoding waits for.
        dollars_per_million: Of generated tokens, at the class's price an hour; None where none is known.
    """

    decode: float
    decode_each: float
    prefill: float
    bound: str
    error: float = ERROR
    dollars_per_million: float | None = None


def estimate_speed(
    facts: Facts,
    spec: AcceleratorClassSpec,
    parallelism: Parallelism,
    engine: Engine,
    context: int,
    concurrency: int,
) -> Speed | None:
    """Rates of one model spread in one way, or None where the class gives no bandwidth or rate.

    Args:
        facts: The model.
        spec: The class of all devices.
        parallelism: How the model is spread over them.
        engine: What serves it.
        context: Tokens that each sequence has in the cache.
        concurrency: Sequences at once.
    """
    capabilities = spec.capabilities
    bandwidth = float(capabilities.memory_bandwidth_gbps or 0) * 1e9
    rate = operations_per_second(facts, spec)
    active = facts.parameters.active or facts.parameters.total
    if not bandwidth or not rate or not active:
        return None
    read = _weights_read(facts, parallelism, engine, concurrency) + kv_cache_bytes(
        facts, parallelism, engine, context, concurrency
    )
    reading = read / (bandwidth * DECODE_EFFICIENCY)
    calculating = 2 * active * concurrency / (parallelism.devices * rate * PREFILL_EFFICIENCY)
    step = max(reading, calculating) * parallelism.pipeline  # a token passes the stages one after another
    decode = concurrency / step
    per_hour = spec.cost.per_hour if spec.cost is not None else None
    return Speed(
        decode=decode,
        decode_each=decode / concurrency,
        prefill=parallelism.devices * rate * PREFILL_EFFICIENCY / (2 * active),
        bound="bandwidth" if reading >= calculating else "calculation",
        dollars_per_million=float(per_hour) * parallelism.devices / (decode * 3600) * 1e6 if per_hour else None,
    )


def operations_per_second(facts: Facts, spec: AcceleratorClassSpec) -> float:
    """Dense operations a second in the precision that the model calculates in; 0 where none is given.

    A checkpoint in eight bits is calculated so where the device can; weights of four bits are widened to sixteen.
    Eight bits run twice as fast as sixteen on every device that has them, if the class has no figure for them.
    """
    performance = spec.capabilities.performance
    features = {feature.casefold() for feature in spec.capabilities.features}
    if performance is None:
        return 0.0
    sixteen = float(performance.fp16_tflops or performance.fp32_tflops or 0)
    quantization = facts.quantization
    is_eight = (
        quantization is not None and quantization.bits == EIGHT_BITS and quantization.method in _EIGHT_BIT_METHODS
    )
    if is_eight and "fp8" in features:
        return 1e12 * float(performance.int8_tops or 2 * sixteen)
    return 1e12 * sixteen


def _weights_read(facts: Facts, parallelism: Parallelism, engine: Engine, concurrency: int) -> float:
    """Bytes of weights that one step reads on a device: of a mixture those experts that some sequence is routed to."""
    weights = weights_bytes(facts, parallelism, engine)
    routed = routed_bytes(facts) / parallelism.devices
    if not routed:
        return weights
    unused = (1 - facts.experts_per_token / facts.experts) ** concurrency  # routing taken to be even
    return max(weights - routed * unused, 0.0)

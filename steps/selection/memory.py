"""What a model takes on one device, term by term, and how its weights are divided. `fit` adds the terms up.

Weights are the bytes of the tensors as stored, divided by tensor parallelism; norms and expert routers are replicated,
KV projections are replicated when there are fewer KV heads than devices (vLLM's and SGLang's layers do so). Pipeline
parallelism divides by whole layers; the stage that is counted also holds the embeddings. Routed experts are divided
among the devices of all data parallel copies too (vLLM's documentation, "Data Parallel Deployment" and "Expert
Parallel Deployment"); attention is not. 2 % on top for padding and fragmentation, as KAITO publishes (weights x 1.02).
MXFP4 experts are padded to multiples of 256 in width: gpt-oss-120b of 60.8 GiB takes 64.4 to 66.0 GiB
(vllm-project/vllm#23278, #33155).

The other terms are in `kv_cache` and `working_memory`.
"""

import math
from typing import Literal

from steps.choice import Parallelism
from steps.facts import Facts
from steps.frozen import Frozen
from steps.selection.engines import Engine

GIB = 1024**3
MIB = 1024**2
DeviceKind = Literal["gpu", "cpu"]

WEIGHTS_PADDING = 0.02
MXFP4_WIDTH = 256
_VALUE_BYTES = {
    "float64": 8.0, "float32": 4.0, "float": 4.0, "bfloat16": 2.0, "float16": 2.0, "half": 2.0,
    "float8_e4m3fn": 1.0, "float8_e5m2": 1.0, "fp8": 1.0, "int8": 1.0, "uint8": 1.0, "int4": 0.5,
}  # fmt: skip


class Memory(Frozen):
    """Bytes on the fullest device."""

    weights: int
    kv_cache: int
    activations: int
    cuda_graphs: int
    adapters: int
    overhead: int

    @property
    def needed(self) -> int:
        """Their sum."""
        return self.weights + self.kv_cache + self.activations + self.cuda_graphs + self.adapters + self.overhead


class Device(Frozen):
    """One accelerator, or a whole CPU node.

    Attributes:
        memory: Bytes it has; 0 for unknown.
        used: Bytes that others hold of it (CPU nodes).
        kind: What the engine's overhead depends on.
    """

    memory: int
    used: int = 0
    kind: DeviceKind = "gpu"


def stored_bytes(facts: Facts) -> int:
    """Bytes of all tensors: as parsed, else from the number of parameters; 0 when neither is known."""
    if facts.bytes_in_memory or facts.bytes_on_disk:
        return facts.bytes_in_memory or facts.bytes_on_disk
    quantization = facts.quantization
    value_bytes = quantization.bits / 8 if quantization else _VALUE_BYTES.get(facts.dtype.lower(), 4.0)
    return math.ceil(facts.parameters.total * value_bytes)


def routed_bytes(facts: Facts) -> int:
    """Bytes of the experts that tokens are routed to; 0 for dense models.

    A token uses `k` of `E` experts, so what it leaves unused, total - active parameters, is (1 - k/E) of them.
    """
    used, experts = facts.experts_per_token, facts.experts
    parameters = facts.parameters
    if not 0 < used < experts or not 0 < parameters.active < parameters.total:
        return 0
    routed = (parameters.total - parameters.active) * experts / (experts - used)
    total = stored_bytes(facts)
    bits = facts.quantization.bits if facts.quantization else 0.0
    value_bytes = bits / 8 if bits else total / parameters.total
    return math.floor(min(routed * value_bytes, total))


def weights_bytes(facts: Facts, parallelism: Parallelism, engine: Engine = Engine()) -> int:  # noqa: B008 - immutable
    """Weights on the fullest device."""
    attention, tensor = facts.attention, parallelism.tensor
    layers, stage = attention.layers, stage_share(facts, parallelism)
    total, routed = stored_bytes(facts), routed_bytes(facts)
    rest = total - routed
    replicated = min(2 * layers * facts.hidden_size * (2 + facts.experts), rest)
    embedding = min(2 * facts.parameters.embedding, rest - replicated) if parallelism.pipeline > 1 else 0
    matrices = rest - replicated - embedding
    # Copies of the attention within the tensor parallel group are divided among that many fewer devices.
    dense_tensor = max(tensor // engine.attention_data, 1)
    # Each device holds at least one KV head: beyond their number, the same ones again.
    copies = max(dense_tensor / attention.kv_heads, 1) if attention.kv_heads and attention.kind != "mla" else 1
    kv_parameters = 2 * layers * facts.hidden_size * attention.kv_heads * attention.head_dim
    kv_projections = min(kv_parameters * total / facts.parameters.total if facts.parameters.total else 0, matrices)
    split = (matrices + kv_projections * (copies - 1)) * stage / dense_tensor + embedding / tensor
    experts = routed * _padding(facts) * stage * _expert_share(facts, tensor * parallelism.data, engine)
    return math.ceil((split + experts + replicated * stage) * (1 + WEIGHTS_PADDING))


def stage_share(facts: Facts, parallelism: Parallelism) -> float:
    """Share of the layers that the longest stage of a pipeline has."""
    if parallelism.pipeline == 1:
        return 1.0
    layers = facts.attention.layers
    return math.ceil(layers / parallelism.pipeline) / layers if layers else 1 / parallelism.pipeline


def _expert_share(facts: Facts, devices: int, engine: Engine) -> float:
    """Share of the routed experts on one of `devices`: matrices divide evenly, whole experts may not."""
    if engine.is_expert_parallel and facts.experts:
        return math.ceil(facts.experts / devices) / facts.experts
    return 1 / devices


def _padding(facts: Facts) -> float:
    """How much wider the kernels of a format want the experts than they are stored."""
    if not facts.hidden_size or facts.quantization is None or facts.quantization.method != "mxfp4":
        return 1.0
    return math.ceil(facts.hidden_size / MXFP4_WIDTH) * MXFP4_WIDTH / facts.hidden_size

"""How many bytes a model takes on one device, by what takes them. `fit` calls it.

Sources of the rules and constants:

- Weights: bytes of the tensors as stored, split by tensor parallelism; norms and expert routers are replicated, KV
  projections are replicated when there are fewer KV heads than devices (vLLM's and SGLang's layers do so). Pipeline
  parallelism splits by whole layers; the stage that is counted also holds the embeddings. 2 % on top for padding and
  fragmentation, as KAITO publishes (weights x 1.02).
- KV cache: layers' bytes per token from the facts, times context, times concurrency, in blocks of 16 tokens (vLLM's
  default block size). Split over tensor parallelism up to the number of KV heads; an MLA latent is not split at all
  (KAITO and vLLM agree). Sliding layers keep their window, except in llama.cpp, whose bindings keep the full context.
- Activations on GPUs: engines profile one batch of prompt tokens at their start, 8192 on large devices (vLLM's and
  SGLang's default there), 4096 taken for others. 16 values of hidden size a token (residual, QKV, gated MLP of 3.5 x
  hidden with its two inputs), expert inputs and outputs for mixtures, and fp32 logits with one copy for 256 sequences.
  Llama-3-8B gives 1.25 GiB; vLLM reports 1.26 GiB (vllm-project/vllm#10511).
- Overhead on GPUs: 1.8 GiB a device for CUDA context, kernels' workspaces and CUDA graphs, 1 GiB more for collectives
  when there are several. vLLM reports 1.79 GiB beside PyTorch for Llama-3-8B on one H100, 3.58 on two in that log and
  0.25 on two RTX 4090 (#10511, #13061); KAITO counts 2.3 GiB including activations.
- llama.cpp: weights are mapped from the file; where it repacks them for the processor, the mapped pages are not used
  any more and the system takes them back. One compute buffer of 512 tokens (its default micro-batch) x (vocabulary +
  hidden) fp32 values; 105.00 MiB for a 3.9B model is that formula to the byte (mozilla-ai/llamafile#552). Without
  flash attention also heads x context x 512 fp32 scores, though the two are hardly needed together. The Python binding
  holds 512 rows of logits again.
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
KV_BLOCK_TOKENS = 16
LARGE_DEVICE = 40 * GIB
BATCH_TOKENS_LARGE, BATCH_TOKENS_SMALL = 8192, 4096
ACTIVATION_WIDTHS = 16
LOGIT_ROWS = 256
GPU_OVERHEAD = int(1.8 * GIB)
COLLECTIVES_OVERHEAD = 1 * GIB
SMALL_ENGINE_GPU_OVERHEAD = int(0.7 * GIB)
LLAMA_CPP_BATCH = 512
LLAMA_CPP_OVERHEAD = 256 * MIB
CPU_OVERHEAD = 2 * GIB
_VALUE_BYTES = {
    "float64": 8.0, "float32": 4.0, "float": 4.0, "bfloat16": 2.0, "float16": 2.0, "half": 2.0,
    "float8_e4m3fn": 1.0, "float8_e5m2": 1.0, "fp8": 1.0, "int8": 1.0, "uint8": 1.0, "int4": 0.5,
}  # fmt: skip


class Memory(Frozen):
    """Bytes on the fullest device."""

    weights: int
    kv_cache: int
    activations: int
    overhead: int

    @property
    def needed(self) -> int:
        """Their sum."""
        return self.weights + self.kv_cache + self.activations + self.overhead


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


def model_memory(
    facts: Facts, device: Device, parallelism: Parallelism, engine: Engine, context: int, concurrency: int
) -> Memory:
    """Bytes on the fullest device for `concurrency` sequences of `context` tokens."""
    return Memory(
        weights=weights_bytes(facts, parallelism),
        kv_cache=kv_cache_bytes(facts, parallelism, engine, context, concurrency),
        activations=activation_bytes(facts, device, engine, context),
        overhead=overhead_bytes(device, parallelism, engine),
    )


def stored_bytes(facts: Facts) -> int:
    """Bytes of all tensors: as parsed, else from the number of parameters; 0 when neither is known."""
    if facts.bytes_in_memory or facts.bytes_on_disk:
        return facts.bytes_in_memory or facts.bytes_on_disk
    quantization = facts.quantization
    value_bytes = quantization.bits / 8 if quantization else _VALUE_BYTES.get(facts.dtype.lower(), 4.0)
    return math.ceil(facts.parameters.total * value_bytes)


def weights_bytes(facts: Facts, parallelism: Parallelism) -> int:
    """Weights on the fullest device."""
    total = stored_bytes(facts)
    attention, tensor, pipeline = facts.attention, parallelism.tensor, parallelism.pipeline
    layers = attention.layers
    replicated = min(2 * layers * facts.hidden_size * (2 + facts.experts), total)
    embedding, stage = 0, 1.0
    if pipeline > 1:
        embedding = min(2 * facts.parameters.embedding, total - replicated)
        stage = math.ceil(layers / pipeline) / layers if layers else 1 / pipeline
    matrices = total - replicated - embedding
    # Each device holds at least one KV head: beyond their number, the same ones again.
    copies = max(tensor / attention.kv_heads, 1) if attention.kv_heads and attention.kind != "mla" else 1
    kv_parameters = 2 * layers * facts.hidden_size * attention.kv_heads * attention.head_dim
    kv_projections = min(kv_parameters * total / facts.parameters.total if facts.parameters.total else 0, matrices)
    split = (matrices + kv_projections * (copies - 1)) * stage / tensor + embedding / tensor
    return math.ceil((split + replicated * stage) * (1 + WEIGHTS_PADDING))


def kv_cache_bytes(facts: Facts, parallelism: Parallelism, engine: Engine, context: int, concurrency: int) -> int:
    """Key-value cache and recurrent state on the fullest device."""
    if engine.family == "tei":  # an encoder answers in one pass
        return 0
    attention = facts.attention
    quantized = facts.quantization.kv_cache_dtype.lower() if facts.quantization else ""
    width = 0.5 if "8" in quantized else 1.0  # facts count 16 bits a value
    tokens = math.ceil(context / KV_BLOCK_TOKENS) * KV_BLOCK_TOKENS
    window = math.ceil(attention.sliding_window / KV_BLOCK_TOKENS) * KV_BLOCK_TOKENS
    sequences = sequences_at_once(engine, concurrency)
    if engine.family == "llama.cpp":
        window, width = tokens, 1.0
    sliding_tokens = min(tokens, window) if window else tokens
    cache = attention.kv_bytes_per_token * tokens + attention.sliding_kv_bytes_per_token * sliding_tokens
    heads = attention.kv_heads or parallelism.tensor
    shards = 1 if attention.kind == "mla" else min(parallelism.tensor, heads)
    layers = attention.layers
    stage = math.ceil(layers / parallelism.pipeline) / layers if layers else 1 / parallelism.pipeline
    state = attention.state_bytes_per_sequence / parallelism.tensor
    return math.ceil((cache * width / shards + state) * stage * sequences)


def sequences_at_once(engine: Engine, concurrency: int) -> int:
    """Sequences that have a cache: llama.cpp allocates its slots, whatever is asked, and lets others wait."""
    return engine.slots if engine.family == "llama.cpp" else concurrency


def activation_bytes(facts: Facts, device: Device, engine: Engine, context: int) -> int:
    """Working memory of one step."""
    hidden, vocabulary = facts.hidden_size, facts.vocabulary_size
    if engine.family == "llama.cpp":
        batch = min(LLAMA_CPP_BATCH, context) if context else LLAMA_CPP_BATCH
        scores = facts.attention.heads * context * batch * 4
        return batch * (2 * vocabulary + hidden) * 4 + scores
    tokens = BATCH_TOKENS_LARGE if device.memory >= LARGE_DEVICE or device.kind == "cpu" else BATCH_TOKENS_SMALL
    mixture = tokens * facts.experts_per_token * hidden * 2 * 2
    return tokens * hidden * 2 * ACTIVATION_WIDTHS + mixture + LOGIT_ROWS * vocabulary * 4 * 2


def overhead_bytes(device: Device, parallelism: Parallelism, engine: Engine) -> int:
    """What the engine itself takes, whatever the model."""
    is_small = engine.family in ("llama.cpp", "tei")
    if device.kind == "cpu":
        return LLAMA_CPP_OVERHEAD if is_small else CPU_OVERHEAD
    collectives = COLLECTIVES_OVERHEAD if parallelism.tensor * parallelism.pipeline > 1 and not is_small else 0
    return (SMALL_ENGINE_GPU_OVERHEAD if is_small else GPU_OVERHEAD) + collectives

"""What an engine takes on one device beside weights and cache: activations, CUDA graphs, adapters, itself.

Sources of the rules and constants:

- Activations on GPUs: engines profile one batch of prompt tokens at their start. vLLM's API server takes 8192 of them
  on devices of 70 GiB and more, 2048 on smaller ones and on any A100 (`get_batch_defaults` of its engine arguments);
  8192 from 40 GiB on and 4096 below are taken here for all engines. Not counted: 16384 on devices of 160 GiB and more,
  which vLLM is said to take since 0.28. 20 values of hidden size a token (residual, QKV, gated MLP of 3.5 x hidden
  with its two inputs), expert inputs and outputs for mixtures. Llama-3-8B gives 1.25 GiB; vLLM reports 1.26
  (vllm-project/vllm#10511).
- Sampling comes after it, in the same memory: vLLM tries it for the most sequences of a step (1024 on devices of 70
  GiB and more but A100, else 256; an A100 is counted high) and holds logits in two precisions, sorted values, 64-bit
  indices, probabilities and their sums: 26 bytes a value. That is most of what vLLM reports beside weights and cache
  for vocabularies of 150,000 to 200,000 on H100 and H20: 7.4 GiB for gpt-oss-120b (#23278), some 8.1 for
  Qwen3-235B-A22B-FP8 (#21348, with weights as counted here). Others: logits with one copy for 256 sequences.
- CUDA graphs: 0.8 GiB on large devices, 0.6 on others, nothing where they are not captured. vLLM reports 0.21 GiB
  (vllm-project/vllm#11349), 0.29 (#16378) and 1.12 (datawhalechina/self-llm, Phi-4), and estimates 0.09
  (noonghunna/club-3090#434); its log says that they can take 1 to 3 beside.
- Overhead: 1.0 GiB a large device for the CUDA context and kernels' workspaces, 0.6 on others, 1 GiB more for
  collectives when there are several. vLLM reports 1.79 GiB beside PyTorch for one H100 and 3.58 on two in #10511, 0.35
  on an RTX 3090 (#10517), 0.25 on two RTX 4090 (#13061); KAITO counts 2.3 GiB and 5 % of a device's weights,
  activations and graphs included.
- Adapters: each slot has room for two matrices of the rank at every projection of every layer, at 16 bits. vLLM sets
  them aside at the start and divides half of the calculation (`LoRAConfig.fully_sharded_loras`: "By default, only half
  of the LoRA computation is sharded"); they are counted undivided.
- llama.cpp: weights are mapped from the file; where it repacks them for the processor, the mapped pages are not used
  any more and the system takes them back. One compute buffer of 512 tokens (its default micro-batch) x (vocabulary +
  hidden) fp32 values; 105.00 MiB for a 3.9B model is that formula to the byte (mozilla-ai/llamafile#552). Without
  flash attention also heads x context x 512 fp32 scores, though the two are hardly needed together. The Python binding
  holds 512 rows of logits again.
"""

import math

from steps.choice import Parallelism
from steps.facts import Facts
from steps.selection.engines import Engine
from steps.selection.memory import GIB, MIB, Device, stage_share

LARGE_DEVICE = 40 * GIB
MANY_SEQUENCES_DEVICE = 70 * GIB
BATCH_TOKENS_LARGE, BATCH_TOKENS_SMALL = 8192, 4096
SEQUENCES_LARGE, SEQUENCES_SMALL = 1024, 256
ACTIVATION_WIDTHS = 20
SAMPLED_VALUE_BYTES = {"vllm": 26}
LOGIT_BYTES = 8
CONTEXT_LARGE, CONTEXT_SMALL = GIB, int(0.6 * GIB)
GRAPHS_LARGE, GRAPHS_SMALL = int(0.8 * GIB), int(0.6 * GIB)
COLLECTIVES_OVERHEAD = 1 * GIB
SMALL_ENGINE_GPU_OVERHEAD = int(0.7 * GIB)
ADAPTER_WIDTHS = 22
"""Inputs and outputs of a layer's projections, in hidden sizes: 2 for each of query, key, value and output without
grouped heads, 1 + 3.5 for each of gate, up and down of a gated MLP of 3.5 x hidden."""
LLAMA_CPP_BATCH = 512
LLAMA_CPP_OVERHEAD = 256 * MIB
CPU_OVERHEAD = 2 * GIB
_SMALL_ENGINES = ("llama.cpp", "tei")


def batch_tokens_of(device: Device, engine: Engine) -> int:
    """Tokens of one step at most."""
    is_large = device.memory >= LARGE_DEVICE or device.kind == "cpu"
    return engine.batch_tokens or (BATCH_TOKENS_LARGE if is_large else BATCH_TOKENS_SMALL)


def sequences_of(device: Device, engine: Engine) -> int:
    """Sequences of one step at most, as the engine tries them at its start."""
    is_many = engine.family == "vllm" and device.kind == "gpu" and device.memory >= MANY_SEQUENCES_DEVICE
    return engine.sequences or (SEQUENCES_LARGE if is_many else SEQUENCES_SMALL)


def activation_bytes(facts: Facts, device: Device, engine: Engine, context: int) -> int:
    """Working memory of one step: its layers, or the sampling after them, whichever is more."""
    hidden, vocabulary = facts.hidden_size, facts.vocabulary_size
    if engine.family == "llama.cpp":
        batch = min(LLAMA_CPP_BATCH, context) if context else LLAMA_CPP_BATCH
        scores = facts.attention.heads * context * batch * 4
        return batch * (2 * vocabulary + hidden) * 4 + scores
    tokens = batch_tokens_of(device, engine)
    output = tokens * hidden * 2
    mixture = tokens * facts.experts_per_token * hidden * 2 * 2
    sampled = sequences_of(device, engine) * vocabulary * SAMPLED_VALUE_BYTES.get(engine.family, LOGIT_BYTES)
    return max(output * ACTIVATION_WIDTHS + mixture, output + sampled)


def cuda_graph_bytes(device: Device, engine: Engine) -> int:
    """Memory that captured graphs keep."""
    if device.kind == "cpu" or engine.is_eager or engine.family in _SMALL_ENGINES:
        return 0
    return GRAPHS_LARGE if device.memory >= LARGE_DEVICE else GRAPHS_SMALL


def adapter_bytes(facts: Facts, parallelism: Parallelism, engine: Engine) -> int:
    """Memory of the slots for LoRA adapters."""
    values = ADAPTER_WIDTHS * facts.hidden_size * facts.attention.layers * engine.adapter_rank
    return math.ceil(2 * values * engine.adapter_slots * stage_share(facts, parallelism))


def overhead_bytes(device: Device, parallelism: Parallelism, engine: Engine) -> int:
    """What the engine itself takes, whatever the model."""
    is_small = engine.family in _SMALL_ENGINES
    if device.kind == "cpu":
        return LLAMA_CPP_OVERHEAD if is_small else CPU_OVERHEAD
    if is_small:
        return SMALL_ENGINE_GPU_OVERHEAD
    own = CONTEXT_LARGE if device.memory >= LARGE_DEVICE else CONTEXT_SMALL
    return own + (COLLECTIVES_OVERHEAD if parallelism.devices > 1 else 0)

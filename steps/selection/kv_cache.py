"""What sequences take on one device: keys and values of their tokens, latents, and recurrent state. `fit` calls it.

Layers' bytes per token from the facts, times context, times the sequences of one copy, in blocks of 16 tokens (vLLM's
default block size). Divided over tensor parallelism up to the number of KV heads; an MLA latent is not divided at all
(KAITO and vLLM agree), so copies of the attention (data parallelism) hold less each. Sliding layers keep their window,
except in llama.cpp, whose bindings keep the full context. Recurrent state is constant a sequence, and not quantized
with the cache (vllm-project/vllm#55196).

A cache of prefixes needs nothing of its own: vLLM's and SGLang's keep what blocks are free for as long as they are.
"""

import math

from steps.choice import Parallelism
from steps.facts import Facts
from steps.selection.engines import Engine, kv_cache_bits
from steps.selection.memory import stage_share

KV_BLOCK_TOKENS = 16
FACTS_BITS = 16  # what the facts count a value


def kv_cache_bytes(facts: Facts, parallelism: Parallelism, engine: Engine, context: int, concurrency: int) -> int:
    """Key-value cache and recurrent state on the fullest device."""
    if engine.family == "tei":  # an encoder answers in one pass
        return 0
    attention = facts.attention
    tokens = _whole_blocks(context)
    window = tokens if engine.family == "llama.cpp" else _whole_blocks(attention.sliding_window)
    sliding_tokens = min(tokens, window) if window else tokens
    cache = attention.kv_bytes_per_token * tokens + attention.sliding_kv_bytes_per_token * sliding_tokens
    state = attention.state_bytes_per_sequence / _attention_tensor(parallelism, engine)
    per_sequence = cache * cache_width(facts, engine) / kv_shards(facts, parallelism, engine) + state
    sequences = math.ceil(sequences_at_once(engine, concurrency) / (parallelism.data * engine.attention_data))
    return math.ceil(per_sequence * stage_share(facts, parallelism) * sequences)


def chunk_bytes(facts: Facts, parallelism: Parallelism, engine: Engine, context: int, batch_tokens: int) -> int:
    """What sliding layers hold beyond their window while vLLM fills in one step of a prompt.

    Its `SlidingWindowSpec.max_memory_usage_bytes` asks for window + batch tokens, for one sequence.
    """
    attention = facts.attention
    if engine.family != "vllm" or not attention.sliding_window:
        return 0
    beyond = max(min(context - attention.sliding_window, batch_tokens), 0)
    per_token = attention.sliding_kv_bytes_per_token * cache_width(facts, engine)
    return math.ceil(per_token * beyond * stage_share(facts, parallelism) / kv_shards(facts, parallelism, engine))


def cache_width(facts: Facts, engine: Engine) -> float:
    """Size of a cached value against the 16 bits that the facts count: the arguments' type, else the checkpoint's."""
    own = facts.quantization.kv_cache_dtype if facts.quantization and engine.family != "llama.cpp" else ""
    return (engine.kv_cache_bits or kv_cache_bits([own]) or FACTS_BITS) / FACTS_BITS


def kv_shards(facts: Facts, parallelism: Parallelism, engine: Engine) -> int:
    """Among how many devices the cache of one sequence is divided."""
    tensor = _attention_tensor(parallelism, engine)
    return 1 if facts.attention.kind == "mla" else min(tensor, facts.attention.kv_heads or tensor)


def sequences_at_once(engine: Engine, concurrency: int) -> int:
    """Sequences that have a cache: llama.cpp allocates its slots, whatever is asked, and lets others wait."""
    return engine.slots if engine.family == "llama.cpp" else concurrency


def _attention_tensor(parallelism: Parallelism, engine: Engine) -> int:
    return max(parallelism.tensor // engine.attention_data, 1)


def _whole_blocks(tokens: int) -> int:
    return math.ceil(tokens / KV_BLOCK_TOKENS) * KV_BLOCK_TOKENS

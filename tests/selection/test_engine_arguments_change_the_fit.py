"""Arguments beyond the sizes: quantized caches, data and expert parallelism, adapters, graphs, batches."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.choice import Parallelism
from steps.facts import Attention, ParameterCount, Quantization
from steps.selection.engines import Engine, kv_cache_bits, read_engine
from steps.selection.fit import Space, available_bytes, fit_model, model_memory, parallelisms
from steps.selection.kv_cache import chunk_bytes, kv_cache_bytes
from steps.selection.memory import GIB, Device, routed_bytes, weights_bytes
from steps.selection.working_memory import activation_bytes, adapter_bytes, cuda_graph_bytes, overhead_bytes
from tests.selection.objects import LLAMA_8B, LLAMA_70B, safetensors

VLLM = Engine(family="vllm")
SGLANG = Engine(family="sglang")
H100 = Device(memory=int(79.22 * GIB))
L4 = Device(memory=int(22.05 * GIB))
MOE = safetensors(30_000_000_000, 2048, 48, 32, 4, experts=128, experts_per_token=8).model_copy(
    update={"parameters": ParameterCount(total=30_000_000_000, active=3_000_000_000)}
)
MLA = MOE.model_copy(
    update={
        "attention": Attention(
            layers=60, heads=128, kv_heads=128, head_dim=192, kv_bytes_per_token=60 * 576 * 2, kind="mla"
        )
    }
)


def read(*words: str, **container: Any) -> Engine:
    return read_engine({"args": list(words), **container})


# --- arguments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("vllm", "--kv-cache-dtype", "fp8"), {"kv_cache_bits": 8.0}),
        (("vllm", "--kv-cache-dtype=auto"), {"kv_cache_bits": 0.0}),
        (("llama-server", "-ctk", "q8_0", "-ctv", "q4_0"), {"kv_cache_bits": 6.5}),
        (("vllm", "--max-num-batched-tokens", "2048", "--max-num-seqs=8"), {"batch_tokens": 2048, "sequences": 8}),
        (("sglang", "--chunked-prefill-size", "4096", "--max-running-requests", "32"),
         {"batch_tokens": 4096, "sequences": 32}),
        (("vllm", "--enforce-eager"), {"is_eager": True}),
        (("sglang", "--disable-cuda-graph"), {"is_eager": True}),
        (("vllm", "--data-parallel-size", "8", "--enable-expert-parallel"), {"data": 8, "is_expert_parallel": True}),
        (("vllm", "-dp", "2"), {"data": 2, "is_expert_parallel": False}),
        (("sglang", "--tp", "8", "--dp", "8", "--enable-dp-attention", "--ep-size", "8"),
         {"data": 0, "attention_data": 8, "is_expert_parallel": True}),
        (("sglang", "--tp", "8", "--dp", "2"), {"data": 0, "attention_data": 1, "is_expert_parallel": False}),
        (("vllm", "--enable-lora"), {"adapter_slots": 1, "adapter_rank": 16}),
        (("vllm", "--enable-lora", "--max-loras", "4", "--max-lora-rank=64"),
         {"adapter_slots": 4, "adapter_rank": 64}),
        (("sglang", "--lora-paths", "a=b"), {"adapter_slots": 8, "adapter_rank": 16}),
        (("vllm", "--max-loras", "4"), {"adapter_slots": 0, "adapter_rank": 0}),
    ],
)  # fmt: skip
def test_arguments_are_read(words: tuple[str, ...], expected: dict[str, object]) -> None:
    engine = read(*words)
    assert {name: getattr(engine, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("names", "bits"),
    [
        (["fp8_e4m3"], 8.0), (["FP8"], 8.0), (["int8"], 8.0), (["bfloat16"], 16.0), (["nvfp4"], 4.5),
        (["iq4_nl"], 4.5), (["fp4_e2m1"], 4.5), (["auto"], 0.0), ([""], 0.0), ([], 0.0), (["q8_0", "auto"], 0.0),
    ],
)  # fmt: skip
def test_bits_of_a_cache_are_in_its_types_name(names: list[str], bits: float) -> None:
    assert kv_cache_bits(names) == bits


@given(st.lists(st.text(max_size=12), max_size=3))
def test_any_name_of_a_type_gives_bits_or_none(names: list[str]) -> None:
    assert kv_cache_bits(names) >= 0


# --- the cache -----------------------------------------------------------------------------------------------------


def test_the_arguments_type_of_the_cache_wins_over_the_checkpoints() -> None:
    own = LLAMA_8B.model_copy(update={"quantization": Quantization(method="fp8", bits=8, kv_cache_dtype="fp8")})
    full = kv_cache_bytes(LLAMA_8B, Parallelism(), VLLM, 1024, 1)
    assert kv_cache_bytes(own, Parallelism(), VLLM, 1024, 1) == full / 2
    assert kv_cache_bytes(own, Parallelism(), VLLM.model_copy(update={"kv_cache_bits": 16}), 1024, 1) == full
    assert kv_cache_bytes(LLAMA_8B, Parallelism(), VLLM.model_copy(update={"kv_cache_bits": 8}), 1024, 1) == full / 2
    assert kv_cache_bytes(own, Parallelism(), Engine(family="llama.cpp"), 1024, 1) == full


def test_copies_of_the_attention_share_the_sequences() -> None:
    one = kv_cache_bytes(MLA, Parallelism(tensor=8), VLLM, 1024, 16)
    assert kv_cache_bytes(MLA, Parallelism(data=8), VLLM, 1024, 16) == one / 8
    assert kv_cache_bytes(MLA, Parallelism(data=8), VLLM, 1024, 17) == 3 * one / 16
    within = SGLANG.model_copy(update={"attention_data": 8})
    assert kv_cache_bytes(MLA, Parallelism(tensor=8), within, 1024, 16) == one / 8
    # Grouped attention is divided among the devices of one copy only.
    assert kv_cache_bytes(LLAMA_8B, Parallelism(tensor=8), within, 1024, 8) == kv_cache_bytes(
        LLAMA_8B, Parallelism(), SGLANG, 1024, 1
    )


def test_state_is_neither_quantized_nor_shared_beyond_its_copies() -> None:
    attention = LLAMA_8B.attention.model_copy(update={"kv_bytes_per_token": 0, "state_bytes_per_sequence": 1000})
    mamba = LLAMA_8B.model_copy(update={"attention": attention})
    fp8 = VLLM.model_copy(update={"kv_cache_bits": 8})
    assert kv_cache_bytes(mamba, Parallelism(tensor=2), fp8, 1024, 4) == 2000


def test_sliding_layers_hold_a_chunk_beyond_their_window_once() -> None:
    attention = LLAMA_8B.attention.model_copy(
        update={"sliding_window": 1024, "sliding_layers": 24, "sliding_kv_bytes_per_token": 1000}
    )
    sliding = LLAMA_8B.model_copy(update={"attention": attention})
    assert chunk_bytes(sliding, Parallelism(), VLLM, 16384, 2048) == 2048 * 1000
    assert chunk_bytes(sliding, Parallelism(tensor=4), VLLM, 16384, 2048) == 512 * 1000
    assert chunk_bytes(sliding, Parallelism(), VLLM, 1524, 2048) == 500 * 1000
    assert chunk_bytes(sliding, Parallelism(), VLLM, 512, 2048) == 0
    assert chunk_bytes(sliding, Parallelism(), SGLANG, 16384, 2048) == 0
    assert chunk_bytes(LLAMA_8B, Parallelism(), VLLM, 16384, 2048) == 0
    memory = model_memory(sliding, H100, Parallelism(), VLLM, 16384, 3)
    assert memory.kv_cache == kv_cache_bytes(sliding, Parallelism(), VLLM, 16384, 3) + 8192 * 1000


# --- the weights ---------------------------------------------------------------------------------------------------


def test_routed_experts_are_what_a_token_leaves_unused_and_its_share_of_the_rest() -> None:
    assert routed_bytes(LLAMA_8B) == 0
    assert routed_bytes(MOE) == pytest.approx(2 * 27e9 * 128 / 120, rel=1e-6)
    four_bits = MOE.model_copy(update={"quantization": Quantization(method="awq", bits=4)})
    assert routed_bytes(four_bits) == pytest.approx(0.5 * 27e9 * 128 / 120, rel=1e-6)
    assert routed_bytes(MOE.model_copy(update={"bytes_in_memory": 10**9})) <= 10**9


def test_data_parallelism_divides_the_experts_and_nothing_else() -> None:
    one, eight = weights_bytes(MOE, Parallelism()), weights_bytes(MOE, Parallelism(data=8))
    assert one - eight == pytest.approx(1.02 * routed_bytes(MOE) * 7 / 8, rel=1e-6)
    assert weights_bytes(LLAMA_8B, Parallelism(data=8)) == weights_bytes(LLAMA_8B, Parallelism())


def test_whole_experts_divide_unevenly() -> None:
    expert = Engine(family="vllm", is_expert_parallel=True)
    three = Parallelism(tensor=1, data=3)
    uneven, even = weights_bytes(MOE, three, expert), weights_bytes(MOE, three, VLLM)
    assert uneven - even == pytest.approx(1.02 * routed_bytes(MOE) * (43 / 128 - 1 / 3), rel=1e-3)
    four = Parallelism(data=4)
    assert weights_bytes(MOE, four, expert) == weights_bytes(MOE, four, VLLM)


def test_attention_copies_within_a_group_each_hold_the_attention() -> None:
    within = SGLANG.model_copy(update={"attention_data": 8})
    plain, copied = (
        weights_bytes(MOE, Parallelism(tensor=8), SGLANG),
        weights_bytes(MOE, Parallelism(tensor=8), within),
    )
    rest = MOE.bytes_in_memory - routed_bytes(MOE)
    assert 0.5 * rest < copied - plain < rest


def test_mxfp4_experts_are_as_wide_as_their_kernels_want_them() -> None:
    mxfp4 = Quantization(method="mxfp4", bits=4.25)
    narrow = MOE.model_copy(update={"hidden_size": 2880, "quantization": mxfp4})
    plain = narrow.model_copy(update={"quantization": Quantization(method="awq", bits=4.25)})
    grown = weights_bytes(narrow, Parallelism()) - weights_bytes(plain, Parallelism())
    assert grown == pytest.approx(1.02 * routed_bytes(narrow) * (3072 / 2880 - 1), rel=1e-6)
    wide = MOE.model_copy(update={"hidden_size": 3072, "quantization": mxfp4})
    awq = wide.model_copy(update={"quantization": Quantization(method="awq", bits=4.25)})
    assert weights_bytes(wide, Parallelism()) == weights_bytes(awq, Parallelism())


# --- working memory ------------------------------------------------------------------------------------------------


def test_sampling_or_the_layers_whichever_takes_more() -> None:
    few = VLLM.model_copy(update={"sequences": 1})
    layers = activation_bytes(LLAMA_8B, H100, few, 8192)
    assert layers == 8192 * 4096 * 2 * 20
    assert activation_bytes(LLAMA_8B, H100, VLLM, 8192) == 8192 * 4096 * 2 + 1024 * 128256 * 26
    assert activation_bytes(LLAMA_8B, L4, VLLM, 8192) == 4096 * 4096 * 2 + 256 * 128256 * 26
    assert activation_bytes(LLAMA_8B, H100, SGLANG, 8192) == layers
    short = VLLM.model_copy(update={"sequences": 1, "batch_tokens": 1024})
    assert activation_bytes(LLAMA_8B, H100, short, 8192) == 1024 * 4096 * 2 * 20
    mixture = activation_bytes(MOE, H100, few, 8192)
    assert mixture == 8192 * 2048 * 2 * 20 + 8192 * 8 * 2048 * 4


def test_graphs_are_kept_only_where_they_are_captured() -> None:
    assert cuda_graph_bytes(H100, VLLM) == int(0.8 * GIB)
    assert cuda_graph_bytes(L4, VLLM) == int(0.6 * GIB)
    assert cuda_graph_bytes(H100, VLLM.model_copy(update={"is_eager": True})) == 0
    assert cuda_graph_bytes(H100, Engine(family="llama.cpp")) == 0
    assert cuda_graph_bytes(Device(memory=64 * GIB, kind="cpu"), VLLM) == 0


def test_the_engine_takes_more_on_large_devices_and_for_collectives() -> None:
    assert overhead_bytes(H100, Parallelism(), VLLM) == GIB
    assert overhead_bytes(L4, Parallelism(), VLLM) == int(0.6 * GIB)
    for spread in (Parallelism(tensor=2), Parallelism(pipeline=2), Parallelism(data=2)):
        assert overhead_bytes(H100, spread, VLLM) == 2 * GIB
    assert overhead_bytes(H100, Parallelism(pipeline=2), Engine(family="llama.cpp")) == int(0.7 * GIB)
    assert overhead_bytes(Device(memory=64 * GIB, kind="cpu"), Parallelism(), VLLM) == 2 * GIB
    assert overhead_bytes(Device(memory=64 * GIB, kind="cpu"), Parallelism(), Engine(family="llama.cpp")) == GIB // 4


def test_adapter_slots_are_set_aside() -> None:
    assert adapter_bytes(LLAMA_8B, Parallelism(), VLLM) == 0
    slots = VLLM.model_copy(update={"adapter_slots": 4, "adapter_rank": 64})
    assert adapter_bytes(LLAMA_8B, Parallelism(), slots) == 2 * 22 * 4096 * 32 * 64 * 4
    assert adapter_bytes(LLAMA_8B, Parallelism(pipeline=4), slots) == 2 * 22 * 4096 * 32 * 64
    fit = fit_model(LLAMA_8B, H100, engine=slots)
    assert fit.adapters > 0
    assert f"adapters {fit.adapters / GIB:.2f}" in fit.explanation


def test_a_static_share_leaves_the_rest_to_activations() -> None:
    memory = model_memory(LLAMA_70B, H100, Parallelism(tensor=4), SGLANG, 8192, 1)
    moving = memory.activations + memory.cuda_graphs
    assert available_bytes(H100, SGLANG, memory) == int(H100.memory * 0.88) + moving
    full = SGLANG.model_copy(update={"utilisation": 0.99})
    assert available_bytes(H100, full, memory) == H100.memory
    assert available_bytes(H100, VLLM, memory) == int(H100.memory * 0.90)
    cpu = Device(memory=100 * GIB, used=50 * GIB, kind="cpu")
    assert available_bytes(cpu, SGLANG, memory) == int(50 * GIB * 0.90)


# --- the layout ----------------------------------------------------------------------------------------------------


def test_copies_that_the_arguments_fix_are_kept_and_share_the_node() -> None:
    ways = list(parallelisms(MOE, Space(H100, 8), Engine(family="vllm", data=4)))
    assert {way.data for way in ways} == {4}
    assert {way.tensor for way in ways} == {1, 2}
    assert max(way.devices for way in ways) == 8
    assert Parallelism(tensor=2, pipeline=3, data=4).devices == 24

"""Fit: bytes by what takes them, the verdict, the smallest parallelism; public cases give no false "fits"."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.choice import Parallelism
from steps.facts import Attention, Facts, ParameterCount, Quantization
from steps.selection.engines import Engine
from steps.selection.fit import MARGIN, Space, fit_model, parallelisms, place_model
from steps.selection.kv_cache import kv_cache_bytes
from steps.selection.memory import GIB, MIB, Device, weights_bytes
from steps.selection.working_memory import activation_bytes
from tests.selection.objects import LLAMA_8B, LLAMA_70B, SMOLLM2, safetensors

VLLM = Engine(family="vllm", pipeline=1)
LLAMA_CPP = Engine(family="llama.cpp", context=4096)
H100 = Device(memory=int(79.22 * GIB))
ONE = Parallelism()


def tp(size: int, pipeline: int = 1) -> Parallelism:
    return Parallelism(tensor=size, pipeline=pipeline)


# --- against what engines report -----------------------------------------------------------------------------------


def test_llama_3_8b_takes_what_vllm_reports() -> None:
    # vllm-project/vllm#10511, one H100: weights 14.96 GiB, activations 1.26, beside PyTorch 1.79, left for KV 53.29.
    # That vLLM sampled for 256 sequences on every device.
    engine = VLLM.model_copy(update={"sequences": 256})
    fit = fit_model(LLAMA_8B, H100, engine=engine, context=8192)
    assert fit.weights == pytest.approx(14.96 * GIB, rel=0.03)
    assert fit.activations == pytest.approx(1.26 * GIB, rel=0.05)
    assert fit.needed - fit.kv_cache == pytest.approx((71.29 - 53.29) * GIB, rel=0.05)
    assert fit.available == pytest.approx(71.29 * GIB, rel=0.001)


def test_llama_cpp_allocates_what_it_reports() -> None:
    # Reported by llama.cpp for this model: KV buffer 45.00 MiB at 2048 tokens, 180.00 MiB at 8192.
    assert kv_cache_bytes(SMOLLM2, ONE, LLAMA_CPP, 2048, 1) == 45 * MIB
    assert kv_cache_bytes(SMOLLM2, ONE, LLAMA_CPP, 8192, 1) == 180 * MIB
    # Compute buffers of 99.38 and 166.38 MiB were reported; the estimate must not be below.
    node = Device(memory=8 * GIB, kind="cpu")
    assert activation_bytes(SMOLLM2, node, LLAMA_CPP, 2048) > 99.38 * MIB
    assert activation_bytes(SMOLLM2, node, LLAMA_CPP, 8192) > 166.38 * MIB


@pytest.mark.parametrize(
    ("facts", "device_gib", "devices", "context", "source"),
    [
        # Each refused by vLLM at its start: the context has no room in the KV cache, or the weights have none.
        (LLAMA_70B, 79.22, 2, 131072, "vllm#10517: Llama 3.1 70B on two H100"),
        (LLAMA_70B, 79.22, 1, 2048, "weights alone are 131 GiB"),
        (safetensors(7_721_324_544, 4096, 32, 32, 32, vocabulary=151936), 23.65, 1, 32768,
         "QwenLM/Qwen3#295: Qwen1.5-7B-Chat on 24 GB holds 7344 tokens"),
        (safetensors(14_770_033_664, 5120, 48, 40, 8, vocabulary=152064), 23.58, 2, 131072,
         "vllm#13061: DeepSeek-R1-Distill-Qwen-14B on two RTX 4090 holds 81536 tokens"),
        (safetensors(8_030_261_248, 4096, 32, 32, 8), 22.05, 1, 131072, "vllm#7154: Llama 3.1 8B on one L4"),
    ],
)  # fmt: skip
def test_public_failures_are_never_said_to_fit(
    facts: Facts, device_gib: float, devices: int, context: int, source: str
) -> None:
    device = Device(memory=int(device_gib * GIB))
    fit = fit_model(facts, device, parallelism=tp(devices), engine=VLLM, context=context)
    assert fit.verdict == "does-not-fit", source


@pytest.mark.parametrize(
    ("facts", "device_gib", "devices", "context"),
    [
        (LLAMA_8B, 79.22, 1, 8192),
        (LLAMA_8B, 79.22, 2, 8192),
        (LLAMA_70B, 79.22, 4, 32768),
        (LLAMA_70B, 79.22, 8, 131072),
        (safetensors(14_770_033_664, 5120, 48, 40, 8, vocabulary=152064), 23.58, 2, 8192),
    ],
)
def test_public_successes_are_not_refused(facts: Facts, device_gib: float, devices: int, context: int) -> None:
    device = Device(memory=int(device_gib * GIB))
    fit = fit_model(facts, device, parallelism=tp(devices), engine=VLLM, context=context)
    assert fit.verdict in ("fits", "tight")


# --- what takes memory ---------------------------------------------------------------------------------------------


def test_kv_heads_are_replicated_when_there_are_fewer_than_devices() -> None:
    at_8 = kv_cache_bytes(LLAMA_70B, tp(8), VLLM, 1024, 1)
    assert kv_cache_bytes(LLAMA_70B, tp(16), VLLM, 1024, 1) == at_8
    assert kv_cache_bytes(LLAMA_70B, tp(4), VLLM, 1024, 1) == 2 * at_8


def test_weights_of_replicated_kv_heads_are_held_by_each_device() -> None:
    # 2 x 80 layers x 8192 x 8 heads x 128 values of 2 bytes: each of 16 devices holds an eighth, not a sixteenth.
    projections = 2 * 80 * 8192 * 8 * 128 * 2
    grown = 16 * weights_bytes(LLAMA_70B, tp(16)) - 8 * weights_bytes(LLAMA_70B, tp(8))
    assert grown == pytest.approx(1.02 * projections, rel=0.02)


def test_an_mla_latent_is_not_divided() -> None:
    attention = Attention(
        layers=61, heads=128, kv_heads=128, head_dim=192, kv_bytes_per_token=61 * 576 * 2, kind="mla"
    )
    deepseek = LLAMA_70B.model_copy(update={"attention": attention})
    assert kv_cache_bytes(deepseek, tp(8), VLLM, 1024, 1) == kv_cache_bytes(deepseek, ONE, VLLM, 1024, 1)


def test_sliding_layers_keep_their_window_except_in_llama_cpp() -> None:
    attention = Attention(
        layers=48, heads=16, kv_heads=8, head_dim=256, kv_bytes_per_token=65536, sliding_layers=40,
        sliding_kv_bytes_per_token=327680, sliding_window=1024, kind="hybrid",
    )  # fmt: skip
    gemma = LLAMA_8B.model_copy(update={"attention": attention})
    assert kv_cache_bytes(gemma, ONE, VLLM, 16384, 1) == 65536 * 16384 + 327680 * 1024
    assert kv_cache_bytes(gemma, ONE, VLLM, 512, 1) == (65536 + 327680) * 512
    assert kv_cache_bytes(gemma, ONE, LLAMA_CPP, 16384, 1) == (65536 + 327680) * 16384


def test_recurrent_state_counts_once_a_sequence() -> None:
    attention = LLAMA_8B.attention.model_copy(update={"kv_bytes_per_token": 0, "state_bytes_per_sequence": 10 * MIB})
    mamba = LLAMA_8B.model_copy(update={"attention": attention})
    assert kv_cache_bytes(mamba, ONE, VLLM, 100_000, 4) == 40 * MIB


def test_an_fp8_cache_takes_half() -> None:
    quantized = LLAMA_8B.model_copy(update={"quantization": Quantization(method="fp8", bits=8, kv_cache_dtype="fp8")})
    assert 2 * kv_cache_bytes(quantized, ONE, VLLM, 1024, 1) == kv_cache_bytes(LLAMA_8B, ONE, VLLM, 1024, 1)


def test_llama_cpp_allocates_its_slots_whatever_the_concurrency() -> None:
    two = Engine(family="llama.cpp", slots=2)
    assert kv_cache_bytes(SMOLLM2, ONE, two, 4096, 50) == 2 * kv_cache_bytes(SMOLLM2, ONE, LLAMA_CPP, 4096, 1)


def test_an_encoder_has_no_cache() -> None:
    assert kv_cache_bytes(LLAMA_8B, ONE, Engine(family="tei"), 8192, 8) == 0


def test_pipelines_split_by_whole_layers() -> None:
    stage = weights_bytes(LLAMA_70B, tp(8, 3))  # 27 of 80 layers, and the embeddings
    assert 27 / 80 < stage / weights_bytes(LLAMA_70B, tp(8)) < 27 / 80 + 0.05


def test_a_stage_of_a_pipeline_holds_the_cache_of_its_layers() -> None:
    assert 4 * kv_cache_bytes(LLAMA_70B, tp(1, 4), VLLM, 1024, 1) == kv_cache_bytes(LLAMA_70B, ONE, VLLM, 1024, 1)


def test_weights_without_bytes_come_from_the_count() -> None:
    config_only = LLAMA_8B.model_copy(update={"bytes_in_memory": 0, "bytes_on_disk": 0})
    assert weights_bytes(config_only, ONE) == weights_bytes(LLAMA_8B, ONE)
    four_bits = config_only.model_copy(update={"quantization": Quantization(method="awq", bits=4)})
    assert weights_bytes(four_bits, ONE) == pytest.approx(weights_bytes(LLAMA_8B, ONE) / 4, rel=0.01)


# --- the verdict ---------------------------------------------------------------------------------------------------

models = st.builds(
    safetensors,
    st.integers(10**8, 10**12),
    st.sampled_from([576, 2048, 4096, 8192]),
    st.integers(1, 128),
    st.sampled_from([1, 8, 9, 12, 32, 40, 64]),
    st.sampled_from([1, 2, 3, 4, 8]),
)
engines = st.builds(Engine, family=st.sampled_from(["vllm", "sglang", "tgi", "llama.cpp", "tei", "other"]))
devices = st.builds(
    Device,
    memory=st.integers(1, 200).map(lambda n: n * GIB),
    used=st.integers(0, 50).map(lambda n: n * GIB),
    kind=st.sampled_from(["gpu", "cpu"]),
)
contexts = st.integers(1, 10**6)


@given(models, devices, engines, contexts, st.integers(1, 64))
def test_the_verdict_follows_from_the_numbers(
    facts: Facts, device: Device, engine: Engine, context: int, concurrency: int
) -> None:
    fit = fit_model(facts, device, engine=engine, context=context, concurrency=concurrency)
    terms = (fit.weights, fit.kv_cache, fit.activations, fit.cuda_graphs, fit.adapters, fit.overhead)
    assert fit.needed == sum(terms)
    assert min(fit.weights, fit.activations, fit.overhead) > 0
    assert fit.available <= max(device.memory - device.used, 0)
    if fit.needed > fit.available:
        assert fit.verdict == "does-not-fit"
    elif fit.needed > fit.available * (1 - MARGIN):
        assert fit.verdict == "tight"
    else:
        assert fit.verdict == "fits"
    assert f"{fit.needed / GIB:.2f} of {fit.available / GIB:.2f} GiB" in fit.explanation


@given(models, devices, engines, contexts, contexts, st.integers(1, 8), st.integers(1, 8))
def test_more_context_or_concurrency_never_needs_less(
    facts: Facts, device: Device, engine: Engine, a: int, b: int, few: int, more: int
) -> None:
    low = fit_model(facts, device, engine=engine, context=min(a, b), concurrency=min(few, more))
    high = fit_model(facts, device, engine=engine, context=max(a, b), concurrency=max(few, more))
    assert low.needed <= high.needed


@given(models, st.sampled_from([1, 2, 4, 8, 16]))
def test_more_devices_never_need_more_weights_each_and_all_hold_the_model(facts: Facts, size: int) -> None:
    assert weights_bytes(facts, tp(2 * size)) <= weights_bytes(facts, tp(size))
    assert weights_bytes(facts, tp(size)) * size >= facts.bytes_in_memory


@given(models, devices, engines, st.integers(1, 16), st.integers(1, 4), contexts)
def test_the_smallest_parallelism_that_fits_is_proposed(
    facts: Facts, device: Device, engine: Engine, per_node: int, nodes: int, context: int
) -> None:
    space = Space(device, per_node, nodes)
    chosen = place_model(facts, space, engine, context=context)
    for way in parallelisms(facts, space, engine):
        assert facts.attention.heads % way.tensor == 0
        assert way.tensor * way.pipeline <= per_node * nodes
        smaller = way.tensor * way.pipeline < chosen.parallelism.tensor * chosen.parallelism.pipeline
        fit = fit_model(facts, device, parallelism=way, engine=engine, context=context)
        if fit.verdict == "fits":
            assert chosen.fit.verdict == "fits"
            assert not smaller


def test_what_is_unknown_is_said() -> None:
    fit = fit_model(LLAMA_8B, Device(memory=0), engine=VLLM)
    assert fit.verdict == "unknown"
    assert "memory is unknown" in fit.explanation
    nothing = LLAMA_8B.model_copy(
        update={"bytes_in_memory": 0, "bytes_on_disk": 0, "parameters": ParameterCount(total=0, active=0)}
    )
    assert fit_model(nothing, H100, engine=VLLM).verdict == "unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"attention": Attention()},
        {"has_vision": True},
        {"hidden_size": 0},
        {"bytes_in_memory": 0, "parameters": LLAMA_8B.parameters.model_copy(update={"confidence": "estimated"})},
    ],
)
def test_what_is_estimated_is_said_and_widens_the_margin(change: dict[str, Any]) -> None:
    facts = LLAMA_8B.model_copy(update=change)
    fit = fit_model(facts, Device(memory=39 * GIB), engine=VLLM)  # as small as the next one
    assert fit.confidence == "estimated"
    # Enough for the margin of exact facts, too little for that of estimated ones.
    memory = int(fit.needed / 0.9 / (1 - 0.10))
    assert fit_model(facts, Device(memory=memory), engine=VLLM).verdict in ("tight", "does-not-fit")


def test_context_is_the_asked_one_then_the_engines_then_the_models() -> None:
    engine = Engine(family="vllm", context=4096)
    assert fit_model(LLAMA_8B, H100, engine=engine, context=1000).context == 1000
    assert fit_model(LLAMA_8B, H100, engine=engine).context == 4096
    assert fit_model(LLAMA_8B, H100, engine=VLLM).context == 8192


# --- the proposal --------------------------------------------------------------------------------------------------


def test_70b_is_spread_over_four_h100() -> None:
    chosen = place_model(LLAMA_70B, Space(H100, 8), VLLM)
    assert (chosen.parallelism, chosen.fit.verdict) == (tp(4), "fits")


@pytest.mark.parametrize(
    ("heads", "kv_heads", "sizes"),
    [(64, 8, {1, 2, 4, 8, 16}), (28, 4, {1, 2, 4}), (14, 2, {1, 2}), (9, 3, {1}), (16, 1, {1, 2, 4, 8, 16})],
)
def test_tensor_parallelism_divides_the_heads(heads: int, kv_heads: int, sizes: set[int]) -> None:
    facts = safetensors(10**9, 2048, 24, heads, kv_heads)
    assert {way.tensor for way in parallelisms(facts, Space(H100, 16), VLLM)} == sizes


def test_several_nodes_only_when_one_cannot_and_there_are_workers() -> None:
    huge = safetensors(405_853_388_800, 16384, 126, 128, 8)
    spanning = Engine(family="vllm", can_span_nodes=True)
    assert place_model(huge, Space(H100, 8, 4), spanning).parallelism == tp(8, 2)
    assert place_model(huge, Space(H100, 8, 4), VLLM).fit.verdict == "does-not-fit"
    assert place_model(LLAMA_70B, Space(H100, 8, 4), spanning).parallelism == tp(4)


def test_a_size_that_the_arguments_fix_is_kept() -> None:
    assert place_model(LLAMA_8B, Space(H100, 8), Engine(family="vllm", tensor=8)).parallelism == tp(8)
    assert place_model(LLAMA_70B, Space(H100, 8), Engine(family="vllm", tensor=1, pipeline=1)).parallelism == ONE
    assert place_model(LLAMA_8B, Space(H100, 2), Engine(family="vllm", tensor=4, pipeline=1)).parallelism == tp(4)


def test_llama_cpp_gives_each_device_whole_layers() -> None:
    chosen = place_model(LLAMA_70B, Space(H100, 8), Engine(family="llama.cpp", context=4096))
    assert chosen.parallelism.tensor == 1
    assert chosen.parallelism.pipeline in (2, 3)

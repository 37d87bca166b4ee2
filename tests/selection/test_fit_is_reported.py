"""`ome fit`'s numbers: the accelerator that is meant, speed by a roofline, cost, and what would fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.choice import Fit, Parallelism
from steps.errors import InvalidInputError, NotFoundError
from steps.facts import ParameterCount, Quantization
from steps.selection.accelerator_name import find_accelerator
from steps.selection.engines import Engine
from steps.selection.fit import Space, fit_model
from steps.selection.fit_report import capacity, largest, report_fit, what_fits
from steps.selection.memory import GIB, Device, weights_bytes
from steps.selection.speed import estimate_speed, operations_per_second
from tests.selection.objects import LLAMA_8B, LLAMA_70B, accelerator, example_accelerators

VLLM = Engine(family="vllm")
DEVICE = Device(memory=int(79.2 * GIB))
FIGURES = {
    "memoryGB": "80Gi", "memoryBandwidthGBps": "3000", "features": ["fp8"], "performance": {"fp16Tflops": 1000},
}  # fmt: skip
PRICED = accelerator("priced", capabilities=FIGURES, cost={"perHour": "3"})
FREE = accelerator("free", capabilities=FIGURES)
BARE = accelerator("bare", capabilities={"memoryGB": "80Gi"})
ONE = Parallelism()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("h100", "nvidia-h100-80gb"),
        ("H100-PCIe", "nvidia-h100-pcie-80gb"),
        ("nvidia-l4-24gb", "nvidia-l4-24gb"),
        ("a100-80gb", "nvidia-a100-80gb"),
        ("4090", "nvidia-rtx-4090-24gb"),
        ("rtx4090", "nvidia-rtx-4090-24gb"),
        ("h100pcie", "nvidia-h100-pcie-80gb"),
        ("A100 40GB", "nvidia-a100-40gb"),
        ("a100-40gb", "nvidia-a100-40gb"),
        ("a10080gb", "nvidia-a100-80gb"),
        ("l40", "nvidia-l40-48gb"),
        ("mi300x", "amd-mi300x-192gb"),
        ("v5e", "google-tpu-v5e-16gb"),
        ("gaudi3", "intel-gaudi3-128gb"),
        ("cpu", "cpu"),
    ],
)
def test_people_name_accelerators_shortly(name: str, found: str) -> None:
    assert find_accelerator(name, example_accelerators()).name == found


def test_a_name_that_means_several_is_refused_with_all_of_them() -> None:
    with pytest.raises(InvalidInputError, match=r"a100 means several: nvidia-a100-40gb, nvidia-a100-80gb"):
        find_accelerator("a100", example_accelerators())


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(NotFoundError, match="no accelerator class h1000") as refused:
        find_accelerator("h1000", example_accelerators())
    assert "nvidia-h100-80gb" in refused.value.remedy
    with pytest.raises(NotFoundError) as refused:
        find_accelerator("!", example_accelerators())
    assert refused.value.remedy.startswith("`ome get accelerators` lists all")


def test_decoding_is_bound_by_bandwidth_then_by_calculation() -> None:
    one = estimate_speed(LLAMA_8B, PRICED.spec, ONE, VLLM, 16, 1)
    assert one is not None
    read = weights_bytes(LLAMA_8B, ONE) + 16 * 131072
    assert one.decode == pytest.approx(3000e9 * 0.6 / read)
    assert (one.bound, one.decode_each) == ("bandwidth", one.decode)
    assert one.prefill == pytest.approx(1000e12 * 0.4 / (2 * 8_030_261_248))
    many = estimate_speed(LLAMA_8B, PRICED.spec, ONE, VLLM, 16, 4096)
    assert many is not None
    assert many.bound == "calculation"
    assert many.decode == pytest.approx(1000e12 * 0.4 / (2 * 8_030_261_248))
    assert many.decode_each == pytest.approx(many.decode / 4096)


def test_cost_is_the_price_of_all_devices_over_what_they_generate() -> None:
    two = estimate_speed(LLAMA_8B, PRICED.spec, Parallelism(tensor=2), VLLM, 1024, 8)
    assert two is not None
    assert two.dollars_per_million == pytest.approx(6 / 3600 / two.decode * 1e6)
    unpriced = estimate_speed(LLAMA_8B, FREE.spec, ONE, VLLM, 1024, 8)
    assert unpriced is not None
    assert unpriced.dollars_per_million is None


def test_stages_take_their_turns() -> None:
    one = estimate_speed(LLAMA_70B, PRICED.spec, Parallelism(tensor=4), VLLM, 1024, 1)
    piped = estimate_speed(LLAMA_70B, PRICED.spec, Parallelism(tensor=1, pipeline=4), VLLM, 1024, 1)
    assert one is not None
    assert piped is not None
    assert piped.decode < one.decode / 3


def test_a_mixture_reads_the_experts_of_its_sequences() -> None:
    mixture = LLAMA_8B.model_copy(
        update={
            "parameters": ParameterCount(total=8_030_261_248, active=1_000_000_000),
            "experts": 64,
            "experts_per_token": 4,
        }
    )
    one = estimate_speed(mixture, PRICED.spec, ONE, VLLM, 16, 1)
    many = estimate_speed(mixture, PRICED.spec, ONE, VLLM, 16, 64)
    dense = estimate_speed(LLAMA_8B, PRICED.spec, ONE, VLLM, 16, 1)
    assert one is not None
    assert many is not None
    assert dense is not None
    assert 5 * dense.decode < one.decode < 12 * dense.decode
    assert one.decode < many.decode < 64 * one.decode


def test_eight_bits_are_calculated_where_the_device_can() -> None:
    fp8 = LLAMA_8B.model_copy(update={"quantization": Quantization(method="fp8", bits=8)})
    awq = LLAMA_8B.model_copy(update={"quantization": Quantization(method="awq", bits=4)})
    old = accelerator("old", capabilities={**FIGURES, "features": []})
    told = accelerator("told", capabilities={**FIGURES, "performance": {"fp16Tflops": 1000, "int8Tops": 1900}})
    assert operations_per_second(fp8, PRICED.spec) == 2000e12
    loud = accelerator("loud", capabilities={**FIGURES, "features": ["FP8"]})
    assert operations_per_second(fp8, loud.spec) == 2000e12
    assert operations_per_second(fp8, told.spec) == 1900e12
    assert operations_per_second(fp8, old.spec) == 1000e12
    assert operations_per_second(awq, PRICED.spec) == 1000e12
    only = accelerator("only", capabilities={**FIGURES, "performance": {"fp32Tflops": 10}})
    assert operations_per_second(LLAMA_8B, only.spec) == 10e12


def test_without_figures_there_is_no_speed() -> None:
    assert estimate_speed(LLAMA_8B, BARE.spec, ONE, VLLM, 1024, 1) is None
    nothing = LLAMA_8B.model_copy(update={"parameters": ParameterCount(total=0, active=0)})
    assert estimate_speed(nothing, PRICED.spec, ONE, VLLM, 1024, 1) is None


def test_a_report_has_the_margin_and_the_most_that_fits() -> None:
    report = report_fit(LLAMA_8B, PRICED, Space(DEVICE, 8), VLLM, context=8192, concurrency=4, price="a cloud, today")
    assert report.fit.verdict == "fits"
    assert report.margin == report.fit.available - report.fit.needed
    assert (report.parallelism, report.dollars_per_hour, report.price) == (ONE, 3.0, "a cloud, today")
    assert report.largest_context == 8192  # no more than the model's own
    most = report.largest_concurrency
    assert fit_model(LLAMA_8B, DEVICE, engine=VLLM, context=8192, concurrency=most).verdict == "fits"
    assert fit_model(LLAMA_8B, DEVICE, engine=VLLM, context=8192, concurrency=most + 1).verdict != "fits"


def test_a_report_without_price_or_memory_says_so() -> None:
    report = report_fit(LLAMA_8B, FREE, Space(Device(memory=0)), VLLM, price="nobody's")
    assert report.fit.verdict == "unknown"
    assert (report.largest_context, report.largest_concurrency) == (0, 0)
    assert (report.dollars_per_hour, report.price) == (None, "")


def test_what_fits_is_listed_by_price_and_what_does_not_is_left_out() -> None:
    small = accelerator("small", capabilities={**FIGURES, "memoryGB": "1Gi"}, cost={"perHour": "1"})
    cheap = accelerator("cheap", capabilities=FIGURES, cost={"perHour": "2"})
    devices = {"priced": DEVICE, "free": DEVICE, "cheap": DEVICE, "small": Device(memory=GIB)}
    classes = (FREE, PRICED, small, cheap, BARE)
    reports = what_fits(LLAMA_70B, devices, classes, VLLM, context=8192, prices={"cheap": "a cloud"})
    assert [report.accelerator for report in reports] == ["cheap", "priced", "free"]
    assert [report.dollars_per_hour for report in reports] == [8.0, 12.0, None]
    assert (reports[0].price, reports[0].parallelism.devices) == ("a cloud", 4)


def test_capacity_trades_context_for_sequences() -> None:
    held = capacity(LLAMA_8B, DEVICE, ONE, VLLM)
    assert [tokens for tokens, _ in held] == [2048, 4096, 8192]
    counts = [many for _, many in held]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] >= 2 * counts[1] >= 4 * counts[2] > 0
    assert capacity(LLAMA_70B, DEVICE, ONE, VLLM) == ()


@given(st.integers(0, 500), st.integers(1, 400))
def test_the_largest_that_fits_is_found(threshold: int, most: int) -> None:
    def verdict(number: int) -> Fit:
        return Fit(verdict="fits" if number <= threshold else "tight")

    assert largest(most, verdict) == min(threshold, most)

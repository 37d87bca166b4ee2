"""What there is of an accelerator class: nodes by selector and affinity, devices, and the memory of one device."""

from typing import Any

import pytest

from crds.accelerator_selector import AcceleratorConstraints
from steps.selection.accelerators import refuse_class, survey
from steps.selection.nodes import Node, Resources
from tests.selection.objects import CPU_NODE, GIB, H100_NODE, accelerator, gpu_node

H100 = accelerator(
    "h100",
    vendor="nvidia",
    family="hopper",
    discovery={"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}},
    capabilities={
        "memoryGB": "80Gi",
        "computeCapability": "9.0",
        "features": ["FP8"],
        "performance": {"fp32Tflops": 67, "fp16Tflops": 989, "int8Tops": 1979},
    },
)
CPU = accelerator("cpu", family="cpu")


def with_labels(node: Node, **changes: Any) -> Node:
    return node.model_copy(update=changes)


def test_devices_are_the_nodes_gpus_and_never_its_memory() -> None:
    supply = survey(H100, [H100_NODE, CPU_NODE])
    assert (supply.per_node, supply.nodes, supply.total, supply.free) == (8, 1, 8, 8)
    assert supply.device.memory == 81559 * 1024**2
    assert supply.nominal_memory == 80 * GIB


def test_memory_is_the_least_of_class_and_labels() -> None:
    small = gpu_node(mib=40000, name="small")
    assert survey(H100, [H100_NODE, small]).device.memory == 40000 * 1024**2
    unlabelled = with_labels(H100_NODE, labels={"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"})
    assert survey(H100, [unlabelled]).device.memory == 80 * GIB


def test_memory_of_an_amd_device_is_its_labellers() -> None:
    mi300x = accelerator("x", vendor="amd", discovery={"nodeSelector": {"a": "b"}})
    labels = {"a": "b", "amd.com/gpu.vram": "192G"}
    node = Node(name="n", labels=labels, allocatable=Resources(devices={"amd.com/gpu": 8}))
    assert survey(mi300x, [node]).device.memory == 192 * GIB


def test_memory_of_an_unlabelled_node_without_a_figure_is_unknown_and_not_the_nodes() -> None:
    bare = accelerator("x", vendor="nvidia", discovery={"nodeSelector": {"a": "b"}})
    node = with_labels(H100_NODE, labels={"a": "b"})
    assert survey(bare, [node]).device.memory == 0


def test_memory_of_the_cpu_family_is_that_of_the_node_with_the_most_free() -> None:
    busy = CPU_NODE.model_copy(
        update={"allocatable": Resources(memory=64 * GIB), "requested": Resources(memory=62 * GIB)}
    )
    supply = survey(CPU, [busy, CPU_NODE])
    assert (supply.device.memory, supply.device.used, supply.device.kind) == (8 * GIB, 1 * GIB, "cpu")
    assert supply.per_node == 1


@pytest.mark.parametrize("state", [{"is_ready": False}, {"is_schedulable": False}])
def test_nodes_that_take_no_pods_do_not_count(state: dict[str, bool]) -> None:
    supply = survey(H100, [with_labels(H100_NODE, **state)])
    assert supply.total == 0
    assert supply.reason == "1 nodes have it, none of them ready"


def test_the_reason_tells_no_node_from_no_device() -> None:
    assert survey(H100, [CPU_NODE]).reason == "no node has it"
    without_plugin = with_labels(H100_NODE, allocatable=Resources(memory=GIB))
    assert "nvidia.com/gpu" in survey(H100, [without_plugin]).reason


def test_requested_devices_are_not_free() -> None:
    busy = with_labels(H100_NODE, requested=Resources(devices={"nvidia.com/gpu": 6}))
    assert survey(H100, [busy]).free == 2
    assert survey(H100, [busy, gpu_node(count=4, name="four")]).free == 4


def test_resource_name_of_the_class_counts() -> None:
    amd = accelerator("mi300", vendor="amd", discovery={"nodeSelector": {"amd": "yes"}})
    node = Node(name="n", labels={"amd": "yes"}, allocatable=Resources(devices={"amd.com/gpu": 4}))
    assert survey(amd, [node]).total == 4
    own = accelerator("own", discovery={"nodeSelector": {"amd": "yes"}}, resources=[{"name": "example.org/npu"}])
    assert survey(own, [node]).total == 0


@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        ({"minMemory": 80}, ""),
        ({"minMemory": 81}, "at least 81 GiB"),
        ({"maxMemory": 80}, ""),
        ({"maxMemory": 79}, "at most 79 GiB"),
        ({"minArchitectureVersion": "9.0"}, ""),
        ({"minArchitectureVersion": "10.0"}, "at least 10.0"),
        ({"requiredFeatures": ["fp8"]}, ""),
        ({"requiredFeatures": ["fp8", "fp4"]}, "fp4"),
        ({"excludedClasses": ["h100"]}, "excluded"),
        ({"architectureFamilies": ["Hopper"]}, ""),
        ({"architectureFamilies": ["nvidia-hopper"]}, ""),
        ({"architectureFamilies": ["ampere"]}, "hopper"),
        ({"minComputePerformanceTFLOPS": 1000}, ""),
        ({"minComputePerformanceTFLOPS": 1000, "preferredPrecisions": ["fp16"]}, "989"),
        ({"minComputePerformanceTFLOPS": 1000, "preferredPrecisions": ["fp4", "bf16"]}, "989"),
        ({"minComputePerformanceTFLOPS": 900, "preferredPrecisions": ["bf16"]}, ""),
    ],
)
def test_constraints(constraints: dict[str, Any], words: str) -> None:
    refusal = refuse_class(survey(H100, [H100_NODE]), AcceleratorConstraints.from_dict(constraints))
    assert bool(refusal) == bool(words)
    assert words in refusal


def test_capabilities_compare_as_numbers() -> None:
    b200 = accelerator("b200", capabilities={"computeCapability": "10.0"})
    assert refuse_class(survey(b200, []), AcceleratorConstraints(min_architecture_version="9.0")) == ""

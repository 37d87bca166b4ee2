"""The accelerator classes of examples/: every vendor, found by its nodes' labels, with figures that can be true."""

import datetime
from typing import Any

import pytest
import yaml

from crds.accelerator_selector import AcceleratorConstraints
from crds.quantity import Quantity
from steps.selection.accelerators import refuse_class, survey
from steps.selection.memory import GIB
from steps.selection.nodes import Node, Resources
from steps.selection.request import Accelerator
from tests.selection.objects import EXAMPLES, example_accelerators

CLASSES = [accelerator for accelerator in example_accelerators() if accelerator.name != "cpu"]
RESOURCES = {
    "nvidia": {"nvidia.com/gpu"},
    "amd": {"amd.com/gpu"},
    "intel": {"gpu.intel.com/i915", "gpu.intel.com/xe", "habana.ai/gaudi"},
    "google": {"google.com/tpu"},
}
each = pytest.mark.parametrize("accelerator", CLASSES, ids=lambda accelerator: accelerator.name)


def labels_of(accelerator: Accelerator) -> dict[str, str]:
    """Labels that a node of the class has: its selector's, or the first values of its affinity's first term."""
    discovery = accelerator.spec.discovery
    if discovery.node_selector:
        return dict(discovery.node_selector)
    affinity: Any = discovery.affinity or {}
    terms = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return {wanted["key"]: wanted["values"][0] for wanted in terms[0]["matchExpressions"]}


def node_of(accelerator: Accelerator) -> Node:
    """A node with eight devices of the class."""
    devices = {accelerator.spec.resources[0].name: 8}
    return Node(name="n", labels=labels_of(accelerator), allocatable=Resources(cpu=64, memory=GIB, devices=devices))


def document_of(accelerator: Accelerator) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((EXAMPLES / "accelerators" / f"{accelerator.name}.yaml").read_text())
    return loaded


def test_every_vendor_is_there() -> None:
    vendors = [accelerator.spec.vendor for accelerator in CLASSES]
    assert set(vendors) == set(RESOURCES)
    assert len(CLASSES) >= 40


@each
def test_figures_can_be_true(accelerator: Accelerator) -> None:
    capabilities, performance = accelerator.spec.capabilities, accelerator.spec.capabilities.performance
    assert performance is not None
    assert 12 * GIB <= capabilities.memory_bytes <= 300 * GIB
    assert capabilities.memory_bandwidth_gbps is not None
    assert 300 <= float(capabilities.memory_bandwidth_gbps) <= 10_000
    assert performance.fp16_tflops is not None
    assert 60 <= performance.fp16_tflops <= 3000
    assert (performance.fp32_tflops or 0) <= performance.fp16_tflops
    if performance.int8_tops:
        assert performance.fp16_tflops <= performance.int8_tops <= 4.1 * performance.fp16_tflops
    # Whatever does matrices in 16 bits does more than 20 operations for each byte that it reads.
    assert performance.fp16_tflops * 1000 / float(capabilities.memory_bandwidth_gbps) > 20
    assert "bf16" in capabilities.features or accelerator.spec.family in ("turing", "volta")


@each
def test_names_say_vendor_model_and_memory(accelerator: Accelerator) -> None:
    spec = accelerator.spec
    assert accelerator.name.startswith(f"{spec.vendor}-")
    assert spec.model.replace("-pcie", "").replace("-nvl", "") in accelerator.name
    stated = accelerator.name.rpartition("-")[2].removesuffix("gb")
    if stated.isdigit():
        assert int(stated) * 0.92 <= spec.capabilities.memory_bytes / GIB <= int(stated)


@each
def test_nodes_are_found_by_their_labels_and_by_no_others(accelerator: Accelerator) -> None:
    node = node_of(accelerator)
    assert accelerator.spec.resources[0].name in RESOURCES[accelerator.spec.vendor]
    found = [other.name for other in CLASSES if survey(other, [node]).total == 8]
    assert found == [accelerator.name]


@each
def test_a_device_reports_less_than_its_name_says_but_not_much(accelerator: Accelerator) -> None:
    reported = document_of(accelerator)["metadata"].get("annotations", {}).get("ome.io/reported-memory")
    if accelerator.spec.vendor == "nvidia":
        assert reported
        assert 0.93 <= int(Quantity(reported)) / accelerator.spec.capabilities.memory_bytes <= 1.03


@each
def test_a_price_has_its_cloud_its_date_and_its_source(accelerator: Accelerator) -> None:
    cost = accelerator.spec.cost
    assert cost is not None
    assert cost.tier in ("low", "medium", "high")
    annotations = document_of(accelerator)["metadata"].get("annotations", {})
    told = {name: annotations.get(f"ome.io/price-{name}") for name in ("of", "date", "source")}
    if cost.per_hour is None:
        assert not any(told.values())
    else:
        assert 0.2 <= float(cost.per_hour) <= 20
        assert all(told.values())
        assert datetime.date.fromisoformat(told["date"]) >= datetime.date(2026, 1, 1)


def test_capability_compares_as_a_version() -> None:
    asked = AcceleratorConstraints(min_architecture_version="9.0")
    accepted = {a.name for a in CLASSES if not refuse_class(survey(a, [node_of(a)]), asked)}
    assert {"nvidia-b200", "nvidia-b300-288gb", "nvidia-rtx-5090-32gb", "nvidia-h20-96gb"} <= accepted
    assert not accepted & {"nvidia-l40s-48gb", "nvidia-t4-16gb", "amd-mi300x-192gb", "google-tpu-v5e-16gb"}

"""AcceleratorClass: one kind of accelerator, how its nodes are found, what it can do and what it costs."""

from typing import ClassVar, Literal

from pydantic import Field

from crds.base import ApiType, Count, Flag, Int32, Int64
from crds.kubernetes import Affinity
from crds.problems import Problem
from crds.quantity import Quantity
from crds.resource import Resource
from crds.status import Status

_MIB = 2**20


class AcceleratorDiscovery(ApiType):
    """How nodes with this accelerator are found.

    Attributes:
        device_ids: PCI device ids.
    """

    node_selector: dict[str, str] = {}
    affinity: Affinity | None = None
    pci_vendor_id: str = Field(default="", alias="pciVendorID")
    device_ids: tuple[str, ...] = Field(default=(), alias="deviceIDs")


class AcceleratorLatency(ApiType):
    """Latency of one device, in milliseconds."""

    average_millis: Int64 | None = None
    maximum_millis: Int64 | None = None


class AcceleratorPerformance(ApiType):
    """Peak rates of one device: 10^12 operations a second."""

    fp32_tflops: Int64 | None = Field(default=None, alias="fp32Tflops")
    fp16_tflops: Int64 | None = Field(default=None, alias="fp16Tflops")
    int8_tops: Int64 | None = Field(default=None, alias="int8Tops")
    int4_tops: Int64 | None = Field(default=None, alias="int4Tops")
    latency: AcceleratorLatency | None = None


class AcceleratorCapabilities(ApiType):
    """What one device can do.

    Attributes:
        memory_gb: Memory of one device. OME's name misleads: it is a quantity of bytes, such as `80Gi`.
        compute_capability: As a version: "9.0".
        memory_bandwidth_gbps: GB/s, as OME's name says.
        features: Words such as `fp8`, `nvlink`, `mig`.
    """

    memory_gb: Quantity | None = Field(default=None, alias="memoryGB")
    compute_capability: str = ""
    level_zero_version: str = ""
    clock_speed_mhz: Int32 | None = Field(default=None, alias="clockSpeedMHz")
    memory_bandwidth_gbps: Quantity | None = Field(default=None, alias="memoryBandwidthGBps")
    features: tuple[str, ...] = ()
    performance: AcceleratorPerformance | None = None

    @property
    def memory_bytes(self) -> int:
        """Bytes of one device; 0 when not given."""
        return int(self.memory_gb) if self.memory_gb is not None else 0

    def notices(self) -> tuple[Problem, ...]:
        """A bare `80` is 80 bytes."""
        if 0 < self.memory_bytes < _MIB:
            message = f"{self.memory_gb} is {self.memory_bytes} bytes; did you mean {self.memory_gb}Gi?"
            return (Problem("memoryGB", message, kind="notice"),)
        return ()


class AcceleratorResource(ApiType):
    """What a pod requests to get one device: `nvidia.com/gpu`."""

    name: str
    quantity: Quantity = Quantity("1")
    divisible: Flag = False


class AcceleratorIntegration(ApiType):
    """Names of the same accelerator in other systems."""

    kueue_resource_flavor: str = ""
    volcano_gpu_type: str = Field(default="", alias="volcanoGPUType")


class AcceleratorCost(ApiType):
    """What it costs, in dollars.

    Attributes:
        tier: low, medium or high, where no price is known.
    """

    per_hour: Quantity | None = None
    per_million_tokens: Quantity | None = None
    spot_per_hour: Quantity | None = None
    tier: str = ""


class AcceleratorClassSpec(ApiType):
    """One kind of accelerator."""

    vendor: str = ""
    family: str = ""
    model: str = ""
    discovery: AcceleratorDiscovery
    capabilities: AcceleratorCapabilities
    resources: tuple[AcceleratorResource, ...] = ()
    integration: AcceleratorIntegration | None = None
    cost: AcceleratorCost | None = None


class AcceleratorClassStatus(Status):
    """Where it was found.

    Attributes:
        nodes: Names of the nodes that have it.
        available_nodes: How many of them are ready.
        total_accelerators: Devices in the cluster.
        available_accelerators: Devices that no pod of a service has requested; other workloads are not seen.
        last_updated: RFC 3339.
    """

    nodes: tuple[str, ...] = ()
    total_accelerators: Count | None = None
    available_accelerators: Count | None = None
    last_updated: str = ""
    available_nodes: Count | None = None


class AcceleratorClass(Resource):
    """A kind of accelerator in the cluster."""

    IS_NAMESPACED: ClassVar[bool] = False

    kind: Literal["AcceleratorClass"] = "AcceleratorClass"
    spec: AcceleratorClassSpec
    status: AcceleratorClassStatus = AcceleratorClassStatus()

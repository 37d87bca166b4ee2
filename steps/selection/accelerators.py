"""What there is of each AcceleratorClass: the nodes that have it, their devices, and the memory of one.

Devices come from a node's allocatable resources, their memory from the class or from the nodes' GPU labels; a node's
own memory counts only for the `cpu` family, whose device is the whole node. `candidates` calls `survey`, then asks
`refuse_class` for what a runtime and a service require.
"""

from collections.abc import Sequence

from crds.accelerator_class import AcceleratorClassSpec
from crds.accelerator_selector import AcceleratorConstraints
from steps.frozen import Frozen
from steps.selection.affinity import matches_affinity, matches_selector
from steps.selection.fit import Space
from steps.selection.memory import GIB, MIB, Device
from steps.selection.nodes import Node
from steps.selection.request import Accelerator
from steps.selection.version_match import compare_numbers

CPU_FAMILY = "cpu"
GPU_MEMORY_LABELS = {"nvidia.com/gpu.memory": MIB, "amd.com/gpu.vram": GIB}
"""Labels of NVIDIA's feature discovery and AMD's node labeller (`192G`), and what one of their numbers means."""
_RESOURCES = {
    "nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu", "intel": "gpu.intel.com/i915", "google": "google.com/tpu",
}  # fmt: skip
_PRECISIONS = ("fp32", "fp16", "int8", "int4")
_SAME_PRECISION = {"bf16": "fp16", "bfloat16": "fp16", "float16": "fp16", "float32": "fp32", "fp8": "int8"}


class Supply(Frozen):
    """What there is of one class.

    Attributes:
        accelerator: The class.
        device: One device: the smallest of them; for the cpu family the node with the most free memory.
        per_node: Devices on the best equipped nodes.
        nodes: How many nodes have as many.
        free: Most devices that are free on one node.
        total: Devices in all.
        reason: Why there is none, in a clause; "" when there are some.
    """

    accelerator: Accelerator
    device: Device = Device(memory=0)
    per_node: int = 0
    nodes: int = 0
    free: int = 0
    total: int = 0
    reason: str = ""

    @property
    def name(self) -> str:
        """The class's name."""
        return self.accelerator.name

    @property
    def is_cpu(self) -> bool:
        """Whether the device is a whole node."""
        return is_cpu(self.accelerator.spec)

    @property
    def space(self) -> Space:
        """What a model can be placed on."""
        return Space(self.device, max(self.per_node, 1), max(self.nodes, 1))

    @property
    def nominal_memory(self) -> int:
        """Bytes of one device as the class states them, else as found; constraints are written in these."""
        return (0 if self.is_cpu else self.accelerator.spec.capabilities.memory_bytes) or self.device.memory


def is_cpu(spec: AcceleratorClassSpec) -> bool:
    """Whether a class means nodes without an accelerator."""
    return spec.family.casefold() == CPU_FAMILY


def survey(accelerator: Accelerator, nodes: Sequence[Node]) -> Supply:
    """Count the devices of a class on the nodes that can take pods."""
    spec = accelerator.spec
    matching = [node for node in nodes if _matches(spec, node)]
    usable = [node for node in matching if node.is_usable]
    if not usable:
        why = f"{len(matching)} nodes have it, none of them ready" if matching else "no node has it"
        repelling = sorted({taint.key for node in matching if node.is_ready for taint in node.taints})
        if repelling:
            why += f" for pods that do not tolerate their taints ({', '.join(repelling)})"
        return Supply(accelerator=accelerator, reason=why)
    if is_cpu(spec):
        free = sorted(
            ((n.allocatable.memory - n.requested.memory, n.allocatable.memory) for n in usable), reverse=True
        )
        memory = free[0][1]
        device = Device(memory=memory, used=memory - free[0][0], kind="cpu")
        count = len(usable)
        return Supply(accelerator=accelerator, device=device, per_node=1, nodes=count, free=1, total=count)
    counts = [(_devices(spec, n), _devices(spec, n) - _requested(spec, n), n) for n in usable]
    equipped = [(count, free, node) for count, free, node in counts if count > 0]
    if not equipped:
        why = f"{len(usable)} nodes match but offer no {_resource_name(spec)}"
        return Supply(accelerator=accelerator, reason=why)
    per_node = max(count for count, _, _ in equipped)
    return Supply(
        accelerator=accelerator,
        device=Device(memory=_device_memory(spec, [node for _, _, node in equipped])),
        per_node=per_node,
        nodes=sum(1 for count, _, _ in equipped if count == per_node),
        free=max(max(free, 0) for _, free, _ in equipped),
        total=sum(count for count, _, _ in equipped),
    )


def refuse_class(supply: Supply, constraints: AcceleratorConstraints) -> str:
    """Why a class does not have what is required, in a clause with the value and the bound; "" when it has."""
    spec, memory = supply.accelerator.spec, supply.nominal_memory
    capabilities = spec.capabilities
    if supply.name in constraints.excluded_classes:
        return "it is excluded by the constraints"
    families = [family.casefold() for family in constraints.architecture_families]
    own = (spec.family.casefold(), f"{spec.vendor}-{spec.family}".casefold())
    if families and not any(name in families for name in own):
        return f"its family is {spec.family or '(none)'}; accepted: {', '.join(constraints.architecture_families)}"
    least, most = constraints.min_memory, constraints.max_memory
    if least is not None and memory < least * GIB:
        return f"one device has {_gib(memory)}; at least {least} GiB are required"
    if most is not None and (memory == 0 or memory > most * GIB):
        return f"one device has {_gib(memory)}; at most {most} GiB are allowed"
    version, asked = capabilities.compute_capability, constraints.min_architecture_version
    if asked and compare_numbers(version, asked) < 0:
        return f"its compute capability is {version or '(none)'}; at least {asked} is required"
    features = {feature.casefold() for feature in capabilities.features}
    missing = [feature for feature in constraints.required_features if feature.casefold() not in features]
    if missing:
        return f"it lacks the feature {', '.join(missing)}"
    tflops = constraints.min_compute_performance_tflops
    if tflops:
        rate = peak_rate(spec, constraints.preferred_precisions)
        if rate < tflops:
            return f"its peak rate is {rate or '(unknown)'} TFLOPS; at least {tflops} are required"
    return ""


def peak_rate(spec: AcceleratorClassSpec, preferred: Sequence[str] = ()) -> int:
    """10^12 operations a second of the first preferred precision that has a figure, else of the fastest; 0 if none."""
    performance = spec.capabilities.performance
    if performance is None:
        return 0
    rates = {
        "fp32": performance.fp32_tflops or 0,
        "fp16": performance.fp16_tflops or 0,
        "int8": performance.int8_tops or 0,
        "int4": performance.int4_tops or 0,
    }
    for word in preferred:
        name = word.casefold()
        rate = rates.get(_SAME_PRECISION.get(name, name), 0)
        if rate:
            return rate
    return max(rates[name] for name in _PRECISIONS)


def _matches(spec: AcceleratorClassSpec, node: Node) -> bool:
    discovery = spec.discovery
    return matches_selector(discovery.node_selector, node.labels) and matches_affinity(
        discovery.affinity or {}, node.name, node.labels
    )


def _resource_name(spec: AcceleratorClassSpec) -> str:
    return spec.resources[0].name if spec.resources else _RESOURCES.get(spec.vendor.casefold(), "nvidia.com/gpu")


def _devices(spec: AcceleratorClassSpec, node: Node) -> int:
    return node.allocatable.devices.get(_resource_name(spec), 0)


def _requested(spec: AcceleratorClassSpec, node: Node) -> int:
    return node.requested.devices.get(_resource_name(spec), 0)


def _device_memory(spec: AcceleratorClassSpec, nodes: Sequence[Node]) -> int:
    """The least of what the class says and what the nodes' labels report, so that what fits here fits everywhere."""
    labels = [
        (node.labels.get(name, "").removesuffix("G"), unit)
        for node in nodes
        for name, unit in GPU_MEMORY_LABELS.items()
    ]
    found = [int(label) * unit for label, unit in labels if label.isdigit() and int(label) > 0]
    stated = spec.capabilities.memory_bytes
    return min([*found, *([stated] if stated else [])], default=0)


def _gib(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count else "an unknown amount of memory"

"""Models, nodes and runtimes that the selection tests share, with the numbers of the real ones."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

import examples
from crds.accelerator_class import AcceleratorClass
from crds.serving_runtime import ClusterServingRuntime, ServingRuntime
from steps.facts import Attention, Facts, ParameterCount, Quantization
from steps.selection.nodes import Node, Resources
from steps.selection.request import Accelerator, ModelReference, Runtime

EXAMPLES = Path(str(examples.__file__)).parent
MODEL = ModelReference(name="a-model", namespace="default")
GIB = 1024**3

SMOLLM2 = Facts(
    model_type="llama",
    architecture="LlamaForCausalLM",
    parameters=ParameterCount(total=134_515_008, active=134_515_008, embedding=28_311_552),
    parameter_size="134.52M",
    format="gguf",
    format_version="3",
    quantization=Quantization(method="q4_k_m", bits=4.9),
    bytes_on_disk=105_454_432,
    bytes_in_memory=103_668_480,
    context_length=8192,
    hidden_size=576,
    vocabulary_size=49152,
    attention=Attention(layers=30, heads=9, kv_heads=3, head_dim=64, kv_bytes_per_token=23040, kind="gqa"),
    capabilities=("TEXT_TO_TEXT",),
    has_chat_template=True,
)
"""SmolLM2-135M-Instruct as the quickstart imports it."""


def safetensors(
    parameters: int,
    hidden: int,
    layers: int,
    heads: int,
    kv_heads: int,
    *,
    head_dim: int = 128,
    vocabulary: int = 128256,
    context: int = 131072,
    bytes_per_parameter: float = 2.0,
    **changes: Any,
) -> Facts:
    """Facts of a dense Llama-like model in safetensors."""
    facts = Facts(
        model_type="llama",
        architecture="LlamaForCausalLM",
        parameters=ParameterCount(total=parameters, active=parameters, embedding=2 * vocabulary * hidden),
        parameter_size=f"{parameters / 1e9:.2f}B",
        format="safetensors",
        format_version="1.0.0",
        framework="transformers",
        framework_version="4.43.0",
        dtype="bfloat16",
        bytes_on_disk=int(parameters * bytes_per_parameter),
        bytes_in_memory=int(parameters * bytes_per_parameter),
        context_length=context,
        hidden_size=hidden,
        vocabulary_size=vocabulary,
        attention=Attention(
            layers=layers,
            heads=heads,
            kv_heads=kv_heads,
            head_dim=head_dim,
            kv_bytes_per_token=4 * layers * kv_heads * head_dim,
            kind="gqa" if kv_heads < heads else "mha",
        ),
        capabilities=("TEXT_TO_TEXT",),
    )
    return facts.model_copy(update=changes)


LLAMA_8B = safetensors(8_030_261_248, 4096, 32, 32, 8, context=8192)
LLAMA_70B = safetensors(70_553_706_496, 8192, 80, 64, 8)

CPU_NODE = Node(
    name="laptop",
    labels={"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": "laptop"},
    allocatable=Resources(cpu=2, memory=8 * GIB),
    requested=Resources(memory=1 * GIB),
)


def gpu_node(product: str = "NVIDIA-H100-80GB-HBM3", mib: int = 81559, count: int = 8, *, name: str = "gpu") -> Node:
    """A node with GPUs, labelled as NVIDIA's feature discovery does."""
    labels = {
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "nvidia.com/gpu.product": product,
        "nvidia.com/gpu.memory": str(mib),
    }
    resources = Resources(cpu=96, memory=1024 * GIB, devices={"nvidia.com/gpu": count})
    return Node(name=name, labels=labels, allocatable=resources)


H100_NODE = gpu_node()


@cache
def example_runtimes() -> tuple[Runtime, ...]:
    """The runtimes of examples/runtimes."""
    return tuple(
        Runtime.of(ClusterServingRuntime.from_dict(yaml.safe_load(path.read_text())))
        for path in sorted((EXAMPLES / "runtimes").glob("*.yaml"))
    )


@cache
def example_accelerators() -> tuple[Accelerator, ...]:
    """The classes of examples/accelerators."""
    return tuple(
        Accelerator.of(AcceleratorClass.from_dict(yaml.safe_load(path.read_text())))
        for path in sorted((EXAMPLES / "accelerators").glob("*.yaml"))
    )


def accelerator(name: str, **spec: Any) -> Accelerator:
    """A class as YAML would give it."""
    full = {"discovery": {}, "capabilities": {}, **spec}
    return Accelerator.of(AcceleratorClass.from_dict({"metadata": {"name": name}, "spec": full}))


def runtime(name: str, entries: list[dict[str, Any]], *, namespace: str = "", **spec: Any) -> Runtime:
    """A runtime as YAML would give it."""
    full = {"metadata": {"name": name}, "spec": {"supportedModelFormats": entries, **spec}}
    if not namespace:
        return Runtime.of(ClusterServingRuntime.from_dict(full))
    full["metadata"]["namespace"] = namespace
    return Runtime.of(ServingRuntime.from_dict(full))


def entry(name: str = "safetensors", **fields: Any) -> dict[str, Any]:
    """An entry of supportedModelFormats that selects automatically."""
    return {"modelFormat": {"name": name}, "autoSelect": True, **fields}


H100 = accelerator(
    "h100",
    vendor="nvidia",
    family="hopper",
    discovery={"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}},
    capabilities={"memoryGB": "80Gi", "computeCapability": "9.0"},
)
CPU = accelerator("cpu", family="cpu")
CLASSES = (H100, CPU)
NODES = (H100_NODE, CPU_NODE)
RUNNER = {"command": ["vllm", "serve"], "args": ["--tensor-parallel-size", "$(PARALLELISM_SIZE)"]}


def gpu(name: str, *entries: dict[str, Any], **spec: Any) -> Runtime:
    """A runtime that needs an H100."""
    defaults = {"acceleratorRequirements": {"acceleratorClasses": ["h100"]}, "engineConfig": {"runner": RUNNER}}
    return runtime(name, list(entries or (entry(),)), **{**defaults, **spec})

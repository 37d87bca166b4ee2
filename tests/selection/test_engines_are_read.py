"""What a runtime's command line says of its engine: family, context, parallel sizes, share of memory."""

from typing import Any

import pytest

from steps.selection.engines import Engine, read_engine


def read(*words: str, **container: Any) -> Engine:
    return read_engine({"args": list(words), **container})


@pytest.mark.parametrize(
    ("container", "family"),
    [
        ({"command": ["python", "-m", "llama_cpp.server"]}, "llama.cpp"),
        ({"command": ["llama-server"]}, "llama.cpp"),
        ({"command": ["python3", "-m", "vllm.entrypoints.openai.api_server"]}, "vllm"),
        ({"command": ["vllm", "serve"]}, "vllm"),
        ({"command": ["sh", "-c", "exec python3 -m sglang.launch_server --tp 2"]}, "sglang"),
        ({"image": "docker.io/vllm/vllm-openai:v0.11.0"}, "vllm"),
        ({"command": ["text-generation-launcher"]}, "tgi"),
        ({"command": ["text-embeddings-router"]}, "tei"),
        ({"command": ["my-own"], "image": "example.org/mine:1"}, "other"),
        ({}, "other"),
    ],
)
def test_family(container: dict[str, Any], family: str) -> None:
    assert read_engine(container).family == family


@pytest.mark.parametrize(
    ("words", "tensor", "pipeline"),
    [
        (("vllm", "serve"), 1, 1),
        (("vllm", "--tensor-parallel-size", "8"), 8, 1),
        (("vllm", "--tensor-parallel-size=8", "--pipeline-parallel-size=2"), 8, 2),
        (("vllm", "--tensor-parallel-size", "$(PARALLELISM_SIZE)"), 0, 1),
        (("vllm", "-tp=2", "-tp=4"), 4, 1),
        (("sglang", "--tp", "4", "--pp-size", "$(LWS_GROUP_SIZE)"), 4, 0),
        (("my-own",), 0, 0),
    ],
)
def test_sizes_are_fixed_free_or_one(words: tuple[str, ...], tensor: int, pipeline: int) -> None:
    engine = read(*words)
    assert (engine.tensor, engine.pipeline) == (tensor, pipeline)


def test_devices_that_the_container_asks_for_fix_the_size() -> None:
    resources = {"limits": {"cpu": "4", "nvidia.com/gpu": 2}}
    assert read("vllm", "--tensor-parallel-size", "$(PARALLELISM_SIZE)", resources=resources).tensor == 2
    assert read("vllm", resources=resources).tensor == 1
    assert read("my-own", resources=resources).tensor == 2


def test_variables_of_the_container_are_filled_in() -> None:
    env = [{"name": "N", "value": "4096"}, {"name": "P", "valueFrom": {}}]
    engine = read("llama_cpp.server", "--n_ctx", "$(N)", "--n_threads", "$(P)", env=env)
    assert engine.context == 4096


def test_llama_server_divides_its_context_among_slots() -> None:
    engine = read("llama-server", "--ctx-size", "8192", "--parallel", "4")
    assert (engine.context, engine.slots) == (2048, 4)


@pytest.mark.parametrize(
    ("words", "share"),
    [
        (("vllm", "--gpu-memory-utilization", "0.85"), 0.85),
        (("sglang", "--mem-fraction-static=0.7"), 0.7),
        (("vllm", "--gpu-memory-utilization", "most"), 0.0),
        (("vllm", "--gpu-memory-utilization", "85"), 0.0),
        (("vllm", "--gpu-memory-utilization"), 0.0),
    ],
)
def test_share_of_memory(words: tuple[str, ...], share: float) -> None:
    assert read(*words).utilisation == share

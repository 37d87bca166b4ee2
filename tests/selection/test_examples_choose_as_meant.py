"""The example runtimes and classes: what they choose for real models, and why they refuse the others."""

import pytest
import yaml

from crds.load import load_all
from steps.facts import Facts, ParameterCount
from steps.selection.explain import ExplainRow, explain
from steps.selection.nodes import Node
from steps.selection.request import SelectionRequest
from steps.selection.selector import select
from tests.selection.objects import (
    CPU_NODE,
    EXAMPLES,
    H100_NODE,
    LLAMA_8B,
    LLAMA_70B,
    MODEL,
    SMOLLM2,
    example_accelerators,
    example_runtimes,
    gpu_node,
    safetensors,
)

FILES = sorted([*(EXAMPLES / "runtimes").glob("*.yaml"), *(EXAMPLES / "accelerators").glob("*.yaml")])
GPU_RUNTIMES = {
    "vllm", "vllm-any", "vllm-moe", "cohere", "sglang", "tgi", "text-embeddings-inference", "tensorrt-llm", "nim",
}  # fmt: skip
OTHER_FORMATS = {"text-embeddings-inference-cpu", "tensorrt-llm-engine"}
BY_ENVIRONMENT = {"nim"}
"""What takes its settings from its environment alone, and listens on every address by itself."""
NAMELESS = {"tgi", "tensorrt-llm", "tensorrt-llm-engine"}
"""What has no flag for the name that it serves."""


def table(facts: Facts, *nodes: Node) -> dict[str, ExplainRow]:
    rows = explain(facts, MODEL, example_runtimes(), example_accelerators(), nodes)
    return {row.runtime: row for row in rows}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_examples_are_valid_and_have_no_unknown_field(path) -> None:  # type: ignore[no-untyped-def]
    loaded = load_all(path.read_text())
    assert len(loaded.objects) == 1
    assert loaded.problems == ()
    assert loaded.objects[0].resource.metadata.name == path.stem


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name == "runtimes"], ids=lambda path: path.name)
def test_runtimes_speak_the_agreed_names(path) -> None:  # type: ignore[no-untyped-def]
    runner = yaml.safe_load(path.read_text())["spec"]["engineConfig"]["runner"]
    if path.stem in BY_ENVIRONMENT:
        given = " ".join(variable["value"] for variable in runner["env"])
        assert all(f"$({name})" in given for name in ("MODEL_PATH", "SERVED_MODEL_NAME", "PORT", "PARALLELISM_SIZE"))
        assert runner["name"] == "ome-container"
        return
    words = " ".join([*runner["command"], *runner["args"]])
    assert runner["name"] == "ome-container"
    assert "$(MODEL_FILE)" in words or "$(MODEL_PATH)" in words
    for name in ("HOST", "PORT"):
        assert f"$({name})" in words
    assert ("$(SERVED_MODEL_NAME)" in words) == (path.stem not in NAMELESS)
    probe = runner["readinessProbe"]
    assert "tcpSocket" in probe or probe["httpGet"]["path"].startswith("/")
    assert all(isinstance(word, str) for word in [*runner["command"], *runner["args"]])


def test_smollm2_on_a_laptop_is_served_by_llama_cpp() -> None:
    rows = table(SMOLLM2, CPU_NODE)
    assert rows["llama-server"].verdict == "chosen"
    assert rows["llama-cpp-python"].verdict == "candidate"
    assert rows["llama-server"].fit == "fits"
    refused = {name for name, row in rows.items() if row.verdict == "refused"}
    assert refused == GPU_RUNTIMES | OTHER_FORMATS | {"llama-server-cuda"}
    assert "no node has it" in rows["llama-server-cuda"].reason
    for name in GPU_RUNTIMES:
        assert "format gguf is not supported; accepted: safetensors" in rows[name].reason
        assert "no node has it" in rows[name].reason
    assert "134.52M is outside the supported range, 6B to 700B" in rows["sglang"].reason


def test_without_llama_server_the_python_bindings_serve() -> None:
    missing = {"llama-server": 'program "llama-server" is not on PATH'}
    choice = select(SMOLLM2, MODEL, example_runtimes(), example_accelerators(), [CPU_NODE], unavailable=missing)
    assert (choice.runtime, choice.accelerator, choice.fit.context) == ("llama-cpp-python", "cpu", 4096)
    assert any(r.runtime == "llama-server" and "not on PATH" in r.reason for r in choice.refused)
    assert len(choice.refused) == len(example_runtimes()) - 1


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_the_cpu_class_is_any_linux_or_mac(system: str) -> None:
    node = CPU_NODE.model_copy(update={"labels": {**CPU_NODE.labels, "kubernetes.io/os": system}})
    assert table(SMOLLM2, node)["llama-cpp-python"].verdict != "refused"


def test_the_cpu_class_is_not_windows() -> None:
    node = CPU_NODE.model_copy(update={"labels": {"kubernetes.io/os": "windows"}})
    assert table(SMOLLM2, node)["llama-cpp-python"].verdict == "refused"


def test_llama_70b_on_eight_h100_is_spread() -> None:
    choice = select(LLAMA_70B, MODEL, example_runtimes(), example_accelerators(), [H100_NODE])
    assert choice.runtime in ("vllm", "sglang")
    assert choice.accelerator == "nvidia-h100-80gb"
    assert choice.parallelism.tensor == 4
    assert choice.fit.verdict == "fits"
    rows = table(LLAMA_70B, H100_NODE)
    candidates = {name for name, row in rows.items() if row.verdict == "candidate"}
    assert candidates == {"vllm", "sglang", "tgi", "vllm-any"} - {choice.runtime}
    assert "less specific" in rows["vllm-any"].reason
    assert "accepted when the runtime is named" in rows["tensorrt-llm"].reason
    assert "accepted: gguf" in rows["llama-server"].reason
    assert "accepted: BertModel, RobertaModel" in rows["text-embeddings-inference"].reason


def test_the_smallest_sufficient_gpu_is_taken() -> None:
    nodes = [H100_NODE, gpu_node("NVIDIA-L4", 23034, 4, name="l4"), gpu_node("NVIDIA-H200", 143771, name="h200")]
    choice = select(LLAMA_8B, MODEL, example_runtimes(), example_accelerators(), nodes)
    assert (choice.accelerator, choice.parallelism.tensor) in (("nvidia-l4-24gb", 1), ("nvidia-h100-80gb", 1))


@pytest.mark.parametrize(
    ("product", "mib", "accelerator"),
    [
        ("NVIDIA-A10", 23028, "nvidia-a10-24gb"),
        ("NVIDIA-L4", 23034, "nvidia-l4-24gb"),
        ("NVIDIA-A100-SXM4-80GB", 81920, "nvidia-a100-80gb"),
        ("NVIDIA-H100-80GB-HBM3", 81559, "nvidia-h100-80gb"),
        ("NVIDIA-H200", 143771, "nvidia-h200-141gb"),
        ("NVIDIA-B200", 183359, "nvidia-b200"),
    ],
)
def test_every_gpu_class_is_found_by_its_label(product: str, mib: int, accelerator: str) -> None:
    choice = select(LLAMA_8B, MODEL, example_runtimes(), example_accelerators(), [gpu_node(product, mib)])
    assert choice.accelerator == accelerator
    assert choice.fit.verdict == "fits" or "24gb" in accelerator


def test_an_encoder_goes_to_the_embedding_runtime() -> None:
    bert = safetensors(109_482_240, 768, 12, 12, 12, head_dim=64, vocabulary=30522, context=512).model_copy(
        update={"architecture": "BertModel", "capabilities": ("EMBEDDING",)}
    )
    choice = select(bert, MODEL, example_runtimes(), example_accelerators(), [gpu_node("NVIDIA-L4", 23034, 1)])
    assert (choice.runtime, choice.fit.kv_cache) == ("text-embeddings-inference", 0)


def dense(architecture: str, model_type: str, **changes: object) -> Facts:
    facts = safetensors(8_030_261_248, 4096, 32, 32, 8, context=8192, model_type=model_type)
    return facts.model_copy(update={"architecture": architecture, **changes})


L4 = gpu_node("NVIDIA-L4", 23034, 4, name="l4")


@pytest.mark.parametrize(
    ("facts", "nodes", "runtime"),
    [
        (dense("Olmo3ForCausalLM", "olmo3"), [H100_NODE], "vllm-any"),
        (dense("CohereForCausalLM", "cohere"), [H100_NODE], "cohere"),
        (dense("Glm4MoeForCausalLM", "glm4_moe", parameters=ParameterCount(total=106_852_245_504, active=12 * 10**9)),
         [H100_NODE], "vllm-moe"),
        (dense("BertModel", "bert", parameters=ParameterCount(total=109_482_240, active=109_482_240)), [CPU_NODE],
         "text-embeddings-inference-cpu"),
        (dense("BertModel", "bert", parameters=ParameterCount(total=22_713_216, active=22_713_216)), [CPU_NODE, L4],
         "text-embeddings-inference"),
        (dense("LlamaForCausalLM", "llama", format="gguf", framework=""), [CPU_NODE, L4], "llama-server-cuda"),
        (dense("LlamaForCausalLM", "llama", format="tensorrt-llm", framework=""), [H100_NODE], "tensorrt-llm-engine"),
    ],
)  # fmt: skip
def test_each_kind_of_model_has_its_runtime(facts: Facts, nodes: list[Node], runtime: str) -> None:
    assert select(facts, MODEL, example_runtimes(), example_accelerators(), nodes).runtime == runtime


@pytest.mark.parametrize("name", ["nim", "tensorrt-llm"])
def test_what_needs_a_licence_or_a_list_is_taken_only_when_named(name: str) -> None:
    choice = select(
        LLAMA_8B, MODEL, example_runtimes(), example_accelerators(), [H100_NODE], SelectionRequest(runtime=name)
    )
    assert (choice.runtime, choice.accelerator, choice.fit.verdict) == (name, "nvidia-h100-80gb", "fits")


def test_the_page_has_every_runtime_and_whether_it_is_chosen_by_itself() -> None:
    page = (EXAMPLES.parent / "docs" / "runtimes.md").read_text()
    rows = {row.split("|")[1].strip(" `"): row.split("|")[5] for row in page.splitlines() if row.count("|") == 6}
    for runtime in example_runtimes():
        is_automatic = all(entry.auto_select for entry in runtime.spec.supported_model_formats)
        assert rows[runtime.name].strip().startswith("yes" if is_automatic else "no"), runtime.name

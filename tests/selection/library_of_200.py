"""200 runtimes as OME ships them, and models that some of them are made for.

Those that are MADE for models have names and sizes as in https://github.com/sgl-project/ome/tree/main/config/runtimes;
versions, the general ones and the OTHERS are made up.
"""

from crds.serving_runtime import ServingRuntimeSpec
from steps.facts import Facts, Quantization
from steps.selection.request import Runtime
from tests.selection.objects import LLAMA_8B, LLAMA_70B, RUNNER, entry, runtime, safetensors

FP8 = Quantization(method="fp8", bits=8)


ON_H100 = {"acceleratorRequirements": {"acceleratorClasses": ["h100"]}, "engineConfig": {"runner": RUNNER}}


def made_for(name: str, architecture: str, smallest: str, largest: str, version: str, **fields: str) -> Runtime:
    """A runtime as OME's are written: format and framework with versions, architecture, a range of sizes."""
    formats = {"name": "safetensors", "version": "1.0.0"}
    framework = {"name": "transformers", "version": version}
    found = {"modelFormat": formats, "modelFramework": framework, "modelArchitecture": architecture, **fields}
    return runtime(
        name, [{"autoSelect": True, "priority": 1, **found}], modelSizeRange={"min": smallest, "max": largest}
    )


LLAMA, QWEN2, QWEN3, DEEPSEEK = "LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "DeepseekV3ForCausalLM"
MADE = (
    made_for("vllm-llama-3-70b-instruct", LLAMA, "60B", "75B", "4.40.0"),
    made_for("vllm-llama-3-1-70b-instruct", LLAMA, "60B", "75B", "4.42.3"),
    made_for("vllm-llama-3-1-70b-instruct-ft", LLAMA, "60B", "75B", "4.43.0"),
    made_for("vllm-llama-3-3-70b-instruct", LLAMA, "60B", "75B", "4.47.0.dev0"),
    made_for("vllm-llama-3-3-70b-instruct-fp8-dynamic", LLAMA, "60B", "75B", "4.43.0"),
    made_for("vllm-nl2rqs-70b", LLAMA, "60B", "75B", "4.43.0"),
    made_for("srt-deepseek-r1-distill-llama-70b", LLAMA, "65B", "75B", "4.43.0"),
    made_for("vllm-llama-3-8b-instruct", LLAMA, "7B", "9B", "4.43.0"),
    made_for("vllm-llama-3-1-8b-instruct", LLAMA, "7B", "9B", "4.42.3"),
    made_for("srt-hermes-2-pro-llama-3-8b", LLAMA, "7B", "9B", "4.43.0"),
    made_for("vllm-llama-3-1-nemotron-nano-8b-v1", LLAMA, "7B", "9B", "4.43.0"),
    made_for("srt-qwen2-5-1-5b", QWEN2, "1B", "2B", "4.43.0"),
    made_for("srt-qwen2-5-3b", QWEN2, "2B", "4B", "4.43.0"),
    made_for("srt-qwen2-5-7b", QWEN2, "7B", "9B", "4.40.1"),
    made_for("srt-qwen2-5-coder-7b", QWEN2, "6B", "9B", "4.43.0"),
    made_for("srt-gte-qwen2-7b-instruct", QWEN2, "7B", "9B", "4.43.0"),
    made_for("srt-qwen3-8b", QWEN3, "7B", "9B", "4.43.0"),
    made_for("srt-qwen3-embedding-8b", QWEN3, "7B", "9B", "4.43.0"),
    made_for("srt-deepseek-v3", DEEPSEEK, "650B", "700B", "4.33.1", quantization="fp8"),
    made_for("srt-deepseek-r1", DEEPSEEK, "650B", "700B", "4.33.1", quantization="fp8"),
)
GENERAL = (
    runtime("vllm", [entry(modelFramework={"name": "transformers"})]),
    runtime("sglang-b200", [entry(modelFramework={"name": "transformers"})]),
)
OTHERS = tuple(
    made_for(f"srt-family{n % 60}-{1 + n % 9}-{n}b-chat", f"Family{n % 60}ForCausalLM", "1B", "900B", "4.43.0")
    for n in range(1, 179)
)
LIBRARY = (*MADE, *GENERAL, *OTHERS)
GENERAL_NAMES = {found.name for found in GENERAL}

QWEN2_7B = safetensors(7_615_616_512, 3584, 28, 28, 4, architecture=QWEN2, model_type="qwen2")
QWEN2_15B = safetensors(1_543_714_304, 1536, 28, 12, 2, architecture=QWEN2, model_type="qwen2")
QWEN3_8B = safetensors(8_190_735_360, 4096, 36, 32, 8, architecture=QWEN3, model_type="qwen3")
DEEPSEEK_R1 = safetensors(
    671_026_419_200, 7168, 61, 128, 128, architecture=DEEPSEEK, model_type="deepseek_v3", quantization=FP8
)
MODELS: list[tuple[str, Facts, str]] = [
    ("llama-3-3-70b-instruct", LLAMA_70B, "vllm-llama-3-3-70b-instruct"),
    ("llama-3-1-70b-instruct", LLAMA_70B, "vllm-llama-3-1-70b-instruct"),
    ("llama-3-70b-instruct", LLAMA_70B, "vllm-llama-3-70b-instruct"),
    ("deepseek-r1-distill-llama-70b", LLAMA_70B, "srt-deepseek-r1-distill-llama-70b"),
    ("llama-3-1-8b-instruct", LLAMA_8B, "vllm-llama-3-1-8b-instruct"),
    ("llama-3-1-nemotron-nano-8b-v1", LLAMA_8B, "vllm-llama-3-1-nemotron-nano-8b-v1"),
    ("qwen2-5-1-5b-instruct", QWEN2_15B, "srt-qwen2-5-1-5b"),
    ("qwen2-5-7b-instruct", QWEN2_7B, "srt-qwen2-5-7b"),
    ("qwen3-8b", QWEN3_8B, "srt-qwen3-8b"),
    ("deepseek-r1", DEEPSEEK_R1, "srt-deepseek-r1"),
    ("deepseek-v3", DEEPSEEK_R1, "srt-deepseek-v3"),
]  # fmt: skip


def on_h100(found: Runtime) -> Runtime:
    """The runtime as one that needs H100s and is spread over as many as the model takes."""
    spec = ServingRuntimeSpec.from_dict({**found.spec.to_dict(), **ON_H100})
    return found.model_copy(update={"spec": spec})

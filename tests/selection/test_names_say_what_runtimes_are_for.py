"""Names of models and runtimes: which runtime is called after this model, which after another, which after none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.facts import Facts, Quantization
from steps.selection.name_affinity import NameAffinity, compare_names, know_model, read_name
from steps.selection.request import ModelReference
from tests.selection.objects import LLAMA_8B, LLAMA_70B, SMOLLM2, safetensors


def of(architecture: str, model_type: str, parameters: int, method: str = "", bits: float = 16) -> Facts:
    """Facts as far as names are compared with them."""
    quantization = Quantization(method=method, bits=bits) if method else None
    return safetensors(
        parameters, 4096, 32, 32, 8, architecture=architecture, model_type=model_type, quantization=quantization
    )


LLAMA_70B_FP8 = LLAMA_70B.model_copy(update={"quantization": Quantization(method="fp8", bits=8)})
QWEN25_15B = of("Qwen2ForCausalLM", "qwen2", 1_543_714_304)
QWEN3_8B = of("Qwen3ForCausalLM", "qwen3", 8_190_735_360)
DEEPSEEK = of("DeepseekV3ForCausalLM", "deepseek_v3", 671_026_419_200, "fp8", 8)
MIXTRAL = of("MixtralForCausalLM", "mixtral", 46_702_792_704)
GPT_OSS = of("GptOssForCausalLM", "gpt_oss", 116_829_156_672, "mxfp4", 4.25)
COMMAND_R = of("CohereForCausalLM", "cohere", 34_980_831_232)
BGE = of("BertModel", "bert", 335_141_888)


def affinity(model: str, facts: Facts, runtime: str, *also_called: str) -> NameAffinity:
    return compare_names(know_model(ModelReference(name=model, also_called=also_called), facts), runtime)


@pytest.mark.parametrize(
    ("model", "facts", "runtime", "shared"),
    [
        ("llama-3-3-70b-instruct", LLAMA_70B, "vllm-llama-3-3-70b-instruct", 5),
        ("Llama-3.3-70B-Instruct", LLAMA_70B, "vllm-llama-3-3-70b-instruct", 5),
        ("llama-3-3-70b-instruct", LLAMA_70B, "sglang-llama-70b-h100-tp4", 2),
        ("llama-3-3-70b-instruct", LLAMA_70B, "vllm-llama-3", 2),
        ("llama-3-3-70b-instruct", LLAMA_70B, "vllm-llama", 1),
        ("llama-3-3-70b-instruct", LLAMA_70B, "vllm-llama-70b-v100-node2", 2),
        ("deepseek-r1", DEEPSEEK, "srt-deepseek-r1-gb200-nvl72", 3),
        ("llama-3-3-70b-instruct", LLAMA_70B, "vllm-large-70b", 1),
        ("llama-3-3-70b-instruct-fp8", LLAMA_70B_FP8, "srt-llama-3-3-70b-instruct-fp8-dynamic", 6),
        ("llama-3-3-70b-instruct", LLAMA_70B_FP8, "srt-llama-3-3-70b-instruct-w8a8", 6),
        ("qwen2-5-1-5b-instruct", QWEN25_15B, "srt-qwen2.5-1.5b-instruct", 6),
        ("qwen2-5-1-5b-instruct", QWEN25_15B, "srt-qwen-text-tp1", 1),
        ("qwen3-8b", QWEN3_8B, "qwen-3-8b", 3),
        ("deepseek-v3-0324", DEEPSEEK, "srt-deepseek-v3-rdma", 3),
        ("deepseek-r1", DEEPSEEK, "srt-deepseek-rdma-pd", 1),
        ("mixtral-8x7b-instruct", MIXTRAL, "vllm-mixtral-8x7b-instruct", 3),
        ("command-r-plus", COMMAND_R, "cohere-command", 2),
        ("chat", LLAMA_70B, "vllm-llama-70b", 2),
        ("mixture", MIXTRAL, "vllm-mixtral-8x7b", 2),
        ("chat", LLAMA_8B, "vllm", 0),
        ("llama-3-1-8b", LLAMA_8B, "sglang-v0-5-5", 0),
        ("llama-3-1-8b", LLAMA_8B, "vllm-up-to-15b", 0),
        ("llama-3-1-8b-instruct", SMOLLM2, "llama-cpp-python", 0),
        ("llama-3-1-8b", LLAMA_8B, "vllm-llama-blue", 0),
        ("llama-3-3-70b", LLAMA_70B, "vllm-llama-3-3-70b-instruct", 4),
        ("llama-3-3-70b-instruct", LLAMA_70B, "prod-llama-3-3-70b-instruct-optimized", 5),
        ("llama-70b", LLAMA_70B, "vllm-llama-3-3-70b-instruct", 2),
    ],
)
def test_a_runtime_called_after_the_model_shares_words_with_it(
    model: str, facts: Facts, runtime: str, shared: int
) -> None:
    found = affinity(model, facts, runtime)
    assert (found.conflict, found.shared) == ("", shared)


@pytest.mark.parametrize(
    ("model", "facts", "runtime", "conflict"),
    [
        ("llama-3-3-70b-instruct", LLAMA_70B, "vllm-llama-3-3-8b-instruct", "models of 8b, and this has 70.55B"),
        ("llama-3-3-70b-instruct", LLAMA_70B, "vllm-llama-3-1-70b-instruct", "llama 3.1, and this is llama 3.3"),
        ("llama-3-1-8b-instruct", LLAMA_8B, "vllm-llama-3-8b-instruct", "llama 3, and this is llama 3.1"),
        ("llama-3-3-70b-instruct", LLAMA_70B, "vllm-llama-4", "llama 4, and this is llama 3.3"),
        ("deepseek-v3", DEEPSEEK, "srt-deepseek-v3-0324", "v3.324, and this is v3"),
        ("llama-3-3-70b-instruct", LLAMA_70B, "llama-3-3-70b-instruct-fp8", "fp8 weights, and this model's are not q"),
        ("gpt-oss-120b", GPT_OSS, "vllm-fp8", "fp8 weights, and this model's are mxfp4"),
        ("llama-3-1-8b", LLAMA_8B, "vllm-awq", "awq weights, and this model's are not quantized"),
        ("deepseek-v3", DEEPSEEK, "srt-deepseek-bf16", "bf16 weights, and this model's are fp8"),
        ("llama-3-3-70b-instruct", LLAMA_70B, "vllm-nl2rqs-70b", "another model: nl2rqs is not in this one's"),
        ("llama-3-3-70b-instruct", LLAMA_70B, "srt-llama-3-3-70b-instruct-ft", "another model: ft is not"),
        ("qwen3-8b", QWEN3_8B, "vllm-qwen3-embedding-8b", "embedding is not"),
        ("deepseek-r1", DEEPSEEK, "srt-deepseek-v3", "another model: v3 is not"),
        ("bge-small-en-v1-5", BGE, "tei-bge-large-en-v1-5", "another model: large is not"),
        ("mixtral-8x7b", MIXTRAL, "vllm-mixtral-8x22b", "models of 8x22b, and this has 46.70B"),
        ("chat", LLAMA_70B, "vllm-llama-3-1-8b-instruct", "models of 8b"),
        ("llama-3-3-70b", LLAMA_70B, "deepseek-r1-distill-llama-70b", "deepseek, r1, distill are not"),
        ("deepseek-r1-distill-llama-70b", LLAMA_70B, "vllm-llama-3-3-70b", "llama 3.3, and this one's has no version"),
        ("nemotron-llama-70b", LLAMA_70B, "vllm-llama-70b-instruct", "another model: instruct is not"),
    ],
)
def test_a_runtime_called_after_another_model_says_which(
    model: str, facts: Facts, runtime: str, conflict: str
) -> None:
    found = affinity(model, facts, runtime)
    assert found.shared == 0
    assert conflict in found.conflict


def test_a_model_is_known_by_its_repository_and_vendor_too() -> None:
    names = ("meta-llama", "Llama-3.3-70B-Instruct", "Meta")
    assert affinity("chat", LLAMA_70B, "vllm-meta-llama-3-3-70b-instruct", *names).shared == 6
    assert "llama 3.1" in affinity("chat", LLAMA_70B, "vllm-llama-3-1-70b-instruct", *names).conflict


@pytest.mark.parametrize(
    ("model", "own", "generation"),
    [
        ("DeepSeek-V3.1", "srt-deepseek-v3-1", "srt-deepseek-v3"),
        ("Kimi-K2.5", "srt-kimi-k2-5", "srt-kimi-k2-instruct"),
        ("GLM-4.6", "srt-glm-4-6", "srt-glm-4"),
    ],
)
def test_the_whole_version_says_more_than_its_generation(model: str, own: str, generation: str) -> None:
    whole, part = affinity(model, DEEPSEEK, own), affinity(model, DEEPSEEK, generation)
    assert (whole.conflict, part.conflict) == ("", "")
    assert whole.shared > part.shared


def test_a_short_name_is_no_reason_against_a_runtime() -> None:
    assert not affinity("chat", LLAMA_70B, "vllm-llama-3-3-70b-instruct").conflict
    uncounted = LLAMA_70B.parameters.model_copy(update={"total": 0, "active": 0})
    unsized = LLAMA_70B.model_copy(update={"parameters": uncounted})
    assert affinity("chat", unsized, "vllm-8b").conflict == ""
    assert affinity("chat", unsized, "vllm-8b").shared == 0


def test_words_of_a_team_neither_help_nor_harm() -> None:
    found = affinity("llama-3-3-70b", LLAMA_70B, "team-blue")
    assert (found.conflict, found.shared, found.likeness) == ("", 0, -1)
    tuned, plain = (affinity("llama-3-70b", LLAMA_70B, f"llama-3-70b{end}") for end in ("-chat", ""))
    assert (tuned.shared, tuned.likeness) == (plain.shared, plain.likeness - 1)


@given(st.text(max_size=300))
def test_any_name_is_read(name: str) -> None:
    parts = read_name(name)
    assert all(word and word.isalnum() for word in parts.words)


WORDS = ("llama", "qwen3", "8b", "70b", "3", "1", "fp8", "instruct", "v2", "h100", "vllm", "large", "8x7b")


@given(st.lists(st.sampled_from(WORDS), max_size=8))
def test_a_runtime_with_the_models_own_name_is_never_for_another(words: list[str]) -> None:
    name = "-".join(words)
    facts = LLAMA_8B.model_copy(update={"quantization": Quantization(method="fp8", bits=8)})
    assert not affinity(name, facts, name).conflict
    assert not affinity(name, facts, f"vllm-{name}-h100-tp8").conflict

"""Words in a runtime that stand for flags: those that a model's facts and the engine call for, or none."""

from typing import Any

import pytest
import yaml

from steps.choice import Choice, Parallelism
from steps.facts import Facts, ParameterCount, Quantization
from steps.serving.model_arguments import (
    KV_CACHE,
    NO_HINTS,
    TASK,
    TOOL_CALLS,
    ModelHints,
    hints_of,
    with_model_arguments,
)
from tests.serving_cluster.made_up import EXAMPLES, placed, rendered, service

VLLM = ["python3", "-m", "vllm.entrypoints.openai.api_server"]
SGLANG = ["python3", "-m", "sglang.launch_server"]


def arguments(command: list[str], args: list[str], hints: ModelHints) -> list[str]:
    container: dict[str, Any] = {"name": "ome-container", "command": command, "args": args}
    return list(with_model_arguments(container, hints)["args"])


@pytest.mark.parametrize(
    ("command", "parser", "flags"),
    [
        (VLLM, "hermes", ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]),
        (VLLM, "llama3_json", ["--enable-auto-tool-choice", "--tool-call-parser", "llama3_json"]),
        (VLLM, "", []),
        (VLLM, "seed_oss", ["--enable-auto-tool-choice", "--tool-call-parser", "seed_oss"]),
        (VLLM, "functiongemma", []),
        (SGLANG, "hermes", ["--tool-call-parser", "qwen25"]),
        (SGLANG, "openai", ["--tool-call-parser", "gpt-oss"]),
        (SGLANG, "jamba", []),
        (["llama-server"], "hermes", []),
    ],
)
def test_tool_calls_are_read_by_the_engines_own_parser(command: list[str], parser: str, flags: list[str]) -> None:
    given = ["--model", "m", TOOL_CALLS, "--port", "1"]
    assert arguments(command, given, ModelHints(tool_call_parser=parser)) == ["--model", "m", *flags, "--port", "1"]


@pytest.mark.parametrize(
    ("command", "dtype", "flags"),
    [
        (VLLM, "fp8", ["--kv-cache-dtype", "fp8"]),
        (SGLANG, "FP8", ["--kv-cache-dtype", "fp8_e4m3"]),
        (VLLM, "", []),
        (VLLM, "int8", []),
        (["text-generation-launcher"], "fp8", []),
    ],
)
def test_a_checkpoint_with_scales_for_its_cache_gets_an_8_bit_cache(
    command: list[str], dtype: str, flags: list[str]
) -> None:
    assert arguments(command, [KV_CACHE], ModelHints(kv_cache_dtype=dtype)) == flags


@pytest.mark.parametrize(
    ("command", "is_embedding", "flags"), [(SGLANG, True, ["--is-embedding"]), (SGLANG, False, []), (VLLM, True, [])]
)
def test_sglang_is_told_that_a_model_gives_vectors(command: list[str], is_embedding: bool, flags: list[str]) -> None:
    assert arguments(command, [TASK], ModelHints(is_embedding=is_embedding)) == flags


def test_only_a_word_of_its_own_is_replaced() -> None:
    script = [f"exec vllm serve {TOOL_CALLS}"]
    assert arguments(["bash", "-c"], script, ModelHints(tool_call_parser="hermes")) == script
    container = {"name": "ome-container", "command": VLLM}
    assert with_model_arguments(container, ModelHints(tool_call_parser="hermes")) == container


def test_hints_come_from_facts() -> None:
    facts = Facts(
        model_type="qwen2",
        architecture="Qwen2ForCausalLM",
        parameters=ParameterCount(total=1, active=1),
        parameter_size="1",
        format="safetensors",
        tool_call_parser="hermes",
        quantization=Quantization(method="fp8", bits=8, kv_cache_dtype="fp8"),
    )
    assert hints_of(facts) == ModelHints(tool_call_parser="hermes", kv_cache_dtype="fp8")
    assert hints_of(facts.model_copy(update={"quantization": None})).kv_cache_dtype == ""
    assert hints_of(facts.model_copy(update={"capabilities": ("EMBEDDING",)})).is_embedding
    assert hints_of(None) == NO_HINTS


@pytest.mark.parametrize("name", ["vllm", "sglang"])
@pytest.mark.parametrize("hints", [NO_HINTS, ModelHints(tool_call_parser="hermes", kv_cache_dtype="fp8")])
def test_example_runtimes_take_their_flags_from_the_model(name: str, hints: ModelHints) -> None:
    runtime = yaml.safe_load((EXAMPLES / "runtimes" / f"{name}.yaml").read_text())
    choice = Choice(runtime=name, accelerator="", parallelism=Parallelism(tensor=4))
    made = rendered(service(), runtime, served=placed().model_copy(update={"hints": hints}), choice=choice)
    deployment = next(one for one in made.objects if one["kind"] == "Deployment")
    words = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert ("--tool-call-parser" in words) == ("--kv-cache-dtype" in words) == bool(hints.tool_call_parser)
    assert not {TOOL_CALLS, KV_CACHE, TASK} & set(words)

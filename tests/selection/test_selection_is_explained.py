"""Selection: one choice whatever the order, a reason for every other, and errors that say what would help."""

from typing import Any

import pytest

from crds.accelerator_selector import AcceleratorConstraints
from steps.choice import Choice
from steps.errors import DoesNotFitError, InvalidInputError, NotFoundError, OmeError
from steps.facts import Adapter, Facts
from steps.selection.explain import explain
from steps.selection.nodes import Resources
from steps.selection.request import ModelReference, Runtime, SelectionRequest
from steps.selection.selector import LONGEST_REASON, MOST_SHOWN, select
from tests.selection.objects import (
    CLASSES,
    CPU_NODE,
    H100_NODE,
    LLAMA_8B,
    LLAMA_70B,
    MODEL,
    NODES,
    RUNNER,
    entry,
    gpu,
    runtime,
)


def choose(runtimes: list[Runtime], facts: Facts = LLAMA_8B, **request: Any) -> Choice:
    return select(facts, MODEL, runtimes, CLASSES, NODES, SelectionRequest(**request))


def failure(runtimes: list[Runtime], facts: Facts = LLAMA_8B, **request: Any) -> OmeError:
    with pytest.raises(OmeError) as caught:
        choose(runtimes, facts, **request)
    return caught.value


def reason(choice: Choice, label: str) -> str:
    return next(refusal.reason for refusal in choice.refused if refusal.runtime == label)


# --- ranking, one rule at a time -----------------------------------------------------------------------------------

LLAMA = {"modelArchitecture": "LlamaForCausalLM"}
RANKING: list[tuple[str, Runtime, Runtime, str]] = [
    ("namespaced before cluster", gpu("z", namespace="default"), gpu("a", entry(priority=9)), "namespace"),
    ("score", gpu("z", entry(priority=2)), gpu("a", entry(**LLAMA)), "score is 1 against 2"),
    ("specificity", gpu("z", entry(**LLAMA)), gpu("a", modelSizeRange={"min": "8B", "max": "8.1B"}), "less specific"),
    ("fit", gpu("z"), gpu("a", engineConfig={"runner": {**RUNNER, "args": ["--gpu-memory-utilization", "0.1"]}},
                          modelSizeRange={"min": "8B", "max": "8.1B"}), "fits less well"),
    ("distance", gpu("z", modelSizeRange={"min": "4B", "max": "16B"}), gpu("a", modelSizeRange={"max": "70B"}),
     "further from the middle"),
    ("any range before none", gpu("z", modelSizeRange={"max": "900B"}), gpu("a"), "further from the middle"),
    ("name affinity", gpu("z-model"), gpu("b"), "shares fewer words"),
    ("name", gpu("a1"), gpu("b1"), "but the name"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "better", "worse", "words"), RANKING, ids=[row[0] for row in RANKING])
def test_ranking(rule: str, better: Runtime, worse: Runtime, words: str) -> None:
    for runtimes in ([better, worse], [worse, better]):
        choice = choose(runtimes)
        assert choice.runtime == better.name
        assert words in reason(choice, worse.label)
        assert choice.refused[0].is_candidate


def test_an_unknown_size_is_not_refused_but_ranks_bounded_runtimes_lower() -> None:
    unsized = LLAMA_8B.model_copy(
        update={"parameters": LLAMA_8B.parameters.model_copy(update={"total": 0}), "parameter_size": ""}
    )
    bounded = gpu("a", modelSizeRange={"max": "1B"})
    assert choose([bounded, gpu("b")], unsized).runtime == "b"
    alone = choose([bounded], unsized)
    assert "size is unknown" in " ".join(alone.warnings)


# --- refusals ------------------------------------------------------------------------------------------------------

REFUSED: list[tuple[Runtime, dict[str, Any], str]] = [
    (gpu("x", disabled=True), {}, "it is disabled"),
    (gpu("x", entry("gguf")), {}, "format safetensors is not supported; accepted: gguf"),
    (gpu("x", {"modelFormat": {"name": "safetensors"}}), {}, "no autoSelect"),
    (gpu("x", modelSizeRange={"min": "30B"}), {}, "8.03B is outside the supported range, 30B and above"),
    (gpu("x", protocolVersions=["cohere"]), {"protocol": "openAI"}, "it speaks cohere"),
    (gpu("x", acceleratorRequirements={"acceleratorClasses": ["tpu"]}), {}, "tpu (no such AcceleratorClass)"),
    (gpu("x"), {"accelerator": "cpu"}, "does not support accelerator cpu; it supports h100"),
    (gpu("x"), {"constraints": (AcceleratorConstraints(min_memory=100),)}, "at least 100 GiB"),
    (gpu("x", acceleratorRequirements={"acceleratorClasses": ["h100"], "minArchitectureVersion": "10.0"}), {},
     "at least 10.0 is required"),
    (gpu("x", acceleratorRequirements={"acceleratorClasses": ["h100"], "minMemory": 90}), {}, "at least 90 GiB"),
    (gpu("x", entry(acceleratorConfig={"h100": {"minMemoryPerBillionParams": 20}})), {}, "asks for 161 GiB"),
]  # fmt: skip


@pytest.mark.parametrize(("refused", "request_fields", "words"), REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_keep_their_reason(refused: Runtime, request_fields: dict[str, Any], words: str) -> None:
    any_class: dict[str, Any] = {"acceleratorRequirements": {"acceleratorClasses": []}}
    good = gpu("good", entry(), **any_class)
    without_constraints = {k: v for k, v in request_fields.items() if k != "constraints"}
    choice = choose([refused, good], **without_constraints)
    if "constraints" not in request_fields:
        assert choice.runtime == "good"
        assert words in reason(choice, "x")
        assert not choice.refused[0].is_candidate
    assert words in failure([refused], **request_fields).message


def test_all_reasons_are_told_not_only_the_first() -> None:
    many = gpu("many", entry("gguf"), disabled=True, modelSizeRange={"max": "1B"})
    text = reason(choose([gpu("good"), many]), "many")
    assert all(words in text for words in ("disabled", "gguf", "up to 1B"))


def test_refused_runtimes_come_nearest_first() -> None:
    far = gpu("a", entry("gguf"))
    nearer = gpu("b", disabled=True, modelSizeRange={"max": "1B"})
    nearest = gpu("c", disabled=True)
    choice = choose([gpu("good"), far, nearer, nearest])
    assert [refusal.runtime for refusal in choice.refused] == ["c", "b", "a"]


def test_a_missing_program_refuses_with_its_reason() -> None:
    runtimes = [gpu("good"), gpu("gone", entry(priority=5))]
    choice = select(LLAMA_8B, MODEL, runtimes, CLASSES, NODES, unavailable={"gone": 'program "x" is not on PATH'})
    assert choice.runtime == "good"
    assert reason(choice, "gone") == 'program "x" is not on PATH'


def test_runtimes_of_other_namespaces_are_not_looked_at() -> None:
    other = gpu("other", entry(priority=9), namespace="elsewhere")
    choice = choose([other, gpu("good")])
    assert choice.runtime == "good"
    assert not choice.refused


# --- named runtimes ------------------------------------------------------------------------------------------------


def test_a_named_runtime_needs_no_auto_select_and_the_others_are_still_told() -> None:
    manual = gpu("manual", {"modelFormat": {"name": "safetensors"}})
    choice = choose([manual, gpu("auto", entry(priority=5)), gpu("off", disabled=True)], runtime="manual")
    assert choice.runtime == "manual"
    assert "manual was asked for" in reason(choice, "auto")
    assert {refusal.runtime for refusal in choice.refused} == {"auto", "off"}


def test_the_table_begins_with_the_named_runtime() -> None:
    runtimes = [gpu("better", entry(priority=5)), gpu("asked"), gpu("off", disabled=True)]
    rows = explain(LLAMA_8B, MODEL, runtimes, CLASSES, NODES, SelectionRequest(runtime="asked"))
    assert [(row.runtime, row.verdict) for row in rows] == [
        ("asked", "chosen"), ("better", "candidate"), ("off", "refused"),
    ]  # fmt: skip
    assert [row.score for row in rows] == [1, 5, 1]


def test_a_named_runtime_of_the_namespace_hides_that_of_the_cluster() -> None:
    choice = choose([gpu("same", entry(priority=9)), gpu("same", namespace="default")], runtime="same")
    assert choice.runtime_namespace == "default"
    assert choose([gpu("same"), gpu("same", namespace="default")], runtime="default/same").runtime == "same"
    broken = gpu("same", namespace="default", disabled=True)
    assert "disabled" in failure([gpu("same"), broken], runtime="same").message
    assert choose([gpu("same"), gpu("same", namespace="default")], runtime="/same").runtime_namespace == ""


def test_a_named_runtime_that_does_not_serve_the_model_is_an_error_of_its_kind() -> None:
    wrong = failure([gpu("x", entry("gguf")), gpu("good")], runtime="x")
    assert isinstance(wrong, InvalidInputError)
    assert "accepted: gguf" in wrong.message
    assert "good" in wrong.remedy
    small = failure([gpu("x", modelSizeRange={"max": "1B"})], runtime="x")
    assert isinstance(small, DoesNotFitError)
    unknown = failure([gpu("good")], runtime="gone")
    assert isinstance(unknown, NotFoundError)
    assert "good" in unknown.remedy


# --- accelerators and fit ------------------------------------------------------------------------------------------


def test_an_unknown_accelerator_is_an_error_with_the_known_ones() -> None:
    error = failure([gpu("good")], accelerator="h1000")
    assert isinstance(error, NotFoundError)
    assert "cpu, h100" in error.remedy


def test_a_runtime_that_names_no_accelerator_gets_none() -> None:
    choice = choose([runtime("free", [entry()])])
    assert choice.accelerator == ""
    assert choice.fit.verdict == "unknown"


def test_what_does_not_fit_is_a_warning_or_a_refusal_as_asked() -> None:
    one = gpu("one", engineConfig={"runner": {"command": ["vllm", "serve"]}})
    warned = choose([one], LLAMA_70B)
    assert warned.fit.verdict == "does-not-fit"
    assert warned.fit.explanation in warned.warnings
    assert not choose([one], LLAMA_70B, fit="off").warnings
    error = failure([one], LLAMA_70B, fit="enforce")
    assert isinstance(error, DoesNotFitError)
    assert "GiB too little" in error.message


def test_enforce_takes_the_next_runtime_that_fits() -> None:
    one = gpu("one", entry(priority=5), engineConfig={"runner": {"command": ["vllm", "serve"]}})
    spread = gpu("spread")
    assert choose([one, spread], LLAMA_70B).runtime == "one"
    choice = choose([one, spread], LLAMA_70B, fit="enforce")
    assert choice.runtime == "spread"
    assert choice.parallelism.tensor == 4


def test_busy_devices_are_a_warning() -> None:
    busy = H100_NODE.model_copy(update={"requested": Resources(devices={"nvidia.com/gpu": 8})})
    choice = select(LLAMA_8B, MODEL, [gpu("good")], CLASSES, [busy])
    assert "0 are free" in " ".join(choice.warnings)


def test_a_context_beyond_the_model_is_a_warning() -> None:
    assert "beyond the model's 8192" in " ".join(choose([gpu("good")], context=10_000).warnings)


def test_the_entrys_own_settings_for_a_class_count() -> None:
    override = {"tensorParallelSize": 2, "pipelineParallelSize": 1}
    fixed = entry(acceleratorConfig={"h100": {"tensorParallelismOverride": override}})
    assert choose([gpu("x", fixed)]).parallelism.tensor == 2
    arguments = entry(acceleratorConfig={"h100": {"runtimeArgsOverride": ["--max-model-len", "1024"]}})
    assert choose([gpu("x", arguments)]).fit.context == 1024


# --- errors --------------------------------------------------------------------------------------------------------


def test_without_runtimes_the_remedy_is_to_apply_one() -> None:
    error = failure([])
    assert isinstance(error, NotFoundError)
    assert "ServingRuntime" in error.remedy


def test_when_only_formats_differ_nothing_is_found_and_when_hardware_lacks_it_does_not_fit() -> None:
    assert isinstance(failure([gpu("a", entry("gguf")), gpu("b", disabled=True)]), NotFoundError)
    no_tpu = gpu("b", acceleratorRequirements={"acceleratorClasses": ["tpu"]})
    error = failure([gpu("a", entry("gguf")), no_tpu])
    assert isinstance(error, DoesNotFitError)
    assert "Add a node" in error.remedy


def test_when_only_auto_select_is_missing_the_remedy_names_the_runtime() -> None:
    error = failure([gpu("manual", {"modelFormat": {"name": "safetensors"}})])
    assert isinstance(error, NotFoundError)
    assert "manual" in error.remedy


def test_the_listing_of_refusals_is_bounded() -> None:
    long_names = [entry(modelArchitecture="A" * 200 + str(n)) for n in range(30)]
    error = failure([gpu(f"runtime-{n:03}", *long_names) for n in range(100)])
    assert error.message.count("runtime-") == MOST_SHOWN
    assert "and 88 more" in error.message
    assert len(error.message) < MOST_SHOWN * (LONGEST_REASON + 20) + 300


def test_a_cluster_model_without_a_namespace_sees_cluster_runtimes_only() -> None:
    runtimes = [gpu("in-namespace", namespace="default"), gpu("of-cluster")]
    choice = select(LLAMA_8B, ModelReference(name="m"), runtimes, CLASSES, NODES)
    assert choice.runtime == "of-cluster"


@pytest.mark.parametrize("named", ["", "takes-anything"])
def test_an_adapter_is_not_served_by_itself(named: str) -> None:
    adapter = Adapter(rank=8, alpha=16.0, targets=("q_proj",), base_model="org/llama")
    facts = LLAMA_8B.model_copy(update={"adapter": adapter, "architecture": "", "framework": "peft"})
    runtimes = [runtime("takes-anything", [entry()])]
    with pytest.raises(InvalidInputError, match="model a-model is an adapter of org/llama") as caught:
        select(facts, MODEL, runtimes, CLASSES, NODES, SelectionRequest(runtime=named))
    assert "base model" in caught.value.remedy
    (row,) = explain(facts, MODEL, runtimes, CLASSES, NODES)
    assert (row.verdict, row.reason) == ("refused", "an adapter of org/llama is not served by itself")


def test_what_is_refused_says_how_large_it_is() -> None:
    with pytest.raises(DoesNotFitError, match=r"8.03B, 14\.96 GiB of weights"):
        select(LLAMA_8B, MODEL, [gpu("big")], CLASSES, [CPU_NODE])

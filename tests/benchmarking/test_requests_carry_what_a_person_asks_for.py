"""More fields of requests, and labels of the server, as genai-bench takes them."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steps.benchmark.plan import Plan, genai_bench_arguments, group_into_runs, plan_benchmark
from steps.benchmark.readiness import probe_of
from steps.benchmark.request_fields import MEASURED_BY, parse_fields
from steps.benchmark.server_labels import ServerLabels
from steps.benchmark_endpoint import BenchmarkInputs
from steps.contract import find_step, read_inputs
from steps.errors import InvalidInputError


def planned(given: dict[str, object], engine: str = "vllm", **changes: Any) -> Plan:
    asked: dict[str, Any] = {
        "task": "text-to-text", "scenarios": ["D(32,8)"], "concurrency": [1], "max_requests": 20, "max_minutes": 1,
    }  # fmt: skip
    return plan_benchmark(**(asked | changes), engine=engine, request_parameters=given, end_tokens=(2,))


@pytest.mark.parametrize(
    ("engine", "given", "sent"),
    [
        ("vllm", {"temperature": "0.7", "stop": "END"}, {"ignore_eos": True, "temperature": 0.7, "stop": "END"}),
        ("vllm", {"ignore_eos": "false"}, {}),
        ("vllm", {"ignore_eos": False}, {}),
        ("vllm", {"top_k": 5, "user": "NaN"}, {"ignore_eos": True, "top_k": 5, "user": "NaN"}),
        ("llama-cpp", {"seed": "1"}, {"logit_bias": {"2": -100}, "seed": 1}),
        ("llama-cpp", {"logit_bias": '{"9": 1}'}, {"logit_bias": {"9": 1}}),
        ("llama-cpp", {"ignore_eos": "false"}, {}),
        ("tgi", {"ignore_eos": "true", "seed": "1"}, {"seed": 1}),  # which genai-bench would not send
    ],
)
def test_a_person_has_the_last_word_on_a_field(engine: str, given: dict[str, object], sent: dict[str, object]) -> None:
    plan = planned(given, engine)
    assert plan.parameters == sent
    if given.get("ignore_eos") in ("false", False):
        assert "ignore_eos is false" in plan.notes[0]
        assert plan.backend == "openai"  # in its own dialects genai-bench sets it, always to true


@pytest.mark.parametrize(
    "name", ["model", "messages", "max_tokens", "max_completion_tokens", "stream", "input", "query"]
)
def test_what_genai_bench_counts_by_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidInputError, match=f'request_parameters: "{name}"'):
        planned({name: "1"})


@pytest.mark.parametrize(("task", "scenario"), [("text-to-embeddings", "E(8)"), ("text-to-rerank", "R(8,8)")])
def test_embeddings_and_rerank_carry_them_too_and_the_first_request_as_well(task: str, scenario: str) -> None:
    plan = planned({"dimensions": "64", "ignore_eos": "true"}, task=task, scenarios=[scenario])
    assert plan.parameters == {"dimensions": 64}
    assert probe_of(task, "m", plan.parameters)[1]["dimensions"] == 64


@example({"a": "1e999", "b": "[" * 8000, "c": "-Infinity", "d": "[NaN]"})
@given(st.dictionaries(st.text(min_size=1).filter(lambda name: name not in MEASURED_BY), st.text()))
def test_whatever_is_given_becomes_json(fields: dict[str, object]) -> None:
    json.dumps(parse_fields(fields), allow_nan=False)


@pytest.mark.parametrize(
    ("server", "told", "arguments"),
    [
        (
            ServerLabels(engine="vLLM", version="0.11", gpu_type="H100", gpu_count=8),
            "vLLM 0.11, 8 × H100",
            "--server-engine vLLM --server-gpu-type H100 --server-version 0.11 --server-gpu-count 8",
        ),
        (ServerLabels(engine="MyEngine", gpu_type="A100", gpu_count=1), "MyEngine, 1 × A100", "--server-gpu-count 1"),
        (ServerLabels(), "", ""),
    ],
)
def test_genai_bench_gets_the_labels_that_it_knows_and_the_report_all(
    server: ServerLabels, told: str, arguments: str
) -> None:
    assert str(server) == told
    plan = planned({}, server=server)
    (run,) = group_into_runs(plan.cells)
    words = genai_bench_arguments(
        plan, run, url="http://h", model_name="m", tokenizer="/t", folder="/w/r", log_folder="/l"
    )
    assert arguments in " ".join(words)
    assert [word for word in words if word.startswith("--server")] == arguments.split()[::2]


def test_a_form_takes_them_as_json() -> None:
    step = find_step("benchmark-endpoint")
    typed = read_inputs(
        step, {"request_parameters": '{"temperature": 0.7}', "server": '{"gpuType":"H100"}', "pod": ""}
    )
    assert isinstance(typed, BenchmarkInputs) and typed.server is not None
    assert (typed.request_parameters, typed.server.gpu_type) == ({"temperature": 0.7}, "H100")
    assert read_inputs(step, {"request_parameters": "{}", "server": ""}) == BenchmarkInputs()

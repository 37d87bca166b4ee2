"""The plan: cells in order, runs that cover them exactly, genai-bench's arguments, and refusals by field and value."""

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.benchmark.plan import Cell, Plan, genai_bench_arguments, group_into_runs, identity, plan_benchmark
from steps.errors import InvalidInputError, OmeError, UnsupportedError


def planned(**changes: Any) -> Plan:
    asked: dict[str, Any] = {
        "task": "text-to-text", "scenarios": ["D(32,8)"], "concurrency": [1, 2], "max_requests": 20, "max_minutes": 1,
    }  # fmt: skip
    return plan_benchmark(**(asked | changes))


def arguments_of(plan: Plan) -> list[str]:
    (run,) = group_into_runs(plan.cells)
    return genai_bench_arguments(
        plan, run, url="http://h:1", model_name="org/m", tokenizer="/t", folder="/w/results", log_folder="/w/logs"
    )


def values(arguments: list[str], option: str) -> list[str]:
    return [value for name, value in zip(arguments, arguments[1:], strict=False) if name == option]


def test_cells_are_scenarios_times_levels_in_order() -> None:
    plan = planned(scenarios=["D(32,8)", "U(10,20)/(2,4)"], concurrency=[2, 1])
    assert [(c.scenario, c.concurrency) for c in plan.cells] == [
        ("D(32,8)", 2), ("D(32,8)", 1), ("U(10,20)/(2,4)", 2), ("U(10,20)/(2,4)", 1),
    ]  # fmt: skip
    assert plan.total_requests == 80


@pytest.mark.parametrize(
    ("engine", "backend", "parameters"),
    [
        ("llama-cpp", "openai", {"logit_bias": {"0": -100, "2": -100}}),
        ("llama.cpp-smollm2", "openai", {"logit_bias": {"0": -100, "2": -100}}),
        ("vllm-openai-cpu", "vllm", {"ignore_eos": True}),
        ("sglang", "sglang", {"ignore_eos": True}),
        ("srt-llama-3-1-8b", "sglang", {"ignore_eos": True}),
        ("tgi", "openai", {}),
        ("", "openai", {}),
    ],
)
def test_end_token_is_suppressed_in_the_engines_own_words(
    engine: str, backend: str, parameters: dict[str, object]
) -> None:
    plan = planned(engine=engine, end_tokens=[2, 0, 2])
    assert (plan.backend, plan.parameters) == (backend, parameters)
    assert bool(plan.notes) == (not parameters)
    told = values(arguments_of(plan), "--additional-request-params")
    assert [json.loads(text) for text in told] == ([parameters] if parameters else [])


def test_arguments_name_everything_and_no_key() -> None:
    arguments = arguments_of(planned(scenarios=["D(32,8)", "D(64,8)"]))
    assert values(arguments, "--traffic-scenario") == ["D(32,8)", "D(64,8)"]
    assert values(arguments, "--num-concurrency") == ["1", "2"]
    assert values(arguments, "--api-model-name") == ["org/m"]
    assert values(arguments, "--model") == ["m"]
    assert values(arguments, "--experiment-base-dir") + values(arguments, "--experiment-folder-name") == [
        "/w",
        "results",
    ]
    assert values(arguments, "--api-key") == ["placeholder"]


def test_embeddings_vary_the_batch_size() -> None:
    plan = planned(task="text-to-embeddings", scenarios=["E(64)"], concurrency=[1, 8])
    assert plan.cells == (Cell(scenario="E(64)", concurrency=1), Cell(scenario="E(64)", concurrency=1, batch_size=8))
    assert values(arguments_of(plan), "--batch-size") == ["1", "8"]
    assert "--num-concurrency" not in arguments_of(plan)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "text-to-txt"}, "text-to-txt"),
        ({"scenarios": []}, "scenarios: is empty"),
        ({"scenarios": ["D(32,8)", "D(32,8)"]}, "twice"),
        ({"scenarios": ["D(32, 8)"]}, "D(32, 8)"),
        ({"scenarios": ["D(32,1)"]}, "D(32,1)"),
        ({"scenarios": ["E(64)"]}, "E(64)"),
        ({"scenarios": ["D(32,8)/(1,2)"]}, "D(32,8)/(1,2)"),
        ({"scenarios": ["D(0,8)"]}, "D(0,8)"),
        ({"concurrency": []}, "concurrency: is empty"),
        ({"concurrency": [0]}, "concurrency: 0"),
        ({"concurrency": [1, 1]}, "twice"),
        ({"concurrency": list(range(1, 51))}, "50 cells"),
        ({"max_requests": 0}, "max_requests: 0"),
        ({"max_minutes": 0}, "max_minutes: 0"),
        ({"context_length": 39}, "needs 40 tokens"),
    ],
)
def test_wrong_values_are_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        planned(**changes)
    assert said in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize(
    "changes",
    [{"task": "text-to-image", "scenarios": ["I(8,8)"]}, {"scenarios": ["dataset"]},
     {"task": "text-to-rerank", "scenarios": ["R(8,8)"], "engine": "llama-cpp"}],
)  # fmt: skip
def test_what_genai_bench_knows_but_we_do_not_run_is_unsupported(changes: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError):
        planned(**changes)


CELLS = [Cell(scenario=s, concurrency=n) for s, n in product(("D(8,8)", "D(9,9)", "N(4,1)/(4,1)"), (1, 2, 4))]


@given(st.sets(st.sampled_from(CELLS), min_size=1))
def test_runs_cover_exactly_the_missing_cells(missing: set[Cell]) -> None:
    ordered = [cell for cell in CELLS if cell in missing]
    runs = group_into_runs(ordered)
    assert [cell for run in runs for cell in run.cells] == ordered
    for run in runs:
        levels = list(dict.fromkeys(cell.concurrency for cell in run.cells))
        # genai-bench measures the product; it must be what was asked, in that order.
        assert [(s, n) for s in run.scenarios for n in levels] == [(c.scenario, c.concurrency) for c in run.cells]


def test_a_full_matrix_is_one_run() -> None:
    assert len(group_into_runs(CELLS)) == 1


def test_identity_ignores_the_matrix_and_heeds_the_rest() -> None:
    same = {"endpoint": "http://h:1"}
    first = identity(planned(), same)
    assert identity(planned(concurrency=[4]), same) == first
    others = [identity(planned(max_requests=21), same), identity(planned(), {"endpoint": "http://h:2"})]
    assert first not in others


@given(st.text(max_size=30))
def test_any_text_is_accepted_or_refused_by_class(text: str) -> None:
    try:
        plan = planned(scenarios=[text])
    except OmeError as error:
        assert error.remedy
    else:
        assert plan.cells[0].scenario == text

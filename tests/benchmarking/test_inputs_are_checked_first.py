"""What a person types into the form is understood or refused by name, before anything is started."""

from pathlib import Path
from typing import Any

import pytest

from steps.benchmark.genai_bench import child_environment, failure, find_genai_bench
from steps.benchmark.plan import Cell
from steps.benchmark.records import CellRecords
from steps.benchmark.results import BenchmarkReport
from steps.benchmark.unfinished import FORGOTTEN_SECONDS, KEPT_SECONDS, UnfinishedBenchmark
from steps.benchmark_endpoint import BenchmarkInputs, benchmark_endpoint
from steps.contract import find_step, read_inputs
from steps.endpoint import Endpoint
from steps.errors import ClusterError, InvalidInputError, NotFoundError, OmeError
from steps.resources import ResourceFolder


def typed(**parameters: str) -> Any:
    return read_inputs(find_step("benchmark-endpoint"), parameters)


@pytest.mark.parametrize(
    ("text", "scenarios"),
    [
        ('["D(32,8)","E(64)"]', ("D(32,8)", "E(64)")),
        ("D(32,8)", ("D(32,8)",)),
        ("D(32,8), N(4,1)/(4,1);U(10,20)", ("D(32,8)", "N(4,1)/(4,1)", "U(10,20)")),
        ("dataset", ("dataset",)),
        ("D(32,8) and more!", ("D(32,8) and more!",)),
        ("", ()),
    ],
)
def test_scenarios_may_be_json_or_plain_text(text: str, scenarios: tuple[str, ...]) -> None:
    assert typed(scenarios=text).scenarios == scenarios


@pytest.mark.parametrize(("text", "levels"), [("[1,2]", (1, 2)), ("4", (4,)), ("1, 2 8", (1, 2, 8)), ("", (1, 2))])
def test_concurrency_may_be_json_or_plain_text(text: str, levels: tuple[int, ...]) -> None:
    assert typed(concurrency=text).concurrency == levels


def test_a_baseline_is_an_earlier_report_or_given_numbers() -> None:
    earlier = BenchmarkReport(name="nightly", model="m", model_name="m", endpoint="http://h")
    assert typed(baseline=earlier.model_dump_json(by_alias=True)).baseline == earlier
    given = typed(baseline='[{"scenario": "D(8,8)", "concurrency": 1, "ttft": {"p50": 0.1}}]').baseline
    assert given[0].ttft.p50 == 0.1
    assert typed(baseline="").baseline is typed(baseline="[]").baseline is None
    for wrong in ("fast", '{"name": "nightly"}', '[{"scenario": "D(8,8)"}]'):
        with pytest.raises(InvalidInputError, match="baseline"):
            typed(baseline=wrong)


def test_a_wrong_number_names_the_parameter() -> None:
    with pytest.raises(InvalidInputError, match="concurrency"):
        typed(concurrency="many")
    with pytest.raises(InvalidInputError, match="max_error_rate"):
        typed(max_error_rate="1.5")


def refused(**changes: Any) -> OmeError:
    inputs: dict[str, Any] = {"endpoint": Endpoint(url="http://127.0.0.1:1", model_name="m"), "model": "tiny"}
    with pytest.raises(OmeError) as error:
        benchmark_endpoint(BenchmarkInputs(**(inputs | changes)))
    return error.value


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Not a name"}, "Not a name"),
        ({"endpoint": None}, "endpoint"),
        ({"endpoint": Endpoint(url="ftp://h", model_name="m")}, "ftp://h"),
        ({"endpoint": Endpoint(url="http://h", model_name="")}, "endpoint"),
        ({"model": ""}, "model: is empty"),
        ({"model": "absent"}, "absent"),
    ],
)
def test_missing_or_wrong_inputs_are_named(changes: dict[str, Any], said: str) -> None:
    error = refused(**changes)
    assert said in error.message
    assert error.remedy


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    error = refused(endpoint=Endpoint(url="http://user:hunter2@h:1", model_name="m"))
    assert "hunter2" not in error.message + error.remedy


def test_a_model_that_was_never_cached_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "nowhere")
    ResourceFolder().apply(
        {"kind": "ClusterBaseModel", "metadata": {"name": "tiny"}, "spec": {"storage": {"path": path}}}
    )
    assert path in refused().message


def test_a_missing_load_generator_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OME_CACHE", str(tmp_path))
    with pytest.raises(NotFoundError) as error:
        find_genai_bench(path=str(tmp_path))
    assert "make quickstart" in error.value.remedy
    program = tmp_path / "genai-bench"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_genai_bench(path=str(tmp_path)) == program


def test_the_load_generator_sees_no_credential() -> None:
    secret = {"HF_TOKEN": "t", "OME_ENDPOINT_KEY": "k", "AWS_SECRET_ACCESS_KEY": "s", "PYTHONPATH": "/x"}
    given = child_environment(Path("/env/bin/genai-bench"), secret | {"HOME": "/h", "https_proxy": "http://p"})
    assert not set(secret) & set(given)
    assert (given["HOME"], given["https_proxy"]) == ("/h", "http://p")
    assert given["PATH"].startswith("/env/bin:")
    assert "127.0.0.1" in given["NO_PROXY"]
    assert given["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize(
    ("code", "line", "kind", "said"),
    [
        (2, "Error: Invalid value for '--task': x", InvalidInputError, "--task"),
        (1, "OSError: /t is not a local folder and is not a valid model identifier", InvalidInputError, "tokenizer"),
        (1, "ValueError: something else", ClusterError, "something else"),
        (-9, "", ClusterError, "memory"),
        (137, "", ClusterError, "memory"),
        (-15, "", ClusterError, "from outside"),
        (0, "", ClusterError, "without the results"),
    ],
)
def test_exit_codes_have_their_class_and_remedy(code: int, line: str, kind: type[OmeError], said: str) -> None:
    error = failure(code, ["INFO x", line], "/kept/genai-bench.log")
    assert type(error) is kind
    assert said in error.message
    assert "/kept/genai-bench.log" in error.remedy


def test_cells_of_another_day_are_not_taken_over() -> None:
    cell = Cell(scenario="D(8,8)", concurrency=1)
    now = [0.0]
    UnfinishedBenchmark("nightly", "x").save(cell, CellRecords(scenario="D(8,8)", concurrency=1))
    started = UnfinishedBenchmark("nightly", "x").folder.stat().st_mtime

    def clock() -> float:
        return started + now[0]

    assert list(UnfinishedBenchmark("nightly", "x", clock).load([cell])) == [cell]
    now[0] = KEPT_SECONDS + 60
    assert UnfinishedBenchmark("nightly", "x", clock).load([cell]) == {}
    now[0] = FORGOTTEN_SECONDS + 60
    other = UnfinishedBenchmark("other", "y", clock).folder
    assert not (other.parent / "nightly-x").exists()


def test_a_broken_file_of_a_cell_is_measured_again() -> None:
    cell = Cell(scenario="D(8,8)", concurrency=1)
    unfinished = UnfinishedBenchmark("nightly", "x")
    (unfinished.folder / f"{cell.key}.json").write_text('{"scenario": "D(8')
    assert unfinished.load([cell]) == {}

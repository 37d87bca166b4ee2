"""Numbers are recomputed from single requests: error rate, percentiles, span and throughput."""

import json
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.benchmark.load_log import LoadLog
from steps.benchmark.percentile import percentile
from steps.benchmark.plan import MAX_CELLS
from steps.benchmark.records import CellRecords, RequestRecord, parse_run
from steps.benchmark.results import BenchmarkReport, judge, notes_of, summarise
from steps.errors import InvalidInputError

RECORDED = Path(__file__).parent / "recorded"
RUN = (RECORDED / "run_with_errors.json").read_text()


def recorded_cell() -> CellRecords:
    log = LoadLog()
    for number, line in enumerate((RECORDED / "run_with_errors.log").read_text().splitlines()):
        log.feed(line, 1e6 + number)
    return parse_run(RUN, scenario="D(32,8)", concurrency=2, times=log.times)


def test_error_rate_is_counted_although_genai_bench_says_zero() -> None:
    theirs = json.loads(RUN)["aggregated_metrics"]
    cell = summarise(recorded_cell())
    assert theirs["error_rate"] == 0
    assert (cell.requests, cell.errors) == (theirs["num_requests"], theirs["num_error_requests"])
    assert cell.error_rate == pytest.approx(theirs["num_error_requests"] / theirs["num_requests"])
    (kind,) = cell.error_kinds
    assert (kind.code, kind.count) == (500, cell.errors)
    assert "injected fault" in kind.message


def test_percentiles_agree_with_those_that_genai_bench_computes() -> None:
    theirs = json.loads(RUN)["aggregated_metrics"]["stats"]
    cell = summarise(recorded_cell())
    for ours, name in ((cell.ttft, "ttft"), (cell.tpot, "tpot"), (cell.end_to_end, "e2e_latency")):
        assert ours is not None
        assert [ours.p50, ours.p90, ours.p99] == pytest.approx([theirs[name][p] for p in ("p50", "p90", "p99")])
    assert cell.output_tokens == theirs["num_output_tokens"]["sum"]
    assert cell.input_tokens == theirs["num_input_tokens"]["sum"]


def test_every_answered_request_finds_its_start_in_the_log() -> None:
    answered = [r for r in recorded_cell().records if not r.is_error]
    assert answered
    assert all(r.start is not None for r in answered)


def test_span_and_throughput_use_request_times_not_the_polled_duration() -> None:
    rows = [
        RequestRecord(start=0.0, ttft=0.1, tpot=0.1, end_to_end=1.0, output_tokens=10),
        RequestRecord(start=1.0, ttft=0.1, tpot=0.1, end_to_end=3.0, output_tokens=30),
        RequestRecord(start=1.5, error_code=500),
    ]
    cell = summarise(CellRecords(scenario="D(8,8)", concurrency=1, polled_seconds=5.0, records=tuple(rows)))
    assert cell.is_exact_span
    assert cell.seconds == 4.0
    assert cell.output_tokens_per_second == 10.0
    assert cell.requests_per_second == 0.5
    without = tuple(r.model_copy(update={"start": None}) for r in rows)
    cell = summarise(CellRecords(scenario="D(8,8)", concurrency=1, polled_seconds=5.0, records=without))
    assert not cell.is_exact_span
    assert cell.seconds == 5.0
    assert any("span" in note for note in notes_of([cell], []))


def test_a_run_in_milliseconds_reads_the_same() -> None:
    run = json.loads(RUN)
    for row in run["individual_request_metrics"]:
        for name in ("ttft", "tpot", "e2e_latency"):
            row[name] = None if row[name] is None else row[name] * 1000
    run["_time_unit"] = "ms"
    ours = summarise(parse_run(json.dumps(run), scenario="D(32,8)", concurrency=2)).ttft
    theirs = summarise(parse_run(RUN, scenario="D(32,8)", concurrency=2)).ttft
    assert ours is not None
    assert theirs is not None
    assert ours.p99 == pytest.approx(theirs.p99)


def test_short_runs_are_marked() -> None:
    def cell(seconds: float) -> CellRecords:
        row = RequestRecord(start=0.0, ttft=0.1, tpot=0.1, end_to_end=seconds, output_tokens=4)
        return CellRecords(scenario="D(8,8)", concurrency=1, records=(row,))

    assert summarise(cell(29.9)).is_short
    assert not summarise(cell(30.0)).is_short
    assert any("1 of 2 cells" in note for note in notes_of([summarise(cell(2)), summarise(cell(40))], []))


@pytest.mark.parametrize(("errors", "verdict"), [(0, "Pass"), (1, "Pass"), (2, "Failed"), (100, "Failed")])
def test_verdict_follows_the_error_rate_of_the_worst_cell(errors: int, verdict: str) -> None:
    good = RequestRecord(start=0.0, ttft=0.1, tpot=0.1, end_to_end=1.0, output_tokens=4)
    bad = RequestRecord(start=0.0, error_code=503, error_message="busy")
    clean = summarise(CellRecords(scenario="D(8,8)", concurrency=1, records=(good,) * 100))
    dirty = summarise(
        CellRecords(scenario="D(9,9)", concurrency=4, records=(good,) * (100 - errors) + (bad,) * errors)
    )
    given_verdict, reason = judge([clean, dirty], 0.01)
    assert given_verdict == verdict
    assert ("D(9,9) at concurrency 4" in reason) == (verdict == "Failed")


def test_a_cell_without_requests_fails() -> None:
    empty = summarise(CellRecords(scenario="D(8,8)", concurrency=1))
    assert empty.error_rate == 1.0
    assert judge([empty], 1.0)[0] == "Failed"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"individual_request_metrics": [{"ttft": "fast"}], "aggregated_metrics": {}}', '{"individual',
     '{"individual_request_metrics": [1], "aggregated_metrics": {}}'],
)  # fmt: skip
def test_what_is_no_run_file_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"D\(32,8\), concurrency 2"):
        parse_run(text, scenario="D(32,8)", concurrency=2)


@given(st.lists(st.floats(0.001, 1000), min_size=2, max_size=60))
def test_percentile_matches_the_standard_library(values: list[float]) -> None:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    for share in (50, 90, 99):
        assert percentile(sorted(values), share / 100) == pytest.approx(cuts[share - 1])


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0.01, 10), st.integers(0, 400), st.booleans()), min_size=1, max_size=80
    )
)
def test_summary_is_consistent_for_any_requests(rows: list[tuple[float, float, int, bool]]) -> None:
    records = tuple(
        RequestRecord(start=start, error_code=500, error_message="no")
        if failed
        else RequestRecord(start=start, ttft=latency / 2, tpot=0.01, end_to_end=latency, output_tokens=tokens)
        for start, latency, tokens, failed in rows
    )
    cell = summarise(CellRecords(scenario="D(8,8)", concurrency=1, polled_seconds=1.0, records=records))
    assert cell.requests == len(rows)
    assert cell.errors == sum(failed for *_, failed in rows) == sum(kind.count for kind in cell.error_kinds)
    assert 0 <= cell.error_rate <= 1
    for found in (cell.ttft, cell.tpot, cell.end_to_end):
        if found is not None:
            assert found.p50 <= found.p90 + 1e-9
            assert found.p90 <= found.p99 + 1e-9
    assert cell.output_tokens_per_second * cell.seconds == pytest.approx(cell.output_tokens)


def test_the_largest_report_stays_under_64_kib() -> None:
    bad = tuple(RequestRecord(start=0.1, error_code=400 + n, error_message='"' * 900) for n in range(9))
    good = tuple(
        RequestRecord(start=n, ttft=n / 7, tpot=n / 70, end_to_end=n / 3, input_tokens=480, output_tokens=300)
        for n in range(1, 50)
    )
    one = summarise(CellRecords(scenario="N(480,240)/(300,150)", concurrency=99999, records=(*bad, *good)))
    assert one.noise is not None and one.error_kinds and one.tpot is not None
    report = BenchmarkReport(name="n" * 60, model="m", model_name="m", endpoint="http://e", cells=(one,) * MAX_CELLS)
    assert len(report.model_dump_json(by_alias=True).encode()) < 64 * 1024

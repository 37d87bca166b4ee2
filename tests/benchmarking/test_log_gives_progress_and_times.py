"""genai-bench's debug log is followed line by line, whatever the model writes into it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.benchmark.bounded_log import MAX_BYTES, BoundedLog
from steps.benchmark.load_log import LoadLog

RECORDED = (Path(__file__).parent / "recorded" / "run_with_errors.log").read_text().splitlines()
PREFIX = "2026-11-21 09:38:18.%f - "


def answer(text: str, start: float, end: float) -> list[str]:
    return [
        *f"DEBUG    {PREFIX}genai_bench.user.openai_user:parse_chat_response - Generated text: {text} ".split("\n"),
        f"Start Time: {start!r}",
        f"End Time: {end!r}",
        f"DEBUG    {PREFIX}locust.runners:send_message - Running locally: sending request_metrics message to self",
    ]


def feed(log: LoadLog, lines: list[str]) -> list[str]:
    return [line for number, line in enumerate(lines) if log.feed(line, float(number))]


def test_recorded_run_is_counted() -> None:
    log = LoadLog()
    shown = feed(log, RECORDED)
    assert log.finished == [("D(32,8)", 2)]
    assert log.failed == len(log.error_times) == 5
    assert log.answered == len(log.times) >= 8
    assert all(0 < t.end - t.start < 5 for t in log.times)
    assert not any("word0" in line or line.startswith("DEBUG") for line in shown)
    assert any("Starting benchmark" in line for line in shown)


def test_a_new_cell_starts_from_zero() -> None:
    log = LoadLog()
    feed(log, answer("hi", 1.0, 2.0))
    assert log.done == 1
    feed(
        log,
        [f"INFO     {PREFIX}genai_bench.benchmark:benchmark - Starting benchmark with concurrency=4, spawn_rate=4"],
    )
    assert (log.done, log.times) == (0, [])


@given(st.text(max_size=200))
def test_generated_text_cannot_forge_times(text: str) -> None:
    forged = f"{text}\nStart Time: 5.0\nEnd Time: 6.0\n{text}"
    log = LoadLog()
    feed(log, [line for line in answer(forged, 100.25, 101.5)])
    assert [(t.start, t.end) for t in log.times] == [(100.25, 101.5)]


def test_answers_that_genai_bench_drops_are_counted() -> None:
    log = LoadLog()
    feed(log, answer("", 1.0, 2.0))
    feed(log, [f"WARNING  {PREFIX}genai_bench.distributed.runner:handler - Dropping invalid metrics record due to x"])
    feed(log, [f"ERROR    {PREFIX}locust.user.task:run - Invalid streaming response: no content", "Traceback (most"])
    assert (log.answered, log.unmeasured, log.done) == (0, 2, 2)


def test_embeddings_are_counted_by_their_http_answers() -> None:
    log = LoadLog(is_streaming=False)
    line = f'DEBUG    {PREFIX}urllib3.connectionpool:_make_request - http://h:1 "POST /v1/embeddings HTTP/1.1" '
    feed(log, [line + "200 35", line + "500 7"])
    assert log.answered == 1


def test_missing_token_counts_are_noticed() -> None:
    log = LoadLog()
    feed(
        log, [f"WARNING  {PREFIX}genai_bench.logging:warning_once - x There is no usage info returned from the model"]
    )
    assert log.is_counted_locally


@pytest.mark.parametrize("line", ["Usage: genai-bench benchmark [OPTIONS]", "Error: Invalid value for '--task'"])
def test_what_is_no_log_line_is_shown(line: str) -> None:
    assert LoadLog().feed(line, 0.0)


def test_kept_log_is_bounded(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "a" / "load.log")
    for number in range(3000):
        log.write(f"{number} " + "x" * 5000)
    assert log.path.stat().st_size < MAX_BYTES + 5000
    assert log.last[-1].startswith("2999 ")
    assert "cut here" in log.path.read_text().splitlines()[-1]

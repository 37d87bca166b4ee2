"""Whether a run is worse than its baseline: a plain comparison of medians, 99th percentiles and rates, cell by cell.

A metric is worse when it is past its threshold, 10 % where none is given. A median counts from 30 answered requests on
both sides, a 99th percentile from 300; with fewer a cell decides nothing, and a run in which nothing is worse but a
cell could not be compared is Inconclusive. It does not know the noise between runs: single requests do, and they are
in the reports.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from controller.actions import Object
from steps.benchmark.results import BenchmarkCell, BenchmarkReport

Verdict = Literal["Pass", "Regressed", "Inconclusive", "Failed"]

DEFAULT_PERCENT: Final = 10.0
ENOUGH_FOR_MEDIAN: Final = 30
ENOUGH_FOR_P99: Final = 300
_LATENCIES: Final = (("ttft", "time to first token"), ("tpot", "time per output token"), ("endToEnd", "latency"))
_RATES: Final = (("outputTokensPerSecond", "output tokens/s"), ("requestsPerSecond", "requests/s"))
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a run is compared with.

    Attributes:
        run: Its name; "" for given numbers.
        results: As in `status.results`; empty when they are not known any more.
        cells: How many it had, where there is no room to remember all; 0 for as many as there are.
    """

    run: str
    results: Sequence[Mapping[str, Any]]
    cells: int = 0


def results_of(report: BenchmarkReport) -> list[Object]:
    """A report's cells as `status.results`; for embeddings the level is the texts of a request."""
    return [_result(cell) for cell in report.cells]


def judge_run(
    report: BenchmarkReport, baseline: Baseline | None, thresholds: Mapping[str, Any]
) -> tuple[Verdict, str]:
    """The verdict on a run, and what it rests on, in a sentence.

    Args:
        report: What it measured.
        baseline: What to compare with; None for the first run.
        thresholds: As in the job's spec.
    """
    if report.verdict == "Failed":
        return "Failed", report.reason
    if baseline is None:
        return "Pass", f"{report.requests} requests, {report.errors} failed; there is no baseline yet."
    what = f"run {baseline.run}" if baseline.run else "the given numbers"
    if not baseline.results:
        return "Inconclusive", f"The numbers of {what} are not known any more: name another run, or give numbers."
    before = {(one.get("scenario"), one.get("concurrency")): one for one in baseline.results}
    pairs = [(new, before.get((new["scenario"], new["concurrency"]))) for new in results_of(report)]
    worse: list[str] = []
    unsure: list[str] = []
    for new, old in pairs:
        cell = f"{new['scenario']} at {new['concurrency']}"
        if old is None:
            unsure.append(f"{cell} is not {_in_baseline(baseline)}")
            continue
        if min(_answered(new), _answered(old)) < ENOUGH_FOR_MEDIAN:
            unsure.append(f"{cell} has {min(_answered(new), _answered(old))} answered requests of {ENOUGH_FOR_MEDIAN}")
            continue
        worse += [f"{cell}: {text}" for text in _worse(new, old, thresholds)]
    if worse:
        return "Regressed", f"Against {what}: {_list(worse)}."
    if unsure or not pairs:
        return "Inconclusive", f"Against {what}: {_list(unsure) or 'nothing was measured'}."
    return "Pass", f"Nothing is worse than {what} by more than its threshold."


def _worse(new: Mapping[str, Any], old: Mapping[str, Any], thresholds: Mapping[str, Any]) -> Iterable[str]:
    percentiles = ["p50"] + (["p99"] if min(_answered(new), _answered(old)) >= ENOUGH_FOR_P99 else [])
    for name, words in _LATENCIES:
        percent = _percent(thresholds, name)
        for percentile in percentiles:
            now, then = (new.get(name) or {}).get(percentile), (old.get(name) or {}).get(percentile)
            if now is not None and then and now > then * (1 + percent / 100):
                change = (now / then - 1) * 100
                yield f"{words} {percentile} {now:.4g} s, was {then:.4g} s (+{change:.1f} %, at most {percent:g} %)"
    for name, words in _RATES:
        percent = _percent(thresholds, name)
        now, then = new.get(name), old.get(name)
        if now is not None and then and now < then * (1 - percent / 100):
            change = (1 - now / then) * 100
            yield f"{words} {now:.4g}, was {then:.4g} (-{change:.1f} %, at most {percent:g} %)"


def _in_baseline(baseline: Baseline) -> str:
    known = len(baseline.results)
    if baseline.cells <= known:
        return "in the baseline"
    return f"among the {known} cells of the baseline's {baseline.cells} that there is room for"


def _percent(thresholds: Mapping[str, Any], name: str) -> float:
    given = thresholds.get(name)
    return float(given) if given is not None else DEFAULT_PERCENT


def _answered(result: Mapping[str, Any]) -> int:
    return round(int(result.get("requests") or 0) * (1 - float(result.get("errorRate") or 0)))


def _result(cell: BenchmarkCell) -> Object:
    made: Object = {
        "scenario": cell.scenario,
        "concurrency": cell.batch_size if cell.batch_size > 1 else cell.concurrency,
    }
    for name, value in (("ttft", cell.ttft), ("tpot", cell.tpot), ("endToEnd", cell.end_to_end)):
        if value is not None:
            made[name] = value.model_dump()
    return made | {
        "outputTokensPerSecond": cell.output_tokens_per_second,
        "requestsPerSecond": cell.requests_per_second,
        "errorRate": cell.error_rate,
        "requests": cell.requests,
    }


def _list(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return "; ".join(texts[:_NAMED]) + more

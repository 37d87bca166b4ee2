"""Whether a run is worse than its baseline: medians, 99th percentiles and rates, cell by cell, with their noise.

Called by the step, for a baseline that a person gives, and by the controller, for a BenchmarkJob's.

A metric is worse when it is past its threshold, 10 % where none is given, and so is the end of the confidence interval
of the ratio that speaks for the run; past the threshold with only its middle, it decides nothing. The noise of each
figure is the bootstrap's over single requests (`steps.benchmark.noise`), and the interval is wide enough that of a
hundred runs without a change one at most is called worse, however many cells it has. Without noise, as in a baseline
of given numbers, a figure counts as exact; a remembered run of an older version counts as noisy as the new one.

A median counts from 30 answered requests on both sides, a 99th percentile from 300; with fewer a cell decides nothing,
and a run in which nothing is worse but a cell could not be compared is Inconclusive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, hypot, inf, log
from statistics import NormalDist
from typing import Any, Final

from crds.benchmark_status import BenchmarkResult, Verdict
from steps.benchmark.noise import ENOUGH
from steps.benchmark.results import BenchmarkCell, BenchmarkReport

Object = dict[str, Any]

DEFAULT_PERCENT: Final = 10.0
ENOUGH_FOR_MEDIAN: Final = ENOUGH
ENOUGH_FOR_P99: Final = 300
_LATENCIES: Final = (("ttft", "time to first token"), ("tpot", "time per output token"), ("endToEnd", "latency"))
_RATES: Final = (("outputTokensPerSecond", "output tokens/s"), ("requestsPerSecond", "requests/s"))
FALSE_ALARMS: Final = 0.01
"""Share of runs without a change that may be called worse."""
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


def baseline_of(report: BenchmarkReport) -> list[Object]:
    """A report's cells as a baseline remembers them: with the noise of their figures, where it is known."""
    return [
        result | ({"noise": cell.noise.model_dump(by_alias=True, exclude_none=True)} if cell.noise else {})
        for cell, result in zip(report.cells, results_of(report), strict=True)
    ]


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
    pairs = [(new, before.get((new["scenario"], new["concurrency"]))) for new in baseline_of(report)]
    compared = [_comparisons(new, old, thresholds, is_a_run=bool(baseline.run)) if old else [] for new, old in pairs]
    deviations = NormalDist().inv_cdf(1 - FALSE_ALARMS / max(sum(map(len, compared)), 1))
    worse: list[str] = []
    unsure: list[str] = []
    for (new, old), comparisons in zip(pairs, compared, strict=True):
        cell = f"{new['scenario']} at {new['concurrency']}"
        if old is None:
            unsure.append(f"{cell} is not {_in_baseline(baseline)}")
            continue
        if min(_answered(new), _answered(old)) < ENOUGH_FOR_MEDIAN:
            unsure.append(f"{cell} has {min(_answered(new), _answered(old))} answered requests of {ENOUGH_FOR_MEDIAN}")
            continue
        for one in comparisons:
            if one.least(deviations) > one.threshold:
                worse.append(f"{cell}: {one.told()}")
            elif one.change > one.threshold:
                unsure.append(f"{cell}: {one.told()}, which may be chance")
    if worse:
        return "Regressed", f"Against {what}: {_list(worse)}."
    if unsure or not pairs:
        return "Inconclusive", f"Against {what}: {_list(unsure) or 'nothing was measured'}."
    return "Pass", f"Nothing is worse than {what} by more than its threshold."


def compare(report: BenchmarkReport, given: BenchmarkReport | Sequence[BenchmarkResult]) -> BenchmarkReport:
    """A report with the verdict, and unless that is Pass the reason, that figures of an earlier one give it.

    Args:
        report: What was measured; Failed stays Failed.
        given: An earlier report, whose noise counts, or numbers that count as exact.
    """
    if isinstance(given, BenchmarkReport):
        baseline = Baseline(given.name, baseline_of(given))
    else:
        baseline = Baseline("", [one.model_dump(by_alias=True, exclude_none=True) for one in given])
    verdict, told = judge_run(report, baseline, {})
    return report.model_copy(update={"verdict": verdict, "reason": "" if verdict == "Pass" else told})


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A figure of a cell beside the baseline's.

    Attributes:
        words: What it is.
        unit: Of the values, behind a blank, or "".
        now, then: The values, more than 0.
        sign: 1 where more is worse, -1 where less is.
        percent: The threshold.
        noise: Standard error of the logarithm of their ratio.
    """

    words: str
    unit: str
    now: float
    then: float
    sign: int
    percent: float
    noise: float

    @property
    def change(self) -> float:
        """How much worse it is: the logarithm of the ratio."""
        return self.sign * log(self.now / self.then)

    @property
    def threshold(self) -> float:
        """How much worse it may be, in the same measure."""
        share = 1 + self.sign * self.percent / 100
        return self.sign * log(share) if share > 0 else inf

    def least(self, deviations: float) -> float:
        """How much worse it is at least, as far as so many standard errors tell."""
        return self.change - deviations * self.noise

    def told(self) -> str:
        """Both values, the change, its noise and the threshold."""
        change = (self.now / self.then - 1) * 100
        noise = f" ± {(exp(self.noise) - 1) * 100:.1f} %" if self.noise else " %"
        return (
            f"{self.words} {self.now:.4g}{self.unit}, was {self.then:.4g}{self.unit} "
            f"({change:+.1f}{noise}, at most {self.percent:g} %)"
        )


def _comparisons(
    new: Mapping[str, Any], old: Mapping[str, Any], thresholds: Mapping[str, Any], *, is_a_run: bool
) -> list[_Comparison]:
    """The figures of a cell that both sides have.

    Args:
        new: The run's.
        old: The baseline's.
        thresholds: As in the job's spec.
        is_a_run: Whether the baseline was measured, and is as noisy as the new run where its noise is not known.
    """
    percentiles = ["p50"] + (["p99"] if min(_answered(new), _answered(old)) >= ENOUGH_FOR_P99 else [])
    noise = new.get("noise") or {}
    old_noise = old.get("noise") or (noise if is_a_run else {})
    made: list[_Comparison] = []
    for name, words in _LATENCIES:
        for percentile in percentiles:
            now, then = (new.get(name) or {}).get(percentile), (old.get(name) or {}).get(percentile)
            if now and then:
                errors = [float((side.get(name) or {}).get(percentile) or 0) for side in (noise, old_noise)]
                percent = _percent(thresholds, name)
                made.append(_Comparison(f"{words} {percentile}", " s", now, then, 1, percent, hypot(*errors)))
    for name, words in _RATES:
        now, then = new.get(name), old.get(name)
        if now and then:
            errors = [float(side.get(name) or 0) for side in (noise, old_noise)]
            made.append(_Comparison(words, "", now, then, -1, _percent(thresholds, name), hypot(*errors)))
    return made


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
        "concurrency": cell.level,
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

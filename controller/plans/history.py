"""The finished runs of a benchmark: each once in `status.history`, with the verdict it got when it ended.

A run is judged against what was the baseline then: the numbers given, a named run, or the last one that passed. The
baseline's numbers are remembered in an annotation of the job, because runs do not stay for ever.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from controller.actions import Object
from controller.plans.benchmark_sizes import MOST_BASELINE, MOST_HISTORY, MOST_RESULTS, left_out, within
from controller.plans.failures import read_failure
from controller.plans.runs import Run
from steps.benchmark.results import BenchmarkReport
from steps.benchmark.verdict import Baseline, baseline_of, judge_run, results_of

BASELINE: Final = "ome.io/baseline"
REVISION: Final = "model-revision"
"""Annotation `ome.io/model-revision` of a run."""
DEFAULT_LIMIT: Final = 10


@dataclass(frozen=True)
class History:
    """What finished runs add up to.

    Attributes:
        entries: Newest first, at most the limit, and what there is room for.
        results: Of the last finished run; None when it has none, or nothing has finished since the status was written.
        last: The entry of the last finished run.
        baseline: What is to be remembered, as JSON; "" for nothing.
        run: The last finished run; None when it is not there any more.
    """

    entries: tuple[Object, ...]
    results: list[Object] | None
    last: Object | None
    baseline: str
    run: Run | None = None


def history_of(job: Object, runs: Iterable[Run]) -> History:
    """The job's history with the runs that have ended.

    Args:
        job: Its status has the entries of earlier runs.
        runs: Its runs.
    """
    spec, status = job.get("spec") or {}, job.get("status") or {}
    finished = sorted((run for run in runs if not run.is_active), key=lambda run: (run.finished, run.name))
    known: dict[str, Object] = {str(entry["run"]): dict(entry) for entry in status.get("history") or ()}
    remembered = _remembered(job)
    named = str((spec.get("baseline") or {}).get("run") or "")
    results: list[Object] | None = None
    last: Object | None = None
    for run in finished:
        report = report_of(run)
        entry = known.get(run.name)
        if entry is None:
            entry = _entry(run, report, _baseline(spec, remembered, named), spec.get("thresholds") or {})
            known[run.name] = entry
        if report is not None and (run.name == named or (not named and entry.get("verdict") == "Pass")):
            numbers = baseline_of(report)
            remembered = Baseline(run.name, within(numbers, MOST_BASELINE), len(numbers))
        results, last = (within(results_of(report), MOST_RESULTS) if report is not None else None), entry
    ordered = sorted(known.values(), key=lambda entry: (entry.get("finishedAt", ""), entry["run"]), reverse=True)
    limit = spec.get("historyLimit")
    limit = DEFAULT_LIMIT if limit is None else int(limit)
    return History(
        entries=tuple(within(ordered[:limit], MOST_HISTORY)),
        results=results,
        last=last if last is not None else (ordered[0] if ordered else None),
        baseline=_written(remembered),
        run=finished[-1] if finished else None,
    )


def report_of(run: Run) -> BenchmarkReport | None:
    """What a run measured; None when it failed, or its report cannot be read."""
    text = run.output("report", "benchmark") if run.phase == "Succeeded" else ""
    try:
        return BenchmarkReport.model_validate_json(text) if text else None
    except ValidationError:
        return None


def _entry(
    run: Run, report: BenchmarkReport | None, baseline: Baseline | None, thresholds: Mapping[str, Any]
) -> Object:
    entry: Object = {"run": run.name, "startedAt": run.started, "finishedAt": run.finished}
    if report is not None:
        entry["verdict"], told = judge_run(report, baseline, thresholds)
        entry["message"] = f"{told} {left_out(results_of(report))}".strip()
    elif run.failure is not None:
        entry["verdict"], entry["message"] = "Failed", f"{run.failure.reason}: {run.failure.sentence}"
    else:
        entry["verdict"], entry["message"] = "Failed", "The run ended well, but its report cannot be read."
    if uri := run.output("report_uri", "upload") or run.output("report_folder", "benchmark"):
        entry["reportUri"] = uri
    upload = run.task("upload")
    if upload is not None and upload.phase == "Failed":
        failed = read_failure(upload.message, upload.name)
        entry["uploadFailure"] = f"{failed.reason}: {failed.sentence}"
    elif upload is not None and (left := upload.outputs.get("left_out")):
        entry["uploadFailure"] = f"Too large to be uploaded: {left}."
    if revision := run.annotations.get(f"ome.io/{REVISION}"):
        entry["modelRevision"] = revision
    return {key: value for key, value in entry.items() if value}


def _baseline(spec: Mapping[str, Any], remembered: Baseline | None, named: str) -> Baseline | None:
    given = (spec.get("baseline") or {}).get("results")
    if given:
        return Baseline("", given)
    if named and (remembered is None or remembered.run != named):
        return Baseline(named, ())
    return remembered


def _remembered(job: Object) -> Baseline | None:
    try:
        found = json.loads((job["metadata"].get("annotations") or {}).get(BASELINE) or "{}")
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("results"), list) or not found.get("run"):
        return None
    return Baseline(str(found["run"]), found["results"], int(found.get("cells") or 0))


def _written(baseline: Baseline | None) -> str:
    if baseline is None:
        return ""
    kept: Object = {"run": baseline.run, "results": list(baseline.results)}
    if baseline.cells > len(baseline.results):
        kept["cells"] = baseline.cells
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))

"""The numbers of a benchmark as they stand in `status`: small enough to keep, the large tables are in the report."""

from typing import Annotated, Literal

from pydantic import Field

from crds.base import ApiType, Count
from crds.status import Status

BenchmarkState = Literal["Pending", "Running", "Completed", "Failed"]
Verdict = Literal["Pass", "Regressed", "Inconclusive", "Failed"]

_Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Percentiles(ApiType):
    """A latency, in seconds."""

    p50: _Number | None = None
    p90: _Number | None = None
    p99: _Number | None = None


class BenchmarkResult(ApiType):
    """One cell of the matrix.

    Attributes:
        ttft: Time to first token.
        tpot: Time per output token.
        end_to_end: Latency of a whole request.
        error_rate: Failed requests over all, 0 to 1.
        requests: How many were sent.
    """

    scenario: str
    concurrency: Count
    ttft: Percentiles | None = None
    tpot: Percentiles | None = None
    end_to_end: Percentiles | None = None
    output_tokens_per_second: _Number | None = None
    requests_per_second: _Number | None = None
    error_rate: Annotated[float, Field(ge=0, le=1)] | None = None
    requests: Count | None = None


class BenchmarkRun(ApiType):
    """One past run.

    Attributes:
        run: Its name, which a baseline can name.
        model_revision: Of the model that was measured.
        report_uri: Where its report is.
        upload_failure: Why its report, or a part of it, is not where spec.outputLocation says; "" where all is.
        message: What the verdict rests on, in a sentence.
    """

    run: str
    started_at: str = ""
    finished_at: str = ""
    verdict: Verdict | None = None
    model_revision: str = ""
    report_uri: str = ""
    upload_failure: str = ""
    message: str = ""


class BenchmarkJobStatus(Status):
    """What became of a benchmark.

    Attributes:
        state: As OME; derived from the conditions.
        details: OME's; nothing writes it.
        results: Of the last finished run.
        verdict: Of the last finished run.
        history: Newest first.
        report_uri: Of the last finished run.
    """

    state: BenchmarkState | None = None
    start_time: str = ""
    completion_time: str = ""
    last_reconcile_time: str = ""
    failure_message: str = ""
    details: str = ""
    results: tuple[BenchmarkResult, ...] = ()
    verdict: Verdict | None = None
    history: tuple[BenchmarkRun, ...] = ()
    report_uri: str = ""

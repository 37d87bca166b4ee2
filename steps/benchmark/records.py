"""Single requests: parsed from genai-bench's run file, joined with the times of its log, kept for later comparison.

Called by `steps.benchmark.load` after every run. Times in a run file are seconds or milliseconds and carry no start;
starts come from the log (`steps.benchmark.load_log`) and are matched by their exact latency.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

from steps.errors import InvalidInputError
from steps.frozen import Frozen


class RequestRecord(Frozen):
    """One request. All times are in seconds.

    Attributes:
        start: Since the first request of the cell; None when unknown.
        ttft: Time to first token; None for a failed request.
        tpot: Time per output token after the first; None when it could not be measured.
        end_to_end: Until the last byte; None for a failed request.
        error_code: HTTP status; 0 when the answer had no token to measure; None for an answered request.
        error_message: What the endpoint said.
    """

    start: float | None = None
    ttft: float | None = None
    tpot: float | None = None
    end_to_end: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    error_code: int | None = None
    error_message: str = ""

    @property
    def is_error(self) -> bool:
        """Whether the request failed."""
        return self.error_code is not None


class CellRecords(Frozen):
    """Every request of one finished cell; the file that an interrupted benchmark keeps.

    Attributes:
        polled_seconds: Duration as the load generator saw it, up to a second too long.
        is_counted_locally: Whether output tokens were counted with the tokenizer, because the endpoint reports none.
    """

    scenario: str
    concurrency: int
    batch_size: int = 1
    polled_seconds: float = 0.0
    is_counted_locally: bool = False
    records: tuple[RequestRecord, ...] = ()


class RequestTimes(Frozen):
    """When a request was sent and when its answer ended, on the machine's monotonic clock in seconds."""

    start: float
    end: float


MAX_MESSAGE_LENGTH = 500
NO_TOKENS = "the answer had fewer than two tokens, so it could not be measured"


def parse_run(
    text: str,
    *,
    scenario: str,
    concurrency: int,
    batch_size: int = 1,
    times: Sequence[RequestTimes] = (),
    error_times: Sequence[float] = (),
    unmeasured: int = 0,
    is_counted_locally: bool = False,
) -> CellRecords:
    """Read a run file of genai-bench.

    Args:
        text: Its JSON.
        scenario: Of the cell it belongs to.
        concurrency: Of the cell.
        batch_size: Of the cell.
        times: Of answered requests, from the log.
        error_times: When each failed request ended, from the log, in order.
        unmeasured: How many answers genai-bench dropped because they had fewer than two tokens.
        is_counted_locally: Whether it counted output tokens itself.

    Raises:
        InvalidInputError: when the text is not a run file.
    """
    try:
        run = json.loads(text)
        rows: list[Mapping[str, object]] = run["individual_request_metrics"]
        scale = 0.001 if run.get("_time_unit") == "ms" else 1.0
        polled = float(run["aggregated_metrics"].get("run_duration") or 0.0)
        parsed = [_record(row, scale) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInputError(
            f"benchmark results of {scenario}, concurrency {concurrency}: not a genai-bench run file ({error!r})",
            remedy="Use the version of genai-bench that the lock file pins.",
        ) from None
    parsed += [RequestRecord(error_code=0, error_message=NO_TOKENS)] * unmeasured
    return CellRecords(
        scenario=scenario,
        concurrency=concurrency,
        batch_size=batch_size,
        polled_seconds=polled,
        is_counted_locally=is_counted_locally,
        records=with_starts(parsed, times, error_times),
    )


def _record(row: Mapping[str, object], scale: float) -> RequestRecord:
    code = row.get("error_code")
    if code is not None:
        message = str(row.get("error_message") or "")
        return RequestRecord(error_code=_whole(code), error_message=message[:MAX_MESSAGE_LENGTH])
    return RequestRecord(
        ttft=_seconds(row.get("ttft"), scale),
        tpot=_seconds(row.get("tpot"), scale),
        end_to_end=_seconds(row.get("e2e_latency"), scale),
        input_tokens=_whole(row.get("num_input_tokens") or 0),
        output_tokens=_whole(row.get("num_output_tokens") or 0),
    )


def _seconds(value: object, scale: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"expected seconds, got {value!r}")
    return value * scale


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"expected a number, got {value!r}")
    return int(value)


def with_starts(
    records: Sequence[RequestRecord], times: Sequence[RequestTimes], error_times: Sequence[float]
) -> tuple[RequestRecord, ...]:
    """`records` with their `start`, in order of it where it is known.

    An answered request's latency is the very difference of the two times that the log prints, so equality is exact;
    what finds no partner keeps `start` None.
    """
    by_latency: dict[float, list[float]] = defaultdict(list)
    for moment in times:
        by_latency[moment.end - moment.start].append(moment.start)
    failures = iter(error_times)
    placed: list[RequestRecord] = []
    for record in records:
        start: float | None
        if record.is_error:
            start = next(failures, None)
        else:
            waiting = by_latency.get(record.end_to_end if record.end_to_end is not None else -1.0)
            start = waiting.pop(0) if waiting else None
        placed.append(record.model_copy(update={"start": start}))
    known = [r.start for r in placed if r.start is not None]
    origin = min(known, default=0.0)
    shifted = [r if r.start is None else r.model_copy(update={"start": r.start - origin}) for r in placed]
    return tuple(sorted(shifted, key=lambda r: (r.start is None, r.start or 0.0)))

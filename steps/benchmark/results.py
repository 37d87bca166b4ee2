"""What a benchmark found: frozen types, and the pure arithmetic from single requests to percentiles and a verdict.

Called by `steps.benchmark_endpoint` and by whoever prints the summary. The load generator's own averages are not used:
its error rate is always 0 and its throughput counts idle time.
"""

from collections import Counter
from collections.abc import Sequence

from crds.benchmark_status import Verdict
from steps.benchmark.noise import Noise, noise_of
from steps.benchmark.percentile import percentile
from steps.benchmark.records import CellRecords, RequestRecord
from steps.frozen import Frozen

SHORT_RUN_SECONDS = 30.0
MAX_ERROR_KINDS = 3
MAX_MESSAGE_BYTES = 80


class Percentiles(Frozen):
    """A distribution over the answered requests of a cell, in seconds."""

    p50: float
    p90: float
    p99: float


class ErrorKind(Frozen):
    """Failed requests of one kind.

    Attributes:
        code: HTTP status, or 0 when the answer carried no token that could be measured.
        count: How many requests.
        message: The first one's text, shortened.
    """

    code: int
    count: int
    message: str = ""


class BenchmarkCell(Frozen):
    """One cell of the matrix: a traffic scenario at one concurrency.

    Attributes:
        scenario: As genai-bench writes it, such as "D(64,16)".
        concurrency: Requests in flight at once.
        batch_size: Texts a request (embeddings and rerank), else 1.
        requests: Finished requests, failed ones included.
        errors: Failed ones among them.
        error_rate: errors / requests; 1 when nothing finished.
        seconds: From the first request's start to the last answer's end.
        is_exact_span: False when `seconds` is the load generator's polled duration.
        is_short: Whether the span is under 30 s, which is too short for numbers to rely on.
        input_tokens, output_tokens: Sums over answered requests.
        ttft: Time to first token.
        tpot: Time per output token after the first; None for tasks without output tokens.
        end_to_end: From sending a request to its last byte.
        output_tokens_per_second, requests_per_second: Of answered requests, over `seconds`.
        error_kinds: The three most frequent; every failed request is in the report's results.csv.
        noise: How much of the figures is chance; None with too few answered requests, and in older reports.
    """

    scenario: str
    concurrency: int
    batch_size: int = 1
    requests: int = 0
    errors: int = 0
    error_rate: float = 0.0
    seconds: float = 0.0
    is_exact_span: bool = True
    is_short: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    ttft: Percentiles | None = None
    tpot: Percentiles | None = None
    end_to_end: Percentiles | None = None
    output_tokens_per_second: float = 0.0
    requests_per_second: float = 0.0
    error_kinds: tuple[ErrorKind, ...] = ()
    noise: Noise | None = None

    @property
    def level(self) -> int:
        """What varies inside a scenario: texts of a request where it has several, else requests at once."""
        return self.batch_size if self.batch_size > 1 else self.concurrency


class BenchmarkReport(Frozen):
    """The summary that goes to status and to the command line: small JSON, under 64 KiB.

    Attributes:
        name: Of the benchmark.
        model: Name of the model resource.
        model_name: What requests carried in `model`.
        endpoint: Base URL.
        engine: The runtime's name, or "".
        task: As genai-bench names it.
        verdict: `Failed` when a cell's error rate is over the limit or a cell measured nothing; `Regressed` and
            `Inconclusive` only beside a baseline (`steps.benchmark.verdict`).
        reason: Why, in a sentence; "" for Pass.
        requests, errors: Over all cells.
        error_rate: errors / requests over all cells.
        max_error_rate: The limit that was applied.
        seconds: Wall time of the whole step.
        cells: In the order they were asked for.
        notes: What a reader should know about these numbers, in sentences.
    """

    name: str
    model: str
    model_name: str
    endpoint: str
    engine: str = ""
    task: str = "text-to-text"
    verdict: Verdict = "Pass"
    reason: str = ""
    requests: int = 0
    errors: int = 0
    error_rate: float = 0.0
    max_error_rate: float = 0.01
    seconds: float = 0.0
    cells: tuple[BenchmarkCell, ...] = ()
    notes: tuple[str, ...] = ()


def percentiles(values: Sequence[float]) -> Percentiles | None:
    """p50, p90 and p99, or None without values."""
    if not values:
        return None
    ordered = sorted(values)
    p50, p90, p99 = (_digits(percentile(ordered, fraction)) for fraction in (0.5, 0.9, 0.99))
    return Percentiles(p50=p50, p90=p90, p99=p99)


def span_of(cell: CellRecords) -> tuple[float, bool]:
    """Seconds from the first start to the last end, and whether they come from single requests."""
    spans = [(r.start, r.start + (r.end_to_end or 0.0)) for r in cell.records if r.start is not None]
    is_complete = len(spans) == sum(r.error_code != 0 for r in cell.records)
    if spans and is_complete and (seconds := max(end for _, end in spans) - min(start for start, _ in spans)) > 0:
        return seconds, True
    return cell.polled_seconds, False


def summarise(cell: CellRecords) -> BenchmarkCell:
    """A cell's numbers, from its single requests alone."""
    answered = [r for r in cell.records if not r.is_error]
    requests = len(cell.records)
    errors = requests - len(answered)
    seconds, is_exact = span_of(cell)
    output_tokens = sum(r.output_tokens for r in answered)
    return BenchmarkCell(
        scenario=cell.scenario,
        concurrency=cell.concurrency,
        batch_size=cell.batch_size,
        requests=requests,
        errors=errors,
        error_rate=_digits(errors / requests) if requests else 1.0,
        seconds=_digits(seconds),
        is_exact_span=is_exact,
        is_short=seconds < SHORT_RUN_SECONDS,
        input_tokens=sum(r.input_tokens for r in answered),
        output_tokens=output_tokens,
        ttft=percentiles([r.ttft for r in answered if r.ttft is not None]),
        tpot=percentiles([r.tpot for r in answered if r.tpot]),
        end_to_end=percentiles([r.end_to_end for r in answered if r.end_to_end is not None]),
        output_tokens_per_second=_digits(output_tokens / seconds) if seconds else 0.0,
        requests_per_second=_digits(len(answered) / seconds) if seconds else 0.0,
        error_kinds=_error_kinds([r for r in cell.records if r.is_error]),
        noise=noise_of(cell),
    )


def _error_kinds(errors: Sequence[RequestRecord]) -> tuple[ErrorKind, ...]:
    counts = Counter(r.error_code or 0 for r in errors)
    first: dict[int, str] = {}
    for record in errors:
        first.setdefault(record.error_code or 0, record.error_message)
    return tuple(
        ErrorKind(code=code, count=count, message=_shortened(first[code]))
        for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_ERROR_KINDS]
    )


def _shortened(message: str) -> str:
    printable = "".join(c for c in " ".join(message.split()) if c.isprintable())
    return printable.encode()[:MAX_MESSAGE_BYTES].decode(errors="ignore")


def _digits(value: float) -> float:
    """Seven significant digits: more are noise, and the summary has to stay small."""
    return float(f"{value:.7g}")


def judge(cells: Sequence[BenchmarkCell], max_error_rate: float) -> tuple[Verdict, str]:
    """The verdict and, when it is not Pass, its reason."""
    empty = [c for c in cells if c.requests == 0]
    if empty:
        return "Failed", f"{_label(empty[0])} finished no request."
    worst = max(cells, key=lambda c: c.error_rate)
    if worst.error_rate > max_error_rate:
        return "Failed", (
            f"{_label(worst)} had {worst.errors} of {worst.requests} requests fail "
            f"({worst.error_rate * 100:.1f} %); at most {max_error_rate * 100:.1f} % may."
        )
    return "Pass", ""


def notes_of(cells: Sequence[BenchmarkCell], records: Sequence[CellRecords], reused: int = 0) -> tuple[str, ...]:
    """What a reader should know before trusting the numbers, in sentences.

    Args:
        cells: The summaries.
        records: What they were made from.
        reused: How many of them come from an attempt that was interrupted.
    """
    notes = []
    short = sum(cell.is_short for cell in cells)
    if short:
        which = "Every cell" if short == len(cells) else f"{short} of {len(cells)} cells"
        notes.append(
            f"{which} ran for less than {SHORT_RUN_SECONDS:.0f} s: good for a first look, too short to compare. "
            "Ask for more requests."
        )
    if any(not cell.is_exact_span for cell in cells if cell.requests):
        notes.append("Where single requests carry no times, the span is the load generator's, up to a second long.")
    if any(record.is_counted_locally for record in records):
        notes.append("The endpoint reports no token counts; output tokens were counted with the model's tokenizer.")
    unmeasured = sum(kind.count for cell in cells for kind in cell.error_kinds if kind.code == 0)
    if unmeasured:
        notes.append(f"{unmeasured} answers had fewer than two tokens and count as failed.")
    if reused:
        notes.append(f"{reused} of {len(cells)} cells were measured by an earlier attempt that was interrupted.")
    return tuple(notes)


def _label(cell: BenchmarkCell) -> str:
    level = f"batch size {cell.batch_size}" if cell.batch_size > 1 else f"concurrency {cell.concurrency}"
    return f"{cell.scenario} at {level}"

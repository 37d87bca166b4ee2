"""What a benchmark's run reports, with the numbers that a test wants."""

from steps.benchmark.results import BenchmarkCell, BenchmarkReport, Percentiles


def report(ttft: float = 0.1, *, requests: int = 400, errors: int = 0, tokens: float = 100.0) -> BenchmarkReport:
    """A report of one cell; one request in a hundred may fail."""
    latency = Percentiles(p50=ttft, p90=ttft * 1.5, p99=ttft * 2)
    cell = BenchmarkCell(
        scenario="D(64,16)", concurrency=1, requests=requests, errors=errors, error_rate=errors / requests,
        ttft=latency, tpot=latency, end_to_end=latency, output_tokens_per_second=tokens, requests_per_second=5.0,
    )  # fmt: skip
    is_bad = errors / requests > 0.01
    return BenchmarkReport(
        name="speed", model="smollm2", model_name="smollm2", endpoint="http://chat", requests=requests, errors=errors,
        error_rate=errors / requests, cells=(cell,), verdict="Failed" if is_bad else "Pass",
        reason="too many requests failed" if is_bad else "",
    )  # fmt: skip

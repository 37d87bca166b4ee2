"""How much of a cell's figures is chance: a bootstrap over its single requests, in a few numbers that can be kept.

Called by `steps.benchmark.results`, where single requests are; a later run is compared by it
(`steps.benchmark.verdict`), when they are gone. Neighbouring requests share the moment's load and are no independent
samples, so that blocks of them are drawn (a circular block bootstrap: Politis and Romano, 1992). It does not know what
changes from run to run, such as another node.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil, isqrt, log, sqrt
from random import Random
from statistics import stdev
from typing import Final

from steps.benchmark.percentile import percentile
from steps.benchmark.records import CellRecords, RequestRecord
from steps.frozen import Frozen

ENOUGH: Final = 30
"""Answered requests, below which nothing is known of their noise."""
RESAMPLES: Final = 200
LARGEST: Final = 1000
"""Requests drawn at a time; of more the error is that of so many, scaled by the root of their numbers."""
_SEED: Final = 20_251_123
_DIGITS: Final = 3


class LatencyNoise(Frozen):
    """Of a latency's median and 99th percentile."""

    p50: float
    p99: float


class Noise(Frozen):
    """Standard errors of the logarithms of a cell's figures: 0.02 means that 2 % up or down is chance.

    Attributes:
        ttft: Of the time to first token.
        tpot: Of the time per output token.
        end_to_end: Of the latency of a whole request.
        output_tokens_per_second, requests_per_second: Of the rates.
    """

    ttft: LatencyNoise | None = None
    tpot: LatencyNoise | None = None
    end_to_end: LatencyNoise | None = None
    output_tokens_per_second: float | None = None
    requests_per_second: float | None = None


def noise_of(cell: CellRecords) -> Noise | None:
    """The noise of a cell; None with too few answered requests. The same requests always give the same."""
    answered = [record for record in cell.records if not record.is_error]
    if len(answered) < ENOUGH:
        return None
    timed = [record for record in answered if record.end_to_end]
    return Noise(
        ttft=_of_latency([record.ttft for record in answered if record.ttft], cell.concurrency),
        tpot=_of_latency([record.tpot for record in answered if record.tpot], cell.concurrency),
        end_to_end=_of_latency([record.end_to_end for record in timed if record.end_to_end], cell.concurrency),
        # A closed loop answers at its concurrency over the mean time of a request, so that times tell how it varies.
        output_tokens_per_second=_of_rate(timed, cell.concurrency, lambda record: record.output_tokens),
        requests_per_second=_of_rate(timed, cell.concurrency, lambda _: 1),
    )


def _of_latency(values: Sequence[float], concurrency: int) -> LatencyNoise | None:
    if len(values) < ENOUGH:
        return None
    twice = [*values, *values]
    samples = [sorted(twice[place] for place in draw) for draw in _draws(len(values), concurrency)]
    p50, p99 = (_error([percentile(s, f) for s in samples], len(values)) for f in (0.5, 0.99))
    return LatencyNoise(p50=p50, p99=p99)


def _of_rate(
    records: Sequence[RequestRecord], concurrency: int, amount: Callable[[RequestRecord], int]
) -> float | None:
    done, times = [amount(record) for record in records] * 2, [record.end_to_end or 0.0 for record in records] * 2
    if len(records) < ENOUGH or not all(done):
        return None
    draws = _draws(len(records), concurrency)
    rates = [sum(done[place] for place in draw) / sum(times[place] for place in draw) for draw in draws]
    return _error(rates, len(records))


@lru_cache(maxsize=1)  # the figures of a cell have as many values each
def _draws(count: int, concurrency: int) -> list[list[int]]:
    """Places of the values of each resample, in a row that holds all values twice, so that no block ends at its end.

    A block is the root of their number long, or as long as requests go together where there are ten such blocks.
    """
    drawn = min(count, LARGEST)
    length = max(isqrt(drawn), min(concurrency, drawn // 10))
    chance = Random(_SEED)  # noqa: S311 - no secret: the same requests are to give the same answer
    made = []
    for _ in range(RESAMPLES):
        starts = (chance.randrange(count) for _ in range(ceil(drawn / length)))
        made.append([place for start in starts for place in range(start, start + length)][:drawn])
    return made


def _error(estimates: Sequence[float], count: int) -> float:
    error = stdev(map(log, estimates)) * sqrt(min(count, LARGEST) / count)
    return float(f"{error:.{_DIGITS}g}")

"""Counters, gauges and histograms, and their page in Prometheus' text format. `controller.health` serves it.

A writer of our own: the format is a few lines, and a client library would cost a dependency and its memory.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of a histogram's buckets; 0.02 and 0.06 are what p50 and p99 of submissions are held against."""


class Counter:
    """A number that only grows, one a combination of labels."""

    kind = "counter"

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        self._values: dict[tuple[str, ...], float] = {}

    def add(self, amount: float, *values: str) -> None:
        """Grow by `amount`; `values` are the labels' values, in order."""
        self._values[values] = self._values.get(values, 0.0) + amount

    def value(self, *values: str) -> float:
        """What it has grown to."""
        return self._values.get(values, 0.0)

    def lines(self, name: str) -> list[str]:
        """Samples in text format."""
        return [f"{name}{_labels(self._labels, values)} {_number(value)}" for values, value in self._values.items()]


class Gauge:
    """A number read when the page is asked for."""

    kind = "gauge"

    def __init__(self, read: Callable[[], float]) -> None:
        self._read = read

    def lines(self, name: str) -> list[str]:
        """Samples in text format."""
        return [f"{name} {_number(float(self._read()))}"]


class Histogram:
    """How often which durations were seen, one series a combination of labels."""

    kind = "histogram"

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def observe(self, seconds: float, *values: str) -> None:
        """Count one duration; `values` are the labels' values, in order."""
        counts = self._counts.get(values)
        if counts is None:
            counts = self._counts[values] = [0] * (len(SECONDS) + 1)
            self._sums[values] = 0.0
        counts[bisect_left(SECONDS, seconds)] += 1
        self._sums[values] += seconds

    def count(self, *values: str) -> int:
        """How many durations were seen."""
        return sum(self._counts.get(values, ()))

    def lines(self, name: str) -> list[str]:
        """Samples in text format: buckets are cumulative there."""
        found = []
        for values, counts in self._counts.items():
            seen = 0
            for bound, count in zip((*(str(s) for s in SECONDS), "+Inf"), counts, strict=True):
                seen += count
                found.append(f"{name}_bucket{_labels((*self._labels, 'le'), (*values, bound))} {seen}")
            labels = _labels(self._labels, values)
            found += [f"{name}_sum{labels} {_number(self._sums[values])}", f"{name}_count{labels} {seen}"]
        return found


class Metrics:
    """All metrics of this process."""

    def __init__(self) -> None:
        self._metrics: dict[str, tuple[str, Counter | Gauge | Histogram]] = {}

    def counter(self, name: str, description: str, labels: Sequence[str] = ()) -> Counter:
        """A new counter."""
        counter = Counter(labels)
        self._metrics[name] = (description, counter)
        return counter

    def gauge(self, name: str, description: str, read: Callable[[], float]) -> None:
        """A new gauge, whose value `read` gives."""
        self._metrics[name] = (description, Gauge(read))

    def histogram(self, name: str, description: str, labels: Sequence[str] = ()) -> Histogram:
        """A new histogram."""
        histogram = Histogram(labels)
        self._metrics[name] = (description, histogram)
        return histogram

    def text(self) -> str:
        """The page that Prometheus reads."""
        lines = []
        for name, (description, metric) in self._metrics.items():
            lines += [f"# HELP {name} {description}", f"# TYPE {name} {metric.kind}", *metric.lines(name)]
        return "\n".join(lines) + "\n"


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)

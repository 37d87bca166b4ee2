"""The report's figures: drawn by matplotlib as SVG, with its colours turned into CSS variables for light and dark.

Called by `steps.benchmark.report`. Each figure is 360 points wide, so that it is readable at a phone's width without
shrinking and three fit beside each other on a desk.
"""

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from steps.benchmark.records import CellRecords
from steps.benchmark.results import BenchmarkCell, Percentiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#010101", "#020202", "#030303", "#040404"
SERIES: Final = ("#050501", "#050502", "#050503", "#050504", "#050505", "#050506")
_VARIABLES: Final = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--rule)",
    PAPER: "var(--paper)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)},
}
_MARKERS: Final = "osD^vP"
WIDTH: Final = 5.0
HEIGHT: Final = 3.1
MAX_DOTS: Final = 2400
MANY_CELLS: Final = 8


class Curve(NamedTuple):
    """A figure of the report."""

    title: str
    caption: str
    svg: str


def draw_curves(cells: Sequence[BenchmarkCell], records: Sequence[CellRecords], level: str) -> list[Curve]:
    """Every figure that these cells have data for.

    Args:
        cells: With their numbers.
        records: The same cells' requests, in the same order.
        level: What varies inside a scenario: "concurrency" or "batch size".
    """
    answered = [cell for cell in cells if cell.end_to_end]
    if not answered:
        return []
    has_tokens = any(cell.tpot for cell in answered)
    figures = []
    if has_tokens:
        figures += [
            Curve(
                "Time to first token",
                f"Median by {level}; the band reaches to p90, the dashes mark p99.",
                _by_level(answered, level, [cell.ttft for cell in answered]),
            ),
            Curve(
                "Time per output token",
                f"Median by {level}; the band reaches to p90, the dashes mark p99.",
                _by_level(answered, level, [cell.tpot for cell in answered]),
            ),
        ]
    else:
        figures.append(
            Curve(
                "Latency",
                f"Median by {level}; the band reaches to p90, the dashes mark p99.",
                _by_level(answered, level, [cell.end_to_end for cell in answered]),
            )
        )
    if len(answered) > MANY_CELLS:  # fills the column beside the last figure, which is tall then
        figures.append(
            Curve(
                "Throughput", f"Of answered requests, by {level}.", _throughput(answered, level, has_tokens=has_tokens)
            )
        )
    figures += [
        Curve(
            "Latency against throughput",
            f"Median end-to-end latency; numbers at the points are the {level}.",
            _against_throughput(answered, has_tokens=has_tokens),
        ),
        Curve(
            "Every request",
            ("Time to first token" if has_tokens else "Latency") + " of each request; bars at p50, p90 and p99.",
            _every_request(cells, records, has_tokens=has_tokens),
        ),
    ]
    return figures


def _by_level(cells: Sequence[BenchmarkCell], level: str, values: Sequence[Percentiles | None]) -> str:
    figure, axes = _canvas()
    levels = sorted({cell.level for cell in cells})
    place = {value: number for number, value in enumerate(levels)}
    scenarios = _scenarios(cells)
    for number, name in enumerate(scenarios):
        points = [
            (place[cell.level], value)
            for cell, value in zip(cells, values, strict=True)
            if cell.scenario == name and value is not None
        ]
        points.sort(key=lambda point: point[0])
        if not points:
            continue
        x = [point[0] for point in points]
        median = [point[1].p50 * 1000 for point in points]
        high = [point[1].p90 * 1000 for point in points]
        highest = [point[1].p99 * 1000 for point in points]
        colour = SERIES[number % len(SERIES)]
        if len(x) > 1:
            axes.fill_between(x, median, high, color=colour, alpha=0.13, linewidth=0)
        else:
            axes.vlines(x, median, high, color=colour, alpha=0.35, linewidth=6)
        axes.plot(x, highest, color=colour, marker="_", markersize=9, linewidth=1, linestyle=(0, (2, 3)), alpha=0.7)
        axes.plot(
            x,
            median,
            color=colour,
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=5,
            markeredgewidth=0,
            linewidth=1.8,
            label=name,
        )
    axes.set_xticks(range(len(levels)), [str(value) for value in levels])
    axes.set_xlim(-0.35, len(levels) - 0.65)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(level)
    axes.set_ylabel("milliseconds")
    _legend(axes, scenarios)
    return _svg(figure)


def _throughput(cells: Sequence[BenchmarkCell], level: str, *, has_tokens: bool) -> str:
    figure, axes = _canvas()
    levels = sorted({cell.level for cell in cells})
    scenarios = _scenarios(cells)
    for number, name in enumerate(scenarios):
        row = sorted((cell for cell in cells if cell.scenario == name), key=lambda cell: cell.level)
        x = [levels.index(cell.level) for cell in row]
        y = [cell.output_tokens_per_second if has_tokens else cell.requests_per_second for cell in row]
        colour, marker = SERIES[number % len(SERIES)], _MARKERS[number % len(_MARKERS)]
        axes.plot(x, y, color=colour, marker=marker, markersize=5, markeredgewidth=0, linewidth=1.8, label=name)
    axes.set_xticks(range(len(levels)), [str(value) for value in levels])
    axes.set_xlim(-0.35, len(levels) - 0.65)
    axes.margins(y=0.1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(level)
    axes.set_ylabel("output tokens per second" if has_tokens else "requests per second")
    _legend(axes, scenarios)
    return _svg(figure)


def _against_throughput(cells: Sequence[BenchmarkCell], *, has_tokens: bool) -> str:
    figure, axes = _canvas()
    scenarios = _scenarios(cells)
    for number, name in enumerate(scenarios):
        row = [cell for cell in cells if cell.scenario == name and cell.end_to_end]
        row.sort(key=lambda cell: cell.level)
        x = [cell.output_tokens_per_second if has_tokens else cell.requests_per_second for cell in row]
        y = [cell.end_to_end.p50 for cell in row if cell.end_to_end]
        colour, marker = SERIES[number % len(SERIES)], _MARKERS[number % len(_MARKERS)]
        axes.plot(x, y, color=colour, marker=marker, markersize=5, markeredgewidth=0, linewidth=1.8, label=name)
        for cell, across, up in zip(row, x, y, strict=True):
            axes.annotate(
                str(cell.level), (across, up), xytext=(6, 4), textcoords="offset points", color=MUTED, fontsize=9
            )
    axes.margins(x=0.14, y=0.18)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("output tokens per second" if has_tokens else "requests per second")
    axes.set_ylabel("seconds")
    _legend(axes, scenarios)
    return _svg(figure)


def _every_request(cells: Sequence[BenchmarkCell], records: Sequence[CellRecords], *, has_tokens: bool) -> str:
    rows = []
    for cell, cell_records in zip(cells, records, strict=True):
        found = [r.ttft if has_tokens else r.end_to_end for r in cell_records.records if not r.is_error]
        shown = cell.ttft if has_tokens else cell.end_to_end
        values = [value * 1000 for value in found if value is not None]
        if values and shown is not None:
            rows.append((cell, values, shown))
    figure, axes = _canvas(height=max(HEIGHT, 0.75 + 0.34 * len(rows)))
    scenarios = _scenarios(cells)
    each = max(20, MAX_DOTS // max(1, len(rows)))
    for number, (cell, values, shown) in enumerate(rows):
        colour = SERIES[scenarios.index(cell.scenario) % len(SERIES)]
        kept = values[:: -(-len(values) // each)]
        # A fixed, even scatter: the same data always gives the same picture.
        heights = [number + 0.52 * ((k * 0.618034) % 1 - 0.5) for k in range(len(kept))]
        axes.scatter(kept, heights, s=7, color=colour, alpha=0.38, linewidths=0)
        axes.vlines(shown.p50 * 1000, number - 0.36, number + 0.36, color=INK, linewidth=2)
        axes.vlines([shown.p90 * 1000, shown.p99 * 1000], number - 0.22, number + 0.22, color=INK, linewidth=1)
    axes.set_yticks(range(len(rows)), [f"{cell.scenario} · {cell.level}" for cell, _, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("milliseconds")
    return _svg(figure)


def _scenarios(cells: Sequence[BenchmarkCell]) -> list[str]:
    return list(dict.fromkeys(cell.scenario for cell in cells))


def _canvas(height: float = HEIGHT) -> "tuple[Figure, Axes]":
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "ome", "font.size": 10})
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(colors=MUTED, length=0, labelsize=10)
    axes.xaxis.label.set_color(MUTED)
    axes.yaxis.label.set_color(MUTED)
    axes.grid(visible=True, axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _legend(axes: "Axes", names: Sequence[str]) -> None:
    if len(names) > 1:
        axes.legend(frameon=False, labelcolor=INK, fontsize=9, handlelength=1.4)


def _svg(figure: "Figure") -> str:
    """The figure as an SVG element that takes its colours and font from the page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r"font: [^;\"]*?([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return text.strip()

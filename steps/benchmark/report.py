"""Writes the report's folder: report.html (one file, works offline), results.csv (a row a request), results.json.

Called by `steps.benchmark_endpoint` at the end. `render_html` is pure; the template is `report.html` beside this file.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from steps.benchmark.curves import draw_curves
from steps.benchmark.plan import Level
from steps.benchmark.records import CellRecords
from steps.benchmark.results import BenchmarkCell, BenchmarkReport
from steps.benchmark.surroundings import Surroundings
from steps.home import part, write_atomically

COLUMNS: Final = (
    "scenario", "concurrency", "batch_size", "start_s", "ttft_s", "tpot_s", "end_to_end_s", "input_tokens",
    "output_tokens", "error_code", "error_message",
)  # fmt: skip
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def report_files(
    report: BenchmarkReport,
    records: Sequence[CellRecords],
    surroundings: Surroundings,
    commands: Sequence[str],
    level: Level,
) -> dict[str, str]:
    """The report's files by name.

    Args:
        report: The summary.
        records: Requests of its cells, in the same order.
        surroundings: The environment.
        commands: How to measure again, as shell lines.
        level: What varies inside a scenario.
    """
    everything = {
        "report": report.model_dump(mode="json", by_alias=True),
        "environment": surroundings.model_dump(mode="json", by_alias=True),
        "commands": list(commands),
        "cells": [cell.model_dump(mode="json", by_alias=True) for cell in records],
    }
    return {
        "results.json": json.dumps(everything, indent=1, ensure_ascii=False),
        "results.csv": render_csv(records),
        "report.html": render_html(report, records, surroundings, commands, level),
    }


def write_report(name: str, started_at: str, files: Mapping[str, str]) -> Path:
    """Write the files into a folder of their own; two reports of the same second get two.

    Args:
        name: Of the benchmark.
        started_at: ISO 8601; its digits become part of the folder's name.
        files: Of `report_files`.
    """
    folder = _new_folder(f"{name}-{''.join(c for c in started_at if c.isdigit())[:14]}")
    for file, content in files.items():
        write_atomically(folder / file, content.encode())
    return folder


def _new_folder(name: str) -> Path:
    base = part("reports")
    attempt = 1
    while True:
        folder = base / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            folder.mkdir()
        except FileExistsError:
            attempt += 1
        else:
            return folder


def render_csv(records: Sequence[CellRecords]) -> str:
    """A row a request; texts that a spreadsheet would run as formulas are quoted."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cell in records:
        for row in cell.records:
            message = " ".join(row.error_message.split())
            writer.writerow(
                (
                    cell.scenario, cell.concurrency, cell.batch_size, row.start, row.ttft, row.tpot, row.end_to_end,
                    row.input_tokens, row.output_tokens, row.error_code,
                    f"'{message}" if message.startswith(_FORMULA_STARTS) else message,
                )
            )  # fmt: skip
    return file.getvalue()


def csv_of(results: str) -> str:
    """The table of a report's requests, from its results.json."""
    return render_csv([CellRecords.model_validate(cell) for cell in json.loads(results)["cells"]])


def render_html(
    report: BenchmarkReport,
    records: Sequence[CellRecords],
    surroundings: Surroundings,
    commands: Sequence[str],
    level: Level,
) -> str:
    """The report as one HTML page without any reference to another file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(milliseconds=milliseconds, duration=duration, share=share, size=size, rate=rate)
    curves = draw_curves(report.cells, records, level)
    return environment.get_template("report.html").render(
        report=report,
        level=level,
        has_tokens=any(cell.tpot for cell in report.cells),
        highlights=highlights(report.cells),
        # Drawn here from numbers and checked scenario names, so it is safe to embed.
        curves=[(curve.title, curve.caption, Markup(curve.svg)) for curve in curves],  # noqa: S704
        surroundings=surroundings,
        commands=commands,
    )


class Highlights:
    """The best of each over all cells, for the head of the report."""

    def __init__(self, cells: Sequence[BenchmarkCell]) -> None:
        self.ttft = min((c for c in cells if c.ttft), key=lambda c: c.ttft.p50 if c.ttft else 0, default=None)
        self.tpot = min((c for c in cells if c.tpot), key=lambda c: c.tpot.p50 if c.tpot else 0, default=None)
        self.tokens = max(cells, key=lambda c: c.output_tokens_per_second, default=None)
        self.texts = max(cells, key=lambda c: c.requests_per_second * c.batch_size, default=None)


def highlights(cells: Sequence[BenchmarkCell]) -> Highlights:
    """What the head of the report shows."""
    return Highlights(cells)


def milliseconds(seconds: float | None) -> str:
    """Seconds as milliseconds with about three digits: "4.31", "23.1", "812", "12,400"."""
    if seconds is None:
        return "–"
    value = seconds * 1000
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Such as "8.4 s" or "12 min 30 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def share(fraction: float) -> str:
    """A fraction in percent; a small one is never shown as none."""
    if 0 < fraction < 0.0005:
        return "<\u00a00.1\u00a0%"
    return f"{fraction * 100:.1f}\u00a0%"


def rate(value: float) -> str:
    """A rate with about three digits."""
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def size(count: int) -> str:
    """Bytes as GiB."""
    return f"{count / (1 << 30):.1f} GiB"

"""The report's files: one HTML page without references, every number in it, both colour schemes, CSV and JSON."""

import csv
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import pytest

from steps.benchmark.records import CellRecords, RequestRecord
from steps.benchmark.report import milliseconds, rate, render_csv, render_html, report_files, share, write_report
from steps.benchmark.results import BenchmarkReport, judge, summarise
from steps.benchmark.surroundings import Surroundings, describe_facts
from steps.facts import Facts, ParameterCount, Quantization

SURROUNDINGS = Surroundings(
    started_at="2026-11-21T10:00:00+00:00", facts="LlamaForCausalLM, 134.52M parameters", tokenizer="GGUF vocabulary",
    cores=2, memory_bytes=8 << 30, system="Linux x86_64", versions={"genai-bench": "0.0.5"},
)  # fmt: skip
COMMANDS = ("ome benchmark smollm2 --scenario 'D(32,8)'", "genai-bench benchmark --task text-to-text")
HOSTILE = "<script>alert(1)</script> & =2+2"


def cell(scenario: str, concurrency: int, *, failures: int = 0, output_tokens: int = 8, batch: int = 1) -> CellRecords:
    good = [
        RequestRecord(
            start=n * 0.1, ttft=0.02 + n * 0.001 * concurrency, tpot=0.0043 if output_tokens else None,
            end_to_end=0.06 + n * 0.002, input_tokens=32, output_tokens=output_tokens,
        )
        for n in range(40)
    ]  # fmt: skip
    bad = [RequestRecord(start=1.0, error_code=500, error_message=HOSTILE)] * failures
    return CellRecords(scenario=scenario, concurrency=concurrency, batch_size=batch, records=(*good, *bad))


def reported(records: list[CellRecords]) -> BenchmarkReport:
    cells = tuple(summarise(one) for one in records)
    verdict, reason = judge(cells, 0.01)
    return BenchmarkReport(
        name="nightly", model="smollm2", model_name="smollm2", endpoint="http://127.0.0.1:1", engine="llama-cpp",
        verdict=verdict, reason=reason, requests=sum(c.requests for c in cells), errors=sum(c.errors for c in cells),
        seconds=61.0, cells=cells, notes=(f"a note {HOSTILE}",),
    )  # fmt: skip


RECORDS = [
    cell("D(32,8)", 1),
    cell("D(32,8)", 2, failures=7),
    cell("N(48,24)/(30,15)", 1),
    cell("N(48,24)/(30,15)", 4),
]
REPORT = reported(RECORDS)
PAGE = render_html(REPORT, RECORDS, SURROUNDINGS, COMMANDS, "concurrency")


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that tags nest."""

    VOID = frozenset({"meta", "link", "br", "img", "use", "path"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:  # noqa: D102 - the base class says
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attributes]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:  # noqa: D102 - the base class says
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attributes]

    def handle_endtag(self, tag: str) -> None:  # noqa: D102 - the base class says
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:  # noqa: D102 - the base class says
        self.text += data


def test_nothing_outside_the_file_is_referred_to() -> None:
    page = Page(PAGE)
    references = [
        value for name, value in page.attributes if name in ("src", "href", "xlink:href", "srcset", "action")
    ]
    assert all(value.startswith("#") for value in references)
    assert not {"script", "link", "iframe", "img", "object"} & set(page.tags)
    assert not re.search(r"@import|url\((?!#)", PAGE)
    # The endpoint's own address is the only one on the page, as text.
    assert set(re.findall(r"https?://[^\s<\",]+", PAGE)) == {"http://127.0.0.1:1"}


def test_both_colour_schemes_print_and_small_screens_are_served() -> None:
    for needed in ("prefers-color-scheme: dark", "@media print", "max-width: 760px", "width=device-width"):
        assert needed in PAGE
    figures = re.findall(r"<svg.*?</svg>", PAGE, re.DOTALL)
    assert len(figures) == 4
    for figure in figures:
        assert "var(--" in figure
        assert set(re.findall(r"#[0-9a-f]{6}\b", figure)) <= {"#ffffff"}
        assert re.match(r"<svg[^>]*viewBox", figure)
        assert "font-family" not in figure


def test_variables_that_are_used_are_defined_in_both_schemes() -> None:
    light, _, rest = PAGE.partition("prefers-color-scheme: dark")
    dark = rest.partition("}")[0]
    for name in set(re.findall(r"var\((--[\w-]+)\)", PAGE)):
        assert f"{name}:" in light
        assert f"{name}:" in dark


def test_every_number_of_the_table_is_there() -> None:
    text = Page(PAGE).text
    for one in REPORT.cells:
        for values in (one.ttft, one.tpot, one.end_to_end):
            assert values is not None
            for value in (values.p50, values.p90, values.p99):
                assert milliseconds(value) in text
        for shown in (one.scenario, str(one.requests), rate(one.output_tokens_per_second), share(one.error_rate)):
            assert shown in text
    for said in ("Failed", "134.52M", "2 cores", "8.0 GiB", "genai-bench 0.0.5", "short", *COMMANDS):
        assert said in text


def test_texts_of_the_endpoint_are_escaped() -> None:
    assert "<script>" not in PAGE
    assert HOSTILE in Page(PAGE).text


def test_embeddings_have_a_page_without_output_tokens() -> None:
    records = [cell("E(64)", 1, output_tokens=0, batch=n) for n in (1, 8)]
    page = Page(render_html(reported(records), records, SURROUNDINGS, COMMANDS, "batch size"))
    assert "batch size 8" in page.text
    assert "Per output token" not in page.text
    assert "texts/s" in page.text


def test_a_large_matrix_still_has_every_cell() -> None:
    records = [cell(f"D({n},8)", level) for n in (32, 64, 128) for level in (1, 2, 4, 8)]
    page = Page(render_html(reported(records), records, SURROUNDINGS, COMMANDS, "concurrency"))
    assert page.tags.count("svg") == 5
    for one in records:
        assert f"{one.scenario} · {one.concurrency}" in page.text


def test_a_page_without_any_answer_still_stands() -> None:
    records = [CellRecords(scenario="D(8,8)", concurrency=1)]
    page = Page(render_html(reported(records), records, SURROUNDINGS, COMMANDS, "concurrency"))
    assert "finished no request" in page.text
    assert "svg" not in page.tags


def test_csv_has_a_row_a_request_and_runs_no_formula() -> None:
    danger = CellRecords(
        scenario="D(8,8)", concurrency=1, records=(RequestRecord(error_code=500, error_message="=1"),)
    )
    rows = list(csv.DictReader(io.StringIO(render_csv([*RECORDS, danger]))))
    assert len(rows) == sum(len(one.records) for one in RECORDS) + 1
    assert float(rows[0]["ttft_s"]) == RECORDS[0].records[0].ttft
    assert rows[-1]["error_message"] == "'=1"


def test_json_gives_back_report_and_records() -> None:
    folder = write_report(
        "nightly",
        SURROUNDINGS.started_at,
        report_files(REPORT, RECORDS, SURROUNDINGS, COMMANDS, "concurrency"),
    )
    loaded = json.loads((folder / "results.json").read_text())
    assert BenchmarkReport.model_validate(loaded["report"]) == REPORT
    assert [CellRecords.model_validate(one) for one in loaded["cells"]] == RECORDS
    assert Surroundings.model_validate(loaded["environment"]) == SURROUNDINGS
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "results.csv", "results.json"]


def test_reports_of_the_same_second_get_folders_of_their_own() -> None:
    def write(number: int) -> Path:
        return write_report("nightly", SURROUNDINGS.started_at, {"results.csv": str(number)})

    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(write, range(24)))
    assert [(folder / "results.csv").read_text() for folder in folders] == [str(n) for n in range(24)]
    assert all(folder.name.startswith("nightly-20261121100000") for folder in folders)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.00431, "4.31"), (0.0231, "23.1"), (0.812, "812"), (12.4, "12,400"), (None, "–")]
)
def test_milliseconds_have_three_digits(seconds: float | None, shown: str) -> None:
    assert milliseconds(seconds) == shown


def test_a_small_share_is_never_shown_as_none() -> None:
    assert share(0.0) == "0.0\u00a0%"
    assert share(0.0001) == "<\u00a00.1\u00a0%"


def test_facts_are_one_line() -> None:
    facts = Facts(
        model_type="llama", architecture="LlamaForCausalLM", parameters=ParameterCount(total=1, active=1),
        parameter_size="134.52M", format="gguf", quantization=Quantization(method="q4_1", bits=4.5),
        context_length=8192,
    )  # fmt: skip
    assert describe_facts(facts) == "LlamaForCausalLM, 134.52M parameters, gguf q4_1, context 8192"

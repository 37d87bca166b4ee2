"""The step benchmark-endpoint: measures a running endpoint with genai-bench and writes the report.

Run by the template `benchmark-endpoint`. The thin edge: it reads the model, waits for the endpoint, lets
`steps.benchmark` plan, measure and judge, and leaves a folder under `reports/`.
"""

import asyncio
import errno
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, field_validator

from crds.benchmark_status import BenchmarkResult
from crds.storage_location import stays_in_claim
from images.environment import cache_folder
from steps.benchmark.bounded_log import BoundedLog
from steps.benchmark.defaults import DEFAULTS, FIRST_LEVELS, Task, first_look
from steps.benchmark.genai_bench import find_genai_bench
from steps.benchmark.measuring import measure_cells
from steps.benchmark.plan import Plan, genai_bench_arguments, group_into_runs, identity
from steps.benchmark.plan import plan_benchmark as make_plan
from steps.benchmark.readiness import KEY_VARIABLE, Readiness, key_remedy
from steps.benchmark.report import report_files, write_report
from steps.benchmark.request_fields import TEXT
from steps.benchmark.results import BenchmarkReport, judge, notes_of, summarise
from steps.benchmark.server_labels import ServerLabels
from steps.benchmark.surroundings import gather
from steps.benchmark.tokenizer import make_tokenizer_folder
from steps.benchmark.unfinished import UnfinishedBenchmark
from steps.benchmark.verdict import compare
from steps.cluster.pod import is_on_cluster, node_name
from steps.contract import StepInputs, StepOutputs, step
from steps.endpoint import Endpoint, base_url
from steps.errors import DiskFullError, InvalidInputError, NotFoundError, OmeError, UnsupportedError
from steps.home import checked_name, part
from steps.published_model import find_model, folder_of, stored_facts
from steps.resources import Resource, open_resources

_SCENARIO = re.compile(r"[A-Za-z]+(?:\([^()]*\)(?:/\([^()]*\))?)?")


class BenchmarkInputs(StepInputs):
    """What to measure."""

    name: str = Field(default="benchmark", description="Name of the benchmark; its report's folder begins with it.")
    endpoint: Endpoint | None = Field(
        default=None,
        description='Endpoint to measure, as deploy-service gives it: {"url": "http://chat:8080", "modelName": "m"}.',
    )
    model: str = Field(default="", description="Model behind the endpoint; its tokenizer shapes the prompts.")
    namespace: str = Field(default="default", description="Namespace of the model, when it is a BaseModel.")
    model_label: str = Field(default="", description="Label of the nodes that have the model; empty for any node.")
    task: Task = Field(default="text-to-text", description="What its requests are.")
    scenarios: tuple[str, ...] = Field(
        default=(),
        description="Traffic scenarios in genai-bench's grammar; none for a first look, "
        f"{' or '.join(of_task.first_look for of_task in DEFAULTS.values())} by task.",
    )
    concurrency: tuple[int, ...] = Field(
        default=FIRST_LEVELS,
        description="Requests in flight at once; for embeddings and rerank the texts per request.",
    )
    max_requests: int = Field(default=50, description="Requests per cell (scenario and concurrency).")
    max_minutes: int = Field(default=10, description="Minutes a cell may take at most.")
    max_error_rate: float = Field(
        default=0.01, ge=0, le=1, description="A larger share of failed requests makes the verdict Failed."
    )
    baseline: BenchmarkReport | tuple[BenchmarkResult, ...] | None = Field(
        default=None,
        description="What to compare with, as JSON: the output `report` of an earlier run, or spec.baseline.results.",
    )
    request_parameters: dict[str, object] = Field(
        default={}, description='More fields of every request, as a JSON object: {"temperature": 0.7}.'
    )
    server: ServerLabels | None = Field(
        default=None, description="What the report says of the server, as JSON: engine, version, gpuType, gpuCount."
    )
    pod: str = Field(
        default="",
        description="As JSON, in place of model_label, all of nodeSelector, tolerations, affinity and resources.",
    )

    @field_validator("baseline", mode="before")
    @classmethod
    def _read_empty_as_none(cls, value: object) -> object:
        """Also take `[]`, as spec.baseline.results has it where it is empty, for none."""
        return None if value == [] else value

    @field_validator("scenarios", mode="before")
    @classmethod
    def _split_scenarios(cls, value: object) -> object:
        """Also take the plain text that a person types into a form: `D(64,16), D(100,100)`."""
        if not isinstance(value, str):
            return value
        left = _SCENARIO.sub("", value)
        return _SCENARIO.findall(value) if not left.strip(" ,;\n\t") else [value]

    @field_validator("concurrency", mode="before")
    @classmethod
    def _split_concurrency(cls, value: object) -> object:
        """Also take `1` and `1, 2, 4`."""
        if isinstance(value, int):
            return (value,)
        return re.split(r"[\s,;]+", value.strip()) if isinstance(value, str) else value


class BenchmarkOutputs(StepOutputs):
    """What was measured."""

    report: BenchmarkReport = Field(description="Summary: verdict, and each cell's percentiles and rates.")
    report_folder: str = Field(
        description="Folder with report.html, results.csv and results.json; on a cluster configmap/<name>."
    )


@step(
    "benchmark-endpoint",
    title="Benchmark an endpoint",
    description="Measures latency, throughput and error rate for each scenario and concurrency, and writes a report.",
)
def benchmark_endpoint(inputs: BenchmarkInputs) -> BenchmarkOutputs:
    """Measure, judge and report. A bad verdict is a result, not an error of the step.

    Raises:
        OmeError: of the classes that the parts name; nothing is measured before all inputs are checked.
    """
    started, began = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    checked_name("name", inputs.name)
    inputs = inputs if inputs.scenarios else inputs.model_copy(update={"scenarios": first_look(inputs.task)})
    os.environ.setdefault(
        "MPLCONFIGDIR", str(cache_folder() / "matplotlib")
    )  # its list of fonts, ours and the child's
    endpoint = _checked_endpoint(inputs.endpoint)
    model = find_model(open_resources(), inputs.model, inputs.namespace)
    facts = stored_facts(model)
    tokenizer = make_tokenizer_folder(_folder_of(model, inputs.model), facts.weight_files if facts else ())
    plan = make_plan(
        task=inputs.task,
        scenarios=inputs.scenarios,
        concurrency=inputs.concurrency,
        max_requests=inputs.max_requests,
        max_minutes=inputs.max_minutes,
        engine=endpoint.engine,
        end_tokens=tokenizer.end_tokens,
        context_length=facts.context_length if facts else 0,
        request_parameters=inputs.request_parameters,
        server=inputs.server,
    )
    program = find_genai_bench()
    key = os.environ.get(KEY_VARIABLE, "")
    same = {"endpoint": endpoint.model_dump_json(), "model": inputs.model, "tokenizer": tokenizer.path.name}
    with _full_disk_named(), _only_one_at(endpoint):
        unfinished = UnfinishedBenchmark(inputs.name, identity(plan, same))
        log = BoundedLog(unfinished.folder / "genai-bench.log")
        done = unfinished.load(plan.cells)
        reused = len(done)
        work = measure_cells(plan, endpoint, tokenizer, program, key, unfinished, log, done)
        readiness = asyncio.run(work)
        records = [done[cell] for cell in plan.cells]
        cells = tuple(summarise(one) for one in records)
        verdict, reason = judge(cells, inputs.max_error_rate)
        requests, errors = sum(c.requests for c in cells), sum(c.errors for c in cells)
        report = BenchmarkReport(
            name=inputs.name,
            model=inputs.model,
            model_name=endpoint.model_name,
            endpoint=endpoint.url,
            engine=endpoint.engine,
            task=inputs.task,
            verdict=verdict,
            reason=reason,
            requests=requests,
            errors=errors,
            error_rate=errors / requests if requests else 1.0,
            max_error_rate=inputs.max_error_rate,
            seconds=time.monotonic() - began,
            cells=cells,
            notes=(*plan.notes, *notes_of(cells, records, reused), *_model_notes(endpoint, readiness)),
        )
        if inputs.baseline is not None:
            report = compare(report, inputs.baseline)
        surroundings = gather(started, facts, tokenizer.source, program, str(plan.server))
        files = report_files(report, records, surroundings, _commands(inputs, endpoint, plan), plan.level)
        folder = write_report(inputs.name, started, files)
        if log.path.exists():
            log.path.replace(folder / log.path.name)
        unfinished.discard()
    place = _kept(inputs.name, files) or str(folder)
    sys.stdout.write(f"{report.verdict}: {requests} requests, {errors} failed; {place}\n")
    return BenchmarkOutputs(report=report, report_folder=place)


def _kept(name: str, files: Mapping[str, str]) -> str:
    """Where a report is kept that would go with its pod; "" on one machine."""
    if not is_on_cluster():
        return ""
    from steps.cluster.reports import keep_report

    try:
        return keep_report(name, files)
    except OmeError as error:  # the figures go on as outputs, and took minutes to measure
        sys.stderr.write(f"the report is not kept: {error.message}\n  {error.remedy}\n")
        return ""


def _checked_endpoint(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None or not endpoint.url or not endpoint.model_name:
        raise InvalidInputError(
            "endpoint: is missing", remedy='Give JSON such as {"url":"http://127.0.0.1:8000","modelName":"m"}.'
        )
    match = re.fullmatch(r"https?://([^/@?#]+@)?[^/@?#]+(/[^?#]*)?", endpoint.url)
    if match is None or match.group(1):
        shown = re.sub(r"//[^/@]*@", "//…@", endpoint.url)
        raise InvalidInputError(
            f'endpoint.url: "{shown}" is not accepted',
            remedy=f"Use http:// or https:// with host and port. {key_remedy()}",
        )
    return endpoint.model_copy(update={"url": base_url(endpoint.url)})


def _folder_of(model: Resource, name: str) -> Path:
    """The model's folder on this machine or node."""
    if stays_in_claim(model):
        raise UnsupportedError(
            f'model "{name}" is read in place from a claim, which the load generator\'s pod cannot mount: it has no '
            "tokenizer",
            remedy="Name as model one that is on nodes and has the same tokenizer, with its model_label.",
        )
    path = folder_of(model)
    if path is None:
        raise NotFoundError(f'model "{name}": spec.storage.path is empty', remedy="Import the model first.")
    if is_on_cluster() and not path.is_dir():
        raise NotFoundError(
            f'model "{name}": node {node_name()} has no folder {path}, which holds the tokenizer',
            remedy="Give model_label, the label of nodes that have the model, so that the load is put on from one.",
        )
    return path


def _model_notes(endpoint: Endpoint, readiness: Readiness | None) -> tuple[str, ...]:
    if readiness is None or not readiness.models or endpoint.model_name in readiness.models:
        return ()
    return (f'The endpoint answers to "{endpoint.model_name}" but lists {", ".join(readiness.models)}.',)


@contextmanager
def _only_one_at(endpoint: Endpoint) -> Iterator[None]:
    """Two benchmarks of one endpoint would measure each other, so the second waits."""
    from filelock import FileLock, Timeout  # here, because it takes a fifth of the step's start

    name = re.sub(r"[^A-Za-z0-9.]+", "-", endpoint.url)[-120:]
    lock = FileLock(part("locks") / f"benchmark.{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        sys.stderr.write(f"another benchmark measures {endpoint.url}; waiting for it to end\n")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _full_disk_named() -> Iterator[None]:
    """A full disk is an error with a class, wherever it shows."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFullError(
            f"no space left to keep the benchmark's results ({error.filename or part('reports')})",
            remedy="Free space on the node and run again."
            if is_on_cluster()
            else "Free space and run again: finished cells are kept.",
        ) from None


def _commands(inputs: BenchmarkInputs, endpoint: Endpoint, plan: Plan) -> Sequence[str]:
    """How to measure again: with `ome` where it has words for it, and with genai-bench alone (its runs in turn)."""
    target = [endpoint.service] if endpoint.service else [endpoint.url, "--model", inputs.model]
    target += [] if endpoint.service else ["--model-name", endpoint.model_name]
    words = ["ome", "benchmark", *target, "--namespace", endpoint.namespace if endpoint.service else inputs.namespace]
    words += [word for scenario in inputs.scenarios for word in ("--scenario", scenario)]
    words += [word for level in inputs.concurrency for word in ("--concurrency", str(level))]
    words += ["--max-requests", str(inputs.max_requests), "--max-minutes", str(inputs.max_minutes)]
    words += ["--max-error-rate", str(inputs.max_error_rate)]
    is_told_by_ome = inputs.task == TEXT and not inputs.request_parameters
    commands = [shlex.join(words)] if is_told_by_ome else []
    for run in group_into_runs(plan.cells):
        arguments = genai_bench_arguments(
            plan,
            run,
            url=endpoint.url,
            model_name=endpoint.model_name,
            tokenizer="TOKENIZER_FOLDER",
            folder="results/run",
            log_folder="logs",
        )
        commands.append(shlex.join(["genai-bench", *arguments]))
    return commands

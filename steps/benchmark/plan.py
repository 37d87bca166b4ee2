"""The plan of a benchmark: which cells, how they are grouped into runs, and the words genai-bench is started with.

Pure: called by `steps.benchmark_endpoint` before anything is started, so that a wrong scenario costs nothing.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final, Literal

from steps.benchmark.request_fields import Backend, backend_for, parse_fields, request_fields
from steps.benchmark.scenarios import check_task, demand_of
from steps.benchmark.server_labels import ServerLabels
from steps.errors import InvalidInputError, UnsupportedError
from steps.frozen import Frozen

Level = Literal["concurrency", "batch size"]

MAX_CELLS: Final = 49
"""genai-bench's own defaults for rerank are as many; many more would not fit into a status object."""
MAX_LEVEL: Final = 100_000
MAX_REQUESTS: Final = 1_000_000
MAX_MINUTES: Final = 24 * 60
PLACEHOLDER_KEY: Final = "placeholder"
_BATCHED_TASKS: Final = frozenset({"text-to-embeddings", "text-to-rerank"})


class Cell(Frozen):
    """One measurement: a scenario at one level of load."""

    scenario: str
    concurrency: int
    batch_size: int = 1

    def level_of(self, level: Level) -> int:
        """The number that varies between cells of one scenario."""
        return self.batch_size if level == "batch size" else self.concurrency

    @property
    def key(self) -> str:
        """A file name for it, such as `D_32_8_-c2-b1`."""
        return f"{re.sub(r'[^A-Za-z0-9]+', '_', self.scenario)}-c{self.concurrency}-b{self.batch_size}"


class Plan(Frozen):
    """A checked benchmark.

    Attributes:
        level: What varies inside a scenario.
        parameters: Extra fields of every request's body.
        notes: What the reader of the report should know about these choices.
        server: What a person says of the endpoint's server.
    """

    task: str
    backend: Backend
    level: Level
    cells: tuple[Cell, ...]
    max_requests: int
    max_minutes: int
    parameters: dict[str, object] = {}
    notes: tuple[str, ...] = ()
    server: ServerLabels = ServerLabels()

    @property
    def total_requests(self) -> int:
        """How many requests the whole plan asks for."""
        return self.max_requests * len(self.cells)


class Run(Frozen):
    """One start of genai-bench: scenarios that are measured at the same levels."""

    scenarios: tuple[str, ...]
    cells: tuple[Cell, ...]


def plan_benchmark(
    *,
    task: str,
    scenarios: Sequence[str],
    concurrency: Sequence[int],
    max_requests: int,
    max_minutes: int,
    engine: str = "",
    end_tokens: Sequence[int] = (),
    context_length: int = 0,
    request_parameters: Mapping[str, object] | None = None,
    server: ServerLabels | None = None,
) -> Plan:
    """Check what was asked for and lay it out.

    Args:
        task: As genai-bench names it.
        scenarios: In its grammar.
        concurrency: Requests in flight; for embeddings and rerank the texts per request, one request at a time.
        max_requests: Where a cell ends.
        max_minutes: Where it ends when it is slower.
        engine: The runtime's name; decides the dialect.
        end_tokens: Ids of the model's end tokens, for engines that are told them one by one.
        context_length: The model's, in tokens; 0 when unknown.
        request_parameters: Extra fields of every request's body, see `parse_fields`.
        server: What a person says of it.

    Raises:
        InvalidInputError: names the field, the value and what is accepted.
        UnsupportedError: for tasks and scenarios of genai-bench that this version does not run.
    """
    check_task(task)
    backend = backend_of(engine)
    if task == "text-to-rerank" and backend == "openai":
        raise UnsupportedError(f'task: text-to-rerank needs vLLM or SGLang, the engine is "{engine}"')
    _check_numbers(scenarios, concurrency, max_requests, max_minutes)
    for text in scenarios:
        demand = demand_of(text, task)
        needed = demand.input_tokens + demand.output_tokens
        if context_length and needed > context_length:
            raise InvalidInputError(
                f'scenarios: "{text}" needs {needed} tokens, the model has a context of {context_length}',
                remedy="Use a shorter scenario.",
            )
    is_batched = task in _BATCHED_TASKS
    cells = tuple(
        Cell(scenario=s, concurrency=1, batch_size=n) if is_batched else Cell(scenario=s, concurrency=n)
        for s in scenarios
        for n in concurrency
    )
    given = parse_fields(request_parameters or {})
    backend = backend_for(task, backend, given)
    parameters, notes = request_fields(task, backend, given, is_llama_cpp=is_llama_cpp(engine), end_tokens=end_tokens)
    return Plan(
        task=task,
        backend=backend,
        level="batch size" if is_batched else "concurrency",
        cells=cells,
        max_requests=max_requests,
        max_minutes=max_minutes,
        parameters=parameters,
        notes=notes,
        server=server or ServerLabels(),
    )


def _check_numbers(scenarios: Sequence[str], concurrency: Sequence[int], max_requests: int, max_minutes: int) -> None:
    fields = (("scenarios", scenarios), ("concurrency", concurrency))
    for field, values in fields:
        if not values:
            raise InvalidInputError(f"{field}: is empty", remedy="Give at least one.")
        twice = [value for value in values if list(values).count(value) > 1]
        if twice:
            raise InvalidInputError(f'{field}: "{twice[0]}" is given twice', remedy="Give each once.")
    for level in concurrency:
        if not 1 <= level <= MAX_LEVEL:
            raise InvalidInputError(f"concurrency: {level} is out of range", remedy=f"Use 1 to {MAX_LEVEL}.")
    count = len(scenarios) * len(concurrency)
    if count > MAX_CELLS:
        raise InvalidInputError(
            f"scenarios and concurrency: {len(scenarios)} × {len(concurrency)} are {count} cells",
            remedy=f"Use at most {MAX_CELLS} in one benchmark.",
        )
    if not 1 <= max_requests <= MAX_REQUESTS:
        raise InvalidInputError(f"max_requests: {max_requests} is out of range", remedy=f"Use 1 to {MAX_REQUESTS}.")
    if not 1 <= max_minutes <= MAX_MINUTES:
        raise InvalidInputError(f"max_minutes: {max_minutes} is out of range", remedy=f"Use 1 to {MAX_MINUTES}.")


def backend_of(engine: str) -> Backend:
    """genai-bench's dialect for an engine, told by the runtime's name (OME's SGLang runtimes begin with `srt-`)."""
    name = engine.lower()
    if "vllm" in name:
        return "vllm"
    if "sglang" in name or name.startswith("srt-"):
        return "sglang"
    return "openai"


def is_llama_cpp(engine: str) -> bool:
    """Whether the engine is llama.cpp's server, by the runtime's name."""
    return "llamacpp" in re.sub(r"[^a-z]", "", engine.lower())


def group_into_runs(cells: Sequence[Cell]) -> tuple[Run, ...]:
    """As few runs as cover exactly `cells`, in order: neighbours with the same levels share one start."""
    by_scenario = [(name, tuple(group)) for name, group in groupby(cells, key=lambda c: c.scenario)]
    runs = []
    for _, group in groupby(by_scenario, key=lambda item: tuple((c.concurrency, c.batch_size) for c in item[1])):
        together = list(group)
        runs.append(
            Run(scenarios=tuple(name for name, _ in together), cells=tuple(c for _, row in together for c in row))
        )
    return tuple(runs)


def genai_bench_arguments(
    plan: Plan,
    run: Run,
    *,
    url: str,
    model_name: str,
    tokenizer: str,
    folder: str,
    log_folder: str,
    key: str = PLACEHOLDER_KEY,
) -> list[str]:
    """The arguments of one start, after the program's name.

    Args:
        plan: Of the whole benchmark.
        run: What this start measures.
        url: Base URL of the endpoint, or of the proxy before it.
        model_name: What requests carry in `model`.
        tokenizer: Folder of the tokenizer.
        folder: Where results go.
        log_folder: Where the log goes.
        key: What is sent as key. Never the real one: the program writes it everywhere, a proxy adds the real one.
    """
    base, _, name = folder.rpartition("/")
    option = "--batch-size" if plan.level == "batch size" else "--num-concurrency"
    levels = dict.fromkeys(cell.level_of(plan.level) for cell in run.cells)
    arguments = [
        "benchmark",
        *("--api-backend", plan.backend),
        *("--api-base", url),
        *("--api-key", key),
        *("--api-model-name", model_name),
        *("--model-tokenizer", tokenizer),
        *("--model", model_name.rpartition("/")[2]),
        *("--task", plan.task),
        *(word for scenario in run.scenarios for word in ("--traffic-scenario", scenario)),
        *(word for level in levels for word in (option, str(level))),
        *("--max-time-per-run", str(plan.max_minutes)),
        *("--max-requests-per-run", str(plan.max_requests)),
    ]
    if plan.parameters:
        arguments += ["--additional-request-params", json.dumps(plan.parameters, separators=(",", ":"))]
    return [
        *arguments,
        *plan.server.arguments(),
        *("--experiment-base-dir", base or "."),
        *("--experiment-folder-name", name),
        *("--log-dir", log_folder),
        *("--metrics-time-unit", "s"),
    ]


def identity(plan: Plan, facts: Mapping[str, str]) -> str:
    """A digest over what two attempts must share for one to go on with the other's cells; the matrix may grow.

    Args:
        plan: Of this attempt.
        facts: What else matters: the endpoint, the model, the tokenizer.
    """
    content = {
        "task": plan.task,
        "backend": plan.backend,
        "max_requests": plan.max_requests,
        "max_minutes": plan.max_minutes,
        "parameters": plan.parameters,
        **facts,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

"""Measures the cells of a plan that are not measured yet, one after the other, and keeps each as it comes."""

import secrets
from contextlib import AsyncExitStack
from pathlib import Path

from steps.benchmark.bounded_log import BoundedLog
from steps.benchmark.key_proxy import key_proxy
from steps.benchmark.load import LoadGenerator
from steps.benchmark.plan import PLACEHOLDER_KEY, Cell, Plan
from steps.benchmark.readiness import Readiness, wait_until_it_answers
from steps.benchmark.records import CellRecords
from steps.benchmark.secret_texts import SecretTexts
from steps.benchmark.tokenizer import TokenizerFolder
from steps.benchmark.unfinished import UnfinishedBenchmark
from steps.endpoint import Endpoint
from steps.progress import ProgressReporter


async def measure_cells(
    plan: Plan,
    endpoint: Endpoint,
    tokenizer: TokenizerFolder,
    program: Path,
    key: str,
    unfinished: UnfinishedBenchmark,
    log: BoundedLog,
    done: dict[Cell, CellRecords],
) -> Readiness | None:
    """Fill `done` with every cell of the plan, keeping each as it comes.

    Args:
        plan: What is measured.
        endpoint: Where.
        tokenizer: Shapes the prompts.
        program: genai-bench.
        key: Of the endpoint; "" for none. genai-bench never has it.
        unfinished: Keeps cells for a later attempt.
        log: Of genai-bench.
        done: Cells that are measured already, with their records.

    Returns:
        How the endpoint answered at first; None when there was nothing left to measure.

    Raises:
        OmeError: when the endpoint does not answer, or genai-bench fails.
    """
    missing = [cell for cell in plan.cells if cell not in done]
    if not missing:
        return None
    progress = ProgressReporter()
    reused = len(done) * plan.max_requests

    def report(phase: str, requests: int) -> None:
        completed = len(done) * plan.max_requests + min(requests, plan.max_requests)
        progress.report(phase, completed, plan.total_requests, unit="requests", reused=reused)

    def keep(cell: Cell, records: CellRecords) -> None:
        done[cell] = records
        unfinished.save(cell, records, is_last=len(done) == len(plan.cells))
        report(_phase(cell, plan), 0)

    report("waiting for the endpoint", 0)
    readiness = await wait_until_it_answers(endpoint, plan.task, plan.parameters, key)
    report("starting genai-bench", 0)
    async with AsyncExitStack() as stack:
        url, local_key = endpoint.url, PLACEHOLDER_KEY
        if key:
            local_key = secrets.token_hex(16)
            url = await stack.enter_async_context(key_proxy(endpoint.url, key, local_key))
        generator = LoadGenerator(
            program, url, endpoint.model_name, tokenizer.path, log, SecretTexts(key), local_key=local_key
        )
        await generator.measure(plan, missing, keep, lambda cell, count: report(_phase(cell, plan), count))
    return readiness


def _phase(cell: Cell, plan: Plan) -> str:
    return f"scenario {cell.scenario}, {plan.level} {cell.level_of(plan.level)}"

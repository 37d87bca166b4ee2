"""Puts the load on: starts genai-bench, follows its log, and hands over each cell the moment it is finished.

Called by `steps.benchmark_endpoint`. One start measures as many cells as it can, because a start costs five to twelve
seconds; it is ended after the last cell, before it draws plots nobody reads. When a cell fails altogether genai-bench
gives up on the rest, so the rest gets a start of its own.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from steps.benchmark.bounded_log import BoundedLog
from steps.benchmark.genai_bench import child_environment, failure
from steps.benchmark.load_log import LoadLog
from steps.benchmark.plan import PLACEHOLDER_KEY, Cell, Plan, Run, genai_bench_arguments, group_into_runs
from steps.benchmark.records import NO_TOKENS, CellRecords, RequestRecord, parse_run, with_starts
from steps.benchmark.secret_texts import SecretTexts
from steps.errors import ClusterError

Keep = Callable[[Cell, CellRecords], None]
Report = Callable[[Cell, int], None]

START_SECONDS: Final = 180.0
CELL_GRACE_SECONDS: Final = 60.0
FILE_SECONDS: Final = 30.0
END_SECONDS: Final = 5.0
MAX_LINE_BYTES: Final = 64 << 10
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)  # loaded before any fork, where nothing may be loaded


class LoadGenerator:
    """genai-bench, aimed at one endpoint.

    Args:
        program: Its path.
        url: Base URL of the endpoint, or of the proxy before it.
        model_name: What requests carry in `model`.
        tokenizer: Folder of the tokenizer.
        log: Gets what a user would want to see of its output.
        secrets: Taken out of everything it leaves.
        local_key: What it sends as key.
    """

    def __init__(
        self,
        program: Path,
        url: str,
        model_name: str,
        tokenizer: Path,
        log: BoundedLog,
        secrets: SecretTexts,
        local_key: str = PLACEHOLDER_KEY,
    ) -> None:
        self._program = program
        self._url = url
        self._model_name = model_name
        self._tokenizer = tokenizer
        self._log = log
        self._secrets = secrets
        self._key = local_key

    async def measure(self, plan: Plan, cells: Sequence[Cell], keep: Keep, report: Report) -> None:
        """Measure `cells` in order.

        Args:
            plan: They belong to.
            cells: Those that are missing.
            keep: Gets each cell as soon as it is finished.
            report: Gets the running cell and how many of its requests have ended.

        Raises:
            OmeError: when genai-bench ends without results for a reason that is not the endpoint's.
        """
        missing = list(cells)
        while missing:
            settled = await self._run(plan, group_into_runs(missing)[0], keep, report)
            missing = [cell for cell in missing if cell not in settled]

    async def _run(self, plan: Plan, run: Run, keep: Keep, report: Report) -> set[Cell]:
        root = Path(tempfile.mkdtemp(prefix="ome-benchmark-"))
        try:
            results, logs = root / "results", root / "logs"
            logs.mkdir()
            # The log comes through the pipe, where it is bounded; the file of the same content would not be.
            (logs / "genai_bench.log").symlink_to(os.devnull)
            arguments = genai_bench_arguments(
                plan,
                run,
                url=self._url,
                model_name=self._model_name,
                tokenizer=str(self._tokenizer),
                folder=str(results),
                log_folder=str(logs),
                key=self._key,
            )
            process = await asyncio.create_subprocess_exec(
                self._program,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=child_environment(self._program, os.environ),
                cwd=root,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
            seconds = START_SECONDS + len(run.cells) * (plan.max_minutes * 60 + CELL_GRACE_SECONDS)
            try:
                async with asyncio.timeout(seconds):
                    return await self._follow(process, plan, run, results, keep, report)
            except TimeoutError:
                raise ClusterError(
                    f"genai-bench did not end within {seconds:.0f} s", remedy=f"See {self._log.path}."
                ) from None
            finally:
                await _end(process)
        finally:
            shutil.rmtree(root, ignore_errors=True)

    async def _follow(
        self, process: asyncio.subprocess.Process, plan: Plan, run: Run, results: Path, keep: Keep, report: Report
    ) -> set[Cell]:
        assert process.stdout is not None  # noqa: S101 - asked for above
        log = LoadLog(is_streaming=plan.task == "text-to-text")
        waiting, settled = list(run.cells), set[Cell]()
        buffer = bytearray()
        while piece := await process.stdout.read(1 << 16):
            buffer += piece
            *lines, rest = buffer.split(b"\n")
            buffer = bytearray(rest[:MAX_LINE_BYTES])
            for raw in lines:
                line = self._secrets.hide(raw.decode("utf-8", "replace"))
                if log.feed(line, time.monotonic()):
                    self._log.write(line)
                if len(log.finished) > len(settled):
                    cell = waiting.pop(0)
                    keep(cell, await self._finished(cell, plan, results, log))
                    settled.add(cell)
                    log.start_cell()
                    if not waiting:
                        return settled
            if waiting and len(log.finished) == len(settled):
                report(waiting[0], log.done)
        code = await process.wait()
        self._log.write(self._secrets.hide(buffer.decode("utf-8", "replace")))
        failed = self._failed(waiting[0], results, log)
        if failed is None:
            raise failure(code, self._log.last, str(self._log.path))
        keep(waiting[0], failed)
        return settled | {waiting[0]}

    async def _finished(self, cell: Cell, plan: Plan, results: Path, log: LoadLog) -> CellRecords:
        """The results of a cell whose end the log has just announced; its file is written in the same moment."""
        option = "batch_size" if plan.level == "batch size" else "num_concurrency"
        name = cell.scenario.replace("/", "_").replace(",", "_").replace("(", "").replace(")", "")
        pattern = f"{name}_{plan.task}_{option}_{cell.level_of(plan.level)}_time_*s.json"
        deadline = time.monotonic() + FILE_SECONDS
        while log.answered + log.failed and time.monotonic() < deadline:
            for path in results.glob(pattern):
                text = path.read_text(errors="replace")
                if _is_json(text):
                    return self._parsed(cell, text, log)
            await asyncio.sleep(0.05)
        self._log.write(f"no results came for {cell.key}")
        return _without_file(cell, log)

    def _failed(self, cell: Cell, results: Path, log: LoadLog) -> CellRecords | None:
        """What is known of a cell that made genai-bench give up, or None when the cell was not the reason."""
        for path in results.glob("debug_for_run_*.json"):
            text = path.read_text(errors="replace")
            if _is_json(text):
                return self._parsed(cell, text, log)
        return _without_file(cell, log) if log.failed + log.unmeasured else None

    def _parsed(self, cell: Cell, text: str, log: LoadLog) -> CellRecords:
        return parse_run(
            self._secrets.hide(text),
            scenario=cell.scenario,
            concurrency=cell.concurrency,
            batch_size=cell.batch_size,
            times=log.times,
            error_times=log.error_times,
            unmeasured=log.unmeasured,
            is_counted_locally=log.is_counted_locally,
        )


def _without_file(cell: Cell, log: LoadLog) -> CellRecords:
    unmeasured = [RequestRecord(error_code=0, error_message=NO_TOKENS)] * log.unmeasured
    failed = [RequestRecord(error_code=503, error_message="the request failed")] * log.failed
    return CellRecords(
        scenario=cell.scenario,
        concurrency=cell.concurrency,
        batch_size=cell.batch_size,
        records=with_starts([*failed, *unmeasured], (), log.error_times),
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process, which has no children, and wait until it is gone."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _die_with_parent() -> None:
    """In the child, on Linux: be killed when the step is, even by SIGKILL."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

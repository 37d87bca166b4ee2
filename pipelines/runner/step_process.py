"""One attempt of a step as a process tree on this machine: started under a guard, watched, ended as a tree.

`leaf_run` calls this once an attempt. Knows nothing of workflows: a command, a folder, an environment.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from pipelines.run_record import StepError
from pipelines.runner import step_guard
from steps.contract import StepFailure
from steps.progress import Progress

PROGRESS_INTERVAL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """The private folder of one attempt; `root` is what the step knows as `/tmp/ome`."""

    path: Path

    @property
    def root(self) -> Path:
        """Inputs and outputs of the step."""
        return self.path / "root"

    @property
    def log(self) -> Path:
        """Standard error, and standard output too unless the workflow uses it as a result."""
        return self.path / "log.txt"

    @property
    def printed(self) -> Path:
        """Standard output when the workflow uses it as a result."""
        return self.path / "stdout.txt"

    @property
    def progress(self) -> Path:
        """Where the step publishes its progress."""
        return self.path / "progress.json"

    @property
    def termination_log(self) -> Path:
        """Where the step leaves its error as JSON."""
        return self.path / "termination-log"

    @property
    def source(self) -> Path:
        """A script's rendered source."""
        return self.path / "source"

    def make(self) -> None:
        """Create the folders."""
        for folder in (self.root / "outputs", self.path / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended: `exit_code` is None when it was ended by its deadline."""

    exit_code: int | None
    error: StepError | None


async def run_attempt(
    command: Sequence[str],
    folder: AttemptFolder,
    environment: Mapping[str, str],
    *,
    deadline_seconds: float | None,
    keeps_stdout_apart: bool,
    on_progress: Callable[[Progress], None],
) -> Ended:
    """Run one attempt to its end; when cancelled, end its whole tree before letting go.

    Args:
        command: Program and arguments, resolved for this machine.
        folder: Its private folder, already made.
        environment: What the template adds to this process's environment.
        deadline_seconds: After how long to end it, or None.
        keeps_stdout_apart: Whether standard output goes to a file of its own.
        on_progress: Told of each new moment.
    """
    with folder.log.open("ab") as log, _printed(folder, keeps_stdout_apart) as printed:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", str(Path(step_guard.__file__)), *command,
            stdin=asyncio.subprocess.PIPE, stdout=printed or log, stderr=log, cwd=folder.root, start_new_session=True,
            env={**os.environ, "TMPDIR": str(folder.path / "tmp"), **environment},
        )  # fmt: skip
    ending = asyncio.ensure_future(process.wait())
    is_late = False
    try:
        async with asyncio.timeout(deadline_seconds):
            await _watch(ending, folder.progress, on_progress)
    except TimeoutError:
        is_late = True
    finally:
        if not ending.done():
            await _end(process, ending)
    if keeps_stdout_apart:
        with folder.log.open("ab") as log:
            log.write(folder.printed.read_bytes())
    if is_late:
        message = f"ran longer than its deadline of {deadline_seconds:g} s and was ended"
        return Ended(None, StepError(code="deadline", message=message, remedy="Give it more time, or less to do."))
    code = ending.result()
    return Ended(code, _error_of(folder, code) if code else None)


@contextlib.contextmanager
def _printed(folder: AttemptFolder, is_wanted: bool) -> Iterator[IO[bytes] | None]:
    if not is_wanted:
        yield None
        return
    with folder.printed.open("wb") as file:
        yield file


async def _watch(ending: "asyncio.Future[int]", path: Path, on_progress: Callable[[Progress], None]) -> None:
    seen = 0
    while True:
        await asyncio.wait({ending}, timeout=PROGRESS_INTERVAL_SECONDS)
        is_over = ending.done()  # before reading, so that the last moment is not missed
        with contextlib.suppress(OSError, ValidationError):
            changed = path.stat().st_mtime_ns
            if changed != seen:
                seen = changed
                on_progress(Progress.model_validate_json(path.read_bytes()))
        if is_over:
            return


async def _end(process: asyncio.subprocess.Process, ending: "asyncio.Future[int]") -> None:
    """Close the guard's pipe and wait until the tree is gone, however often we are cancelled meanwhile."""
    if process.stdin is not None:
        process.stdin.close()
    while not ending.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(ending)


def _error_of(folder: AttemptFolder, code: int) -> StepError:
    with contextlib.suppress(OSError, ValidationError):
        failure = StepFailure.model_validate_json(folder.termination_log.read_bytes())
        return StepError(code=failure.code, message=failure.message, remedy=failure.remedy)
    lines = [line for line in folder.log.read_text(errors="replace").splitlines() if line.strip()]
    said = f": {lines[-1].strip()[:300]}" if lines else " and said nothing"
    how = f"was ended by signal {code - 128}" if 128 < code < 160 else f"ended with exit code {code}"
    return StepError(code="exit", message=f"{how}{said}", remedy="See its log.")

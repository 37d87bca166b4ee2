"""A controller in a process of its own, with its log, as tests start, kill and end it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.controller.engine.waiting import until

REPOSITORY = Path(__file__).parents[3]
_BYTECODE = tempfile.TemporaryDirectory(prefix="ome-controller-bytecode-")


class ControllerProcess:
    """`python -m <module>` with a free port; use it as a context.

    Args:
        kubeconfig: The cluster.
        log: A file, which is appended to.
        arguments: Further ones of the command line.
        module: What to run.
    """

    def __init__(
        self,
        kubeconfig: Path,
        log: Path,
        *arguments: str,
        module: str = "tests.controller.engine.trivial",
    ) -> None:
        self.log = log
        self._begin = log.stat().st_size if log.exists() else 0
        command = [sys.executable, "-m", module, f"--kubeconfig={kubeconfig}", "--metrics-port=0"]
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                [*command, "--metrics-host=127.0.0.1", *arguments],
                cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=_environment(),
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.kill()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged."""
        with self.log.open("rb") as stream:
            stream.seek(self._begin)
            text = stream.read().decode()
        complete = text[: text.rfind("\n") + 1].splitlines()
        return [json.loads(line) if line.startswith("{") else {"message": line} for line in complete]

    def has_logged(self, words: str) -> bool:
        """Whether a line's message has these words."""
        return any(words in line["message"] for line in self.lines())

    def until_logged(self, words: str) -> None:
        """Wait for a line whose message has these words."""
        until(lambda: self.has_logged(words) or self.process.poll() is not None, f'"{words}" in {self.log}')
        assert self.has_logged(words), f'"{words}" is not in {self.log}; it ended with {self.process.poll()}'

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of /healthz, /readyz or /metrics."""
        self.until_logged("health and metrics on port")
        port = next(line["message"].rsplit(" ", 1)[1] for line in self.lines() if "metrics on port" in line["message"])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, sample: str) -> float:
        """The value of a sample of /metrics, of all that begin with it together."""
        return total(self.page("/metrics")[1], sample)

    def until_planned(self, kind: str, count: int) -> None:
        """Wait until so many plans about a kind were made and carried out."""
        sample = f'ome_controller_reconcile_seconds_count{{kind="{kind}"}}'
        until(lambda: self.metric(sample) >= count, f"{count} plans about {kind}")

    def until_ready(self) -> None:
        """Wait until /readyz says so."""
        until(lambda: self.page("/readyz")[0] == 200, "ready")


def total(metrics: str, sample: str) -> float:
    """The values of all samples together that begin with this, of a page as /metrics has it."""
    samples = [line for line in metrics.splitlines() if line.startswith(sample)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in samples)


def _environment() -> dict[str, str]:
    """This process's, with compiled bytecode as an image has it: compiling takes longer than all else of a start."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPYCACHEPREFIX": _BYTECODE.name}

"""Progress of a step that moves bytes or runs long: to Argo's progress file, to the local runner, and to the log.

Argo shows `ARGO_PROGRESS_FILE` ("completed/total", whole numbers). The local runner gives `OME_PROGRESS_FILE` and
draws a bar from it. The log gets a line at most every ten seconds, so that a long download is seen in a pod's log.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from steps.amounts import format_bytes, format_seconds
from steps.frozen import Frozen
from steps.home import write_atomically

FILE_INTERVAL_SECONDS = 0.2
ARGO_INTERVAL_SECONDS = 1.0
LOG_INTERVAL_SECONDS = 10.0


class Progress(Frozen):
    """A moment of a step.

    Attributes:
        phase: What is being done, such as "downloading" or "scenario D(64,16), concurrency 2".
        completed, total: In `unit`; total 0 when unknown.
        unit: "bytes", "requests" or "files".
        rate: Units per second over the last seconds.
        reused: Units that were there already and did not have to be fetched.
    """

    phase: str
    completed: int
    total: int
    unit: str = "bytes"
    rate: float = 0.0
    reused: int = 0

    @property
    def words(self) -> str:
        """For people: `downloading: 41 MB of 94 MB, 38 MB/s, 1.4 s left`."""
        if self.total <= 0:
            return self.phase
        done, total, rate = str(self.completed), f"{self.total} {self.unit}", f"{self.rate:.1f}"
        if self.unit == "bytes":
            done, total, rate = format_bytes(self.completed), format_bytes(self.total), format_bytes(self.rate)
        text = f"{self.phase}: {done} of {total}"
        left = max(0, self.total - self.completed)
        return f"{text}, {rate}/s, {format_seconds(left / self.rate)} left" if self.rate > 0 else text


class ProgressReporter:
    """Publishes progress at a bounded rate. Not thread-safe: one owner a step."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._local = os.environ.get("OME_PROGRESS_FILE", "")
        self._argo = os.environ.get("ARGO_PROGRESS_FILE", "")
        self._last_local = self._last_argo = self._last_log = float("-inf")
        self._samples: list[tuple[float, int]] = []
        self._phase = ""

    def report(self, phase: str, completed: int, total: int, *, unit: str = "bytes", reused: int = 0) -> None:
        """Publish a moment; cheap when called often."""
        now = self._clock()
        if phase != self._phase:
            self._phase, self._samples = phase, []
        self._samples = [s for s in self._samples if now - s[0] <= 5.0][-64:]
        if not self._samples or now - self._samples[-1][0] >= 0.1:
            self._samples.append((now, completed))
        then, before = self._samples[0]
        rate = (completed - before) / (now - then) if now > then else 0.0
        moment = Progress(phase=phase, completed=completed, total=total, unit=unit, rate=rate, reused=reused)
        is_last = total > 0 and completed >= total
        if self._local and (is_last or now - self._last_local >= FILE_INTERVAL_SECONDS):
            self._last_local = now
            write_atomically(Path(self._local), moment.model_dump_json(by_alias=True).encode(), is_durable=False)
        if self._argo and total > 0 and (is_last or now - self._last_argo >= ARGO_INTERVAL_SECONDS):
            self._last_argo = now
            Path(self._argo).write_text(f"{min(completed, total)}/{total}")  # Argo drops more than all
        if now - self._last_log >= LOG_INTERVAL_SECONDS:
            self._last_log = now
            sys.stderr.write(f"{moment.words}\n")
            sys.stderr.flush()

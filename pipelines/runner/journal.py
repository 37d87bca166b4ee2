"""The journal of a run in progress: its record, written after every change, and its listener, told of every event.

The parts of the local runner share one journal; all of them run on one thread, so it needs no lock.
"""

from collections.abc import Mapping
from pathlib import Path

from pipelines.run_events import Listener, RunEvent, StepFinished
from pipelines.run_record import RunRecord, StepError, StepPhase, StepRecord, now, write_run


class Journal:
    """What has happened in a run so far.

    Args:
        record: The run as it begins. Steps that an earlier try finished are in it; they are kept until run again.
        folder: The run's folder.
        listener: Told of each event.
    """

    def __init__(self, record: RunRecord, folder: Path, listener: Listener) -> None:
        self.folder = folder
        self._record = record
        self._earlier: Mapping[str, StepRecord] = {step.path: step for step in record.steps}
        self._steps: dict[str, StepRecord] = {s.path: s for s in record.steps if s.phase == "Succeeded"}
        self._listener = listener

    @property
    def record(self) -> RunRecord:
        """The run as it is now."""
        return self._record.model_copy(update={"steps": tuple(self._steps.values())})

    def earlier(self, path: str) -> StepRecord | None:
        """What an earlier try of this run left of a step, or None."""
        return self._earlier.get(path)

    def put(self, step: StepRecord) -> None:
        """Record a step as it is now."""
        self._steps[step.path] = step
        self.save()

    def update(self, **changes: object) -> None:
        """Record changes of the run itself."""
        self._record = self._record.model_copy(update=changes)
        self.save()

    def save(self) -> None:
        """Write the record."""
        write_run(self.record, self.folder)

    def tell(self, event: RunEvent) -> None:
        """Tell the listener."""
        self._listener(event)

    def finish(self, step: StepRecord, phase: StepPhase) -> StepRecord:
        """Record that a step is over, and tell of it."""
        finished = now()
        seconds = (finished - step.started).total_seconds() if step.started else 0.0
        over = step.model_copy(update={"phase": phase, "finished": finished, "seconds": seconds})
        self.put(over)
        self.tell(StepFinished(over.path, over.title, seconds, over))
        return over

    def failures(self) -> list[StepRecord]:
        """The steps that failed so far."""
        return [step for step in self._steps.values() if step.phase in ("Failed", "Error")]

    def end_unfinished(self, phase: StepPhase, error: StepError) -> None:
        """Record every step that is not over as ended; for when a run is stopped or its time is up."""
        for step in list(self._steps.values()):
            if step.finished is None:
                attempts = [a if a.finished else a.model_copy(update={"finished": now()}) for a in step.attempts]
                changes = {"error": step.error or error, "attempts": tuple(attempts)}
                self.finish(step.model_copy(update=changes), phase)

"""What a person sees while a pipeline runs: a bar while bytes or requests move, one line a step with its time.

It listens to the events of `pipelines.local`. On a terminal rich draws the bars; elsewhere only lines are written,
with a line of progress every few seconds. Everything goes to standard error: standard output is for data.
"""

import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from pipelines.command.output import format_seconds, wrap_at_words
from pipelines.command.step_summary import summarise
from pipelines.run_events import (
    RunEvent,
    RunFinished,
    RunStarted,
    StepFinished,
    StepProgress,
    StepRetrying,
    StepStarted,
    StepWaiting,
)

_PLAIN_INTERVAL_SECONDS = 5.0
_TITLE_WIDTH = 22
_RESULT_INDENT = 2 + 2 + _TITLE_WIDTH + 10 + 2
"""Where a step's result begins, after its mark, title and time; a long one goes on there."""


class RunConsole:
    """Draws one run. Use as a context manager and pass `listen` to the local runner."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bars: Progress | None = None
        self._tasks: dict[str, Any] = {}
        self._last_plain: dict[str, float] = {}

    def __enter__(self) -> "RunConsole":
        """Start drawing."""
        if self._console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24 if self._console.width >= 100 else 8),
                _MomentColumn(table_column=Column(no_wrap=True, overflow="ellipsis")),
                console=self._console,
                transient=True,
            )
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing; what was printed stays."""
        if self._bars is not None:
            self._bars.stop()

    def listen(self, event: RunEvent) -> None:
        """Draw one event."""
        match event:
            case RunStarted():
                self._line(f"{event.title or event.template}: run {event.run}")
                if event.kept:
                    self._line(f"  kept from before: {', '.join(event.kept)}")
            case StepWaiting():
                self._line(f"  ~ {event.title}: waits until {event.mutex} is free")
            case StepStarted():
                if self._bars is not None and event.path not in self._tasks:
                    self._tasks[event.path] = self._bars.add_task(event.title.ljust(_TITLE_WIDTH), total=None)
            case StepProgress():
                self._moment(event)
            case StepRetrying():
                self._line(
                    f"  ~ {event.title}: attempt {event.attempt} failed ({event.error.code}: {event.error.message}); "
                    f"again in {format_seconds(event.delay_seconds)}"
                )
            case StepFinished():
                self._finished(event)
            case RunFinished():
                if event.record.phase == "Cancelled":
                    self._line(f"  to go on with what is done: ome runs retry {event.record.run}")

    def _moment(self, event: StepProgress) -> None:
        moment = event.progress
        if self._bars is not None:
            task = self._tasks.get(event.path)
            if task is not None:
                self._bars.update(task, completed=moment.completed, total=moment.total or None, moment=moment)
            return
        now = time.monotonic()
        if now - self._last_plain.setdefault(event.path, now) >= _PLAIN_INTERVAL_SECONDS:
            self._last_plain[event.path] = now
            self._line(f"    {event.title}: {moment.words}")

    def _finished(self, event: StepFinished) -> None:
        if self._bars is not None and event.path in self._tasks:
            self._bars.remove_task(self._tasks.pop(event.path))
        record = event.record
        took = format_seconds(event.seconds).rjust(10)
        match record.phase:
            case "Succeeded":
                self._line(f"  ✓ {event.title.ljust(_TITLE_WIDTH)}{took}  {summarise(record)}", indent=_RESULT_INDENT)
            case "Skipped" | "Omitted":
                self._line(f"  - {event.title.ljust(_TITLE_WIDTH)}{'':10}  {record.phase.lower()}")
            case _:
                self._line(f"  ✗ {event.title.ljust(_TITLE_WIDTH)}{took}  {record.phase.lower()}")

    def _line(self, text: str, *, indent: int = 4) -> None:
        if self._bars is not None:
            self._bars.console.print(Text(wrap_at_words(text, self._console.width, indent=indent)), soft_wrap=True)
        else:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()


class _MomentColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        moment = task.fields.get("moment")
        return Text(moment.words if moment is not None else "")

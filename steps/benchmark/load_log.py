"""Reads genai-bench's debug log line by line: progress, exact request times and answers that it drops.

Its run files carry no start times and nothing appears in them before a cell ends, but its debug log prints both times
of every answer. Pure: `steps.benchmark.load` feeds it lines with the time they came.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from steps.benchmark.records import RequestTimes

_LINE: Final = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL) +\S+ \S+ - ([\w.]+):([\w<>]+) - (.*)", re.DOTALL)
_TIME: Final = re.compile(r"(Start|End) Time: (\d+(?:\.\d+)?(?:e-?\d+)?)\s*")
_ANSWER: Final = re.compile(r'"POST [^"]*" 2\d\d ')
_FINISHED: Final = re.compile(r"Run for scenario (\S+), (?:num_concurrency|batch_size) (\d+) has finished")
_USER: Final = "genai_bench.user.openai_user"


@dataclass
class LoadLog:
    """What the log said about the cell that runs now.

    Attributes:
        is_streaming: Whether answers are streamed, so that their end is the chat parser's line.
        answered, failed, unmeasured: Requests so far.
        times: Of answered requests.
        error_times: When failed requests were reported.
        is_counted_locally: Whether tokens were counted with the tokenizer, because the endpoint reports none.
        finished: Cells (scenario, level) that ended, in order.
    """

    is_streaming: bool = True
    answered: int = 0
    failed: int = 0
    unmeasured: int = 0
    times: list[RequestTimes] = field(default_factory=list)
    error_times: list[float] = field(default_factory=list)
    is_counted_locally: bool = False
    finished: list[tuple[str, int]] = field(default_factory=list)
    _block: dict[str, float] | None = None
    _is_shown: bool = True

    @property
    def done(self) -> int:
        """Requests of this cell that ended."""
        return self.answered + self.failed + self.unmeasured

    def start_cell(self) -> None:
        """Forget the last cell's requests."""
        self.answered = self.failed = self.unmeasured = 0
        self.times, self.error_times = [], []

    def feed(self, line: str, now: float) -> bool:
        """Take one line.

        Args:
            line: Without its end.
            now: When it came, on the monotonic clock.

        Returns:
            Whether a user would want to see it: no debug output, and not the continuation of such.
        """
        match = _LINE.fullmatch(line)
        if match is None:
            # The model's own text may hold lines that look like times; the real ones are the last two of the block.
            time = _TIME.fullmatch(line) if self._block is not None else None
            if time and self._block is not None:
                self._block[time.group(1)] = float(time.group(2))
            return self._is_shown
        self._end_block()
        level, logger, function, message = match.groups()
        self._is_shown = level != "DEBUG"
        if logger == _USER and function == "parse_chat_response" and message.startswith("Generated text:"):
            self._block = {}
            self.answered += 1
        elif logger == "urllib3.connectionpool" and not self.is_streaming and _ANSWER.search(message):
            self.answered += 1
        elif message.startswith("Received error response from server"):
            self.failed += 1
            self.error_times.append(now)
        elif message.startswith("Dropping invalid metrics record"):
            self.answered = max(0, self.answered - 1)
            self.unmeasured += 1
        elif logger == "locust.user.task" and level == "ERROR":
            self.unmeasured += 1
        elif "There is no usage info returned" in message:
            self.is_counted_locally = True
        elif message.startswith("Starting benchmark with concurrency="):
            self.start_cell()
        else:
            finished = _FINISHED.search(message)
            if finished:
                self.finished.append((finished.group(1), int(finished.group(2))))
        return self._is_shown

    def _end_block(self) -> None:
        if self._block is not None and "Start" in self._block and "End" in self._block:
            self.times.append(RequestTimes(start=self._block["Start"], end=self._block["End"]))
        self._block = None

"""What is measured where nothing is said, task by task; a task that is not here is not measured yet.

Used by the controller's planner for a BenchmarkJob without scenarios or levels, by the step for an empty form, and by
the texts of both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Task = Literal["text-to-text", "text-to-embeddings", "text-to-rerank"]
"""What is measured today; genai-bench's other tasks need images, audio or a dataset."""


@dataclass(frozen=True, slots=True)
class TaskDefaults:
    """Of one task.

    Attributes:
        scenarios: genai-bench's own (0.0.5, `genai_bench/cli/validation.py`, DEFAULT_SCENARIOS_BY_TASK).
        levels: genai-bench's own: requests at once, or for embeddings and rerank the texts of a request.
        first_look: A scenario that takes a minute, for a person who only wants to see numbers.
    """

    scenarios: tuple[str, ...]
    levels: tuple[int, ...]
    first_look: str


_CONCURRENCIES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_BATCH_SIZES: Final = (1, 2, 4, 8, 24, 48, 96)
FIRST_LEVELS: Final = (1, 2)
"""The levels of a first look."""

DEFAULTS: Final[Mapping[str, TaskDefaults]] = {
    "text-to-text": TaskDefaults(
        scenarios=("N(480,240)/(300,150)", "D(100,100)", "D(100,1000)", "D(2000,200)", "D(7800,200)"),
        levels=_CONCURRENCIES,
        first_look="D(64,16)",
    ),
    "text-to-embeddings": TaskDefaults(
        scenarios=("E(64)", "E(128)", "E(256)", "E(512)", "E(1024)"), levels=_BATCH_SIZES, first_look="E(64)"
    ),
    "text-to-rerank": TaskDefaults(
        scenarios=("R(64,100)", "R(128,100)", "R(256,100)", "R(512,100)", "R(1024,100)", "R(2096,100)", "R(4096,100)"),
        levels=_BATCH_SIZES,
        first_look="R(64,100)",
    ),
}


def first_look(task: str) -> tuple[str, ...]:
    """The scenario of a first look at a task that is measured."""
    return (DEFAULTS[task].first_look,)

"""How long it takes to choose one of 200 runtimes for a model, beside a loop that only compares two words of each."""

import time
from collections.abc import Callable
from statistics import median

from steps.facts import Facts
from steps.selection.library import Library
from steps.selection.request import ModelReference, Runtime
from steps.selection.selector import select
from tests.benchmarks.table import Row
from tests.selection.library_of_200 import LIBRARY, MODELS, on_h100
from tests.selection.objects import CLASSES, NODES

_ROUNDS = 9
HEADS = ("one model among 200 runtimes", f"median of {_ROUNDS}", "time against the bare loop")


def choice_times() -> list[Row]:
    """Median seconds of processor time a model, over a dozen models in turn; each round asks all ways once."""
    runtimes = tuple(on_h100(runtime) for runtime in LIBRARY)
    library = Library(runtimes, CLASSES, NODES)
    ways: dict[str, Callable[[str, Facts], object]] = {
        "a bare loop: format and architecture alone": lambda _, facts: _bare_loop(facts, runtimes),
        "the decision: runtime, accelerator, parallelism, fit": (
            lambda name, facts: library.choose(facts, ModelReference(name=name))
        ),
        "the decision, and a reason for each of the 199 others": (
            lambda name, facts: select(facts, ModelReference(name=name), runtimes, CLASSES, NODES)
        ),
    }
    seconds: dict[str, list[float]] = {what: [] for what in ways}
    for _ in range(_ROUNDS + 1):
        for what, way in ways.items():
            began = time.process_time()
            for name, facts, _own in MODELS:
                way(name, facts)
            seconds[what].append((time.process_time() - began) / len(MODELS))
    medians = {what: median(times[1:]) for what, times in seconds.items()}  # the first of each reads what is kept
    bare = next(iter(medians.values()))
    return [Row(what, f"{took * 1000:.2f} ms", f"{took / bare:.0f} x") for what, took in medians.items()]


def _bare_loop(facts: Facts, runtimes: tuple[Runtime, ...]) -> list[str]:
    return sorted(
        runtime.label
        for runtime in runtimes
        for entry in runtime.spec.supported_model_formats
        if entry.model_format is not None
        and entry.model_format.name == facts.format
        and entry.model_architecture in ("", facts.architecture)
    )

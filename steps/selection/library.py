"""Runtimes, accelerator classes and nodes, read once for any number of models.

`selector` asks it what there is for a runtime's pods. `choose` gives what `selector.select` would, without the reasons
for all others; `tests/benchmarks/choice.py` times both.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from steps.facts import Facts
from steps.selection.accelerators import Supply, survey
from steps.selection.candidates import Assessment, Placements, assess
from steps.selection.format_match import match_formats
from steps.selection.name_affinity import KnownModel, compare_names, know_model
from steps.selection.nodes import Node
from steps.selection.ranking import Rank, rank
from steps.selection.request import Accelerator, ModelReference, Runtime, SelectionRequest
from steps.selection.size_range import refuse_size
from steps.selection.taints import nodes_for, tolerations_of


class _Waiting(NamedTuple):
    """A runtime that may be the best: at best it has this rank."""

    bound: tuple[bool, bool, int, int]
    label: str
    runtime: Runtime


class Library:
    """What there is to choose from."""

    def __init__(
        self, runtimes: Sequence[Runtime], accelerators: Sequence[Accelerator], nodes: Sequence[Node]
    ) -> None:
        self.runtimes = tuple(runtimes)
        self._accelerators, self._nodes = tuple(accelerators), tuple(nodes)
        self._surveyed: dict[tuple[str, ...], dict[str, Supply]] = {}
        self._supplies: dict[str, dict[str, Supply]] = {}
        self._by_architecture: dict[str, list[Runtime]] = {}
        for runtime in self.runtimes:
            named = {entry.model_architecture for entry in runtime.spec.supported_model_formats}
            for architecture in [""] if "" in named else named:
                self._by_architecture.setdefault(architecture, []).append(runtime)

    def supplies(self, runtime: Runtime, request: SelectionRequest) -> dict[str, Supply]:
        """What there is of each AcceleratorClass for this runtime's pods; most runtimes find the same nodes."""
        if request.tolerations is None and runtime.label in self._supplies:
            return self._supplies[runtime.label]
        open_nodes = nodes_for(tolerations_of(runtime.spec, request.tolerations), self._nodes)
        key = tuple(node.name for node in open_nodes if node.is_usable)
        if key not in self._surveyed:
            self._surveyed[key] = {one.name: survey(one, open_nodes) for one in self._accelerators}
        if request.tolerations is None:
            self._supplies[runtime.label] = self._surveyed[key]
        return self._surveyed[key]

    def choose(
        self, facts: Facts, model: ModelReference, request: SelectionRequest | None = None
    ) -> Assessment | None:
        """The runtime and accelerator that `selector.select` takes for a model when no runtime is named, or None.

        Where a model fits is worked out for those alone that nothing else decides between.
        """
        request = request or SelectionRequest()
        placements: Placements = {}
        known = know_model(model, facts)
        best: tuple[Rank, Assessment] | None = None
        for waiting in sorted(self._waiting(facts, model.namespace, known), key=lambda one: (one.bound, one.label)):
            if best is not None and waiting.bound > best[0].bound:
                break
            runtime = waiting.runtime
            found = assess(facts, runtime, self.supplies(runtime, request), request, {}, placements)
            if found.is_candidate:
                own = rank(found, facts, known, request)
                best = (own, found) if best is None or own.order < best[0].order else best
        return best[1] if best else None

    def _waiting(self, facts: Facts, namespace: str, known: KnownModel) -> Iterator[_Waiting]:
        """What its entries, its size and its namespace do not rule out, with the best rank it can have."""
        for architecture in dict.fromkeys(("", facts.architecture)):
            for runtime in self._by_architecture.get(architecture, ()):
                sizes = runtime.spec.model_size_range
                if runtime.namespace not in ("", namespace) or runtime.spec.disabled:
                    continue
                if sizes is not None and refuse_size(facts.parameters.total, sizes.min, sizes.max):
                    continue
                match, _ = match_formats(facts, runtime.spec.supported_model_formats, is_named=False)
                if match is None or not match.is_auto_select:
                    continue
                names = compare_names(known, runtime.name)
                bound = (not runtime.namespace, bool(names.conflict), -match.score, -names.shared)
                yield _Waiting(bound, runtime.label, runtime)

"""The decision: one runtime and accelerator, with a reason for every other. `steps.select_runtime` calls `select`.

Same facts and objects, same answer, whatever the order of the lists: candidates have a total order, and everything
that is shown is sorted by it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from steps.choice import Choice, Refusal
from steps.errors import DoesNotFitError, InvalidInputError, NotFoundError, OmeError
from steps.facts import Facts
from steps.selection.candidates import Assessment, Placements, RefusalKind, assess
from steps.selection.library import Library
from steps.selection.memory import GIB, stored_bytes
from steps.selection.name_affinity import know_model
from steps.selection.nodes import Node
from steps.selection.ranking import Rank, explain_order, rank
from steps.selection.request import Accelerator, ModelReference, Runtime, SelectionRequest

MOST_SHOWN = 12
LONGEST_REASON = 300
_HARDWARE: frozenset[RefusalKind] = frozenset({"size", "accelerator", "program", "fit"})


class Table(NamedTuple):
    """Every runtime assessed: candidates best first, then the refused by name.

    Attributes:
        chosen: The one to take; None when nothing is left, or when the named one is refused.
    """

    assessments: tuple[Assessment, ...]
    ranks: tuple[Rank, ...]
    chosen: int | None


def select(
    facts: Facts,
    model: ModelReference,
    runtimes: Sequence[Runtime],
    accelerators: Sequence[Accelerator],
    nodes: Sequence[Node],
    request: SelectionRequest | None = None,
    *,
    unavailable: Mapping[str, str] | None = None,
) -> Choice:
    """Choose a runtime and an accelerator for a model.

    Args:
        facts: The model.
        model: Its name, and the namespace whose runtimes count beside the cluster's.
        runtimes: All runtimes; those of other namespaces are left out.
        accelerators: All AcceleratorClasses.
        nodes: All nodes.
        request: What the user asks for.
        unavailable: Runtimes whose program is missing on this machine, and why.

    Raises:
        NotFoundError: there is no runtime (of the name), no such accelerator class, or none for such a model.
        InvalidInputError: the named runtime does not serve such a model.
        DoesNotFitError: runtimes serve such a model, but not of its size or not on what is here.
    """
    request = request or SelectionRequest()
    table = assess_all(facts, model, runtimes, accelerators, nodes, request, unavailable=unavailable)
    if request.accelerator and request.accelerator not in {a.name for a in accelerators}:
        there = ", ".join(sorted(a.name for a in accelerators)) or "none"
        raise NotFoundError(f'AcceleratorClass "{request.accelerator}" does not exist', remedy=f"There are: {there}.")
    if table.chosen is None:
        raise _nothing_left(facts, model, table, request)
    chosen, best = table.assessments[table.chosen], table.ranks[table.chosen]
    refused = tuple(
        describe(assessment, own, chosen, best, request)
        for position, (assessment, own) in enumerate(zip(table.assessments, table.ranks, strict=True))
        if position != table.chosen
    )
    match = chosen.match
    return Choice(
        runtime=chosen.runtime.name,
        runtime_namespace=chosen.runtime.namespace,
        accelerator=chosen.accelerator,
        parallelism=chosen.parallelism,
        fit=chosen.fit,
        context=request.context,
        matched_entry=match.index if match else 0,
        score=best.score,
        reasons=_reasons(facts, chosen, best, table, request),
        refused=refused,
        warnings=chosen.warnings,
    )


def assess_all(
    facts: Facts,
    model: ModelReference,
    runtimes: Sequence[Runtime],
    accelerators: Sequence[Accelerator],
    nodes: Sequence[Node],
    request: SelectionRequest,
    *,
    unavailable: Mapping[str, str] | None = None,
) -> Table:
    """Assess every runtime of the model's namespace and of the cluster; never raises for what is refused."""
    library = Library(runtimes, accelerators, nodes)
    known = know_model(model, facts)
    placements: Placements = {}
    ranked = []
    for runtime in library.runtimes:
        if runtime.namespace in ("", model.namespace):
            supplies = library.supplies(runtime, request)
            found = assess(facts, runtime, supplies, request, unavailable or {}, placements)
            ranked.append((found, rank(found, facts, known, request)))
    candidates = sorted((pair for pair in ranked if pair[0].is_candidate), key=lambda pair: pair[1].order)
    refused = sorted((pair for pair in ranked if not pair[0].is_candidate), key=_refused_order)
    pairs = [*candidates, *refused]
    chosen: int | None = None
    if request.runtime:
        named = [i for i, (a, _) in enumerate(pairs) if a.runtime.is_called(request.runtime)]
        # As OME: a runtime of the namespace hides one of the cluster with the same name.
        first = min(named, key=lambda i: not pairs[i][0].runtime.namespace, default=None)
        chosen = first if first is not None and pairs[first][0].is_candidate else None
    elif candidates:
        chosen = 0
    return Table(tuple(a for a, _ in pairs), tuple(r for _, r in pairs), chosen)


def describe(assessment: Assessment, own: Rank, chosen: Assessment, best: Rank, request: SelectionRequest) -> Refusal:
    """A runtime that was not chosen, with the reason."""
    label = assessment.runtime.label
    if not assessment.is_candidate:
        return Refusal(runtime=label, reason=assessment.reason)
    if request.runtime:
        return Refusal(runtime=label, reason=f"it would do, but {request.runtime} was asked for", is_candidate=True)
    reason = f"it would do, after {chosen.runtime.label}: {explain_order(best, own)}"
    return Refusal(runtime=label, reason=reason, is_candidate=True)


def _refused_order(pair: tuple[Assessment, Rank]) -> tuple[object, ...]:
    """Nearest to being chosen first: fewest reasons against it, then the name."""
    assessment, _ = pair
    return (assessment.match is None, len(assessment.refusals), assessment.runtime.label)


def _reasons(facts: Facts, chosen: Assessment, best: Rank, table: Table, request: SelectionRequest) -> tuple[str, ...]:
    entry = chosen.runtime.spec.supported_model_formats[chosen.match.index] if chosen.match else None
    named: list[str] = [facts.format]
    if entry is not None:
        named += [text for text in (entry.model_architecture, entry.quantization) if text]
    reasons = [f"it supports {', '.join(named)}"]
    others = [
        (assessment, own)
        for position, (assessment, own) in enumerate(zip(table.assessments, table.ranks, strict=True))
        if assessment.is_candidate and position != table.chosen
    ]
    if request.runtime:
        reasons.append("it was asked for by name")
    elif others:
        label, own = others[0][0].runtime.label, others[0][1]
        reasons.append(f"next best is {label}: {explain_order(best, own)}")
    else:
        reasons.append("it is the only one that would do")
    if chosen.fit.explanation:
        reasons.append(chosen.fit.explanation)
    return tuple(reasons)


def _nothing_left(facts: Facts, model: ModelReference, table: Table, request: SelectionRequest) -> OmeError:
    """The error for a table without a choice."""
    if facts.adapter is not None:
        base = facts.adapter.base_model or "a base model that its configuration does not name"
        return InvalidInputError(
            f"model {model.name} is an adapter of {base} ({_of(facts)}), and no runtime serves an adapter by itself",
            remedy="Select for the base model, or merge the adapter into it and import the result.",
        )
    asked = [a for a in table.assessments if a.runtime.is_called(request.runtime)] if request.runtime else []
    where = f"in namespace {model.namespace} or the cluster" if model.namespace else "in the cluster"
    candidates = ", ".join(a.runtime.label for a in table.assessments if a.is_candidate)
    if request.runtime and not asked:
        there = ", ".join(a.runtime.label for a in table.assessments) or "none"
        return NotFoundError(f'runtime "{request.runtime}" does not exist {where}', remedy=f"There are: {there}.")
    if request.runtime:
        named = min(asked, key=lambda a: not a.runtime.namespace)
        kinds = {refusal.kind for refusal in named.refusals}
        message = f'runtime "{named.runtime.label}" does not serve model {model.name}: {_short(named.reason)}'
        remedy = f"Use one that would do: {candidates}." if candidates else ""
        return (DoesNotFitError if kinds <= _HARDWARE else InvalidInputError)(message, remedy=remedy or _remedy(kinds))
    if not table.assessments:
        remedy = "Apply a ServingRuntime or ClusterServingRuntime; see examples/runtimes."
        return NotFoundError(f"there is no runtime {where}", remedy=remedy)
    refusals = [f"{a.runtime.label} ({_short(a.reason)})" for a in table.assessments[:MOST_SHOWN]]
    more = len(table.assessments) - len(refusals)
    listing = "; ".join(refusals) + (f"; and {more} more, see `ome runtimes explain {model.name}`" if more > 0 else "")
    message = f"no runtime {where} serves model {model.name} ({_of(facts)}): {listing}"
    nearest = [{r.kind for r in a.refusals} for a in table.assessments]
    serving = [kinds for kinds in nearest if kinds <= _HARDWARE]
    if serving:
        return DoesNotFitError(message, remedy=_remedy(min(serving, key=lambda kinds: (len(kinds), sorted(kinds)))))
    unnamed = sorted(
        a.runtime.name for a, kinds in zip(table.assessments, nearest, strict=True) if kinds == {"auto-select"}
    )
    if unnamed:
        return NotFoundError(message, remedy=f"Name the runtime, which needs no autoSelect: {', '.join(unnamed)}.")
    return NotFoundError(message, remedy=_remedy({"format"}))


def _remedy(kinds: set[RefusalKind]) -> str:
    """What helps against the first of these kinds of refusal."""
    remedies: tuple[tuple[RefusalKind, str], ...] = (
        ("disabled", "Set spec.disabled of the runtime to false, or use another."),
        ("format", "Apply a runtime whose supportedModelFormats has such a model, or import it in another format."),
        ("protocol", "Ask for a protocol that the runtime speaks, or use another runtime."),
        ("size", "Use a model of the supported size, or widen the runtime's modelSizeRange."),
        (
            "accelerator",
            "Add a node with one of these accelerators, or use a model that a runtime serves on what is here.",
        ),
        ("program", "Install the program that the runtime starts, or use another runtime."),
        ("fit", DoesNotFitError.default_remedy),
    )
    return next((remedy for kind, remedy in remedies if kind in kinds), "")


def _of(facts: Facts) -> str:
    quantization = facts.quantization.method if facts.quantization else ""
    weights = f"{stored_bytes(facts) / GIB:.2f} GiB of weights" if stored_bytes(facts) else ""
    words = (facts.format, facts.architecture, quantization, facts.parameter_size, weights)
    return ", ".join(word for word in words if word)


def _short(reason: str) -> str:
    return reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"

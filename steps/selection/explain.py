"""The whole table of runtimes for a model, as data; `ome runtimes explain MODEL` prints it, nothing is left out."""

from collections.abc import Mapping, Sequence
from typing import Literal

from steps.facts import Facts
from steps.frozen import Frozen
from steps.selection.nodes import Node
from steps.selection.request import Accelerator, ModelReference, Runtime, SelectionRequest
from steps.selection.selector import assess_all, describe

RowVerdict = Literal["chosen", "candidate", "refused"]


class ExplainRow(Frozen):
    """One runtime.

    Attributes:
        runtime: Its name; namespaced ones as `namespace/name`.
        verdict: chosen, candidate (would do) or refused.
        score: Of the entry that matched; 0 when none did.
        accelerator: Where it would run.
        fit: Whether the model fits there.
        reason: Why it has this verdict, in a sentence.
    """

    runtime: str
    verdict: RowVerdict
    score: int
    accelerator: str
    fit: str
    reason: str


def explain(
    facts: Facts,
    model: ModelReference,
    runtimes: Sequence[Runtime],
    accelerators: Sequence[Accelerator],
    nodes: Sequence[Node],
    request: SelectionRequest | None = None,
    *,
    unavailable: Mapping[str, str] | None = None,
) -> tuple[ExplainRow, ...]:
    """A row a runtime, best first; takes what `selector.select` takes, and never raises for a refusal."""
    request = request or SelectionRequest()
    table = assess_all(facts, model, runtimes, accelerators, nodes, request, unavailable=unavailable)
    rows = []
    for position, (assessment, own) in enumerate(zip(table.assessments, table.ranks, strict=True)):
        verdict: RowVerdict = "candidate" if assessment.is_candidate else "refused"
        if table.chosen is None:
            reason = assessment.reason or f"it would do, but {request.runtime} was asked for"
        elif position == table.chosen:
            verdict, reason = "chosen", assessment.fit.explanation
        else:
            chosen, best = table.assessments[table.chosen], table.ranks[table.chosen]
            reason = describe(assessment, own, chosen, best, request).reason
        rows.append(
            ExplainRow(
                runtime=assessment.runtime.label,
                verdict=verdict,
                score=own.score,
                accelerator=assessment.accelerator,
                fit=assessment.fit.verdict,
                reason=reason,
            )
        )
    return tuple(sorted(rows, key=lambda row: row.verdict != "chosen"))

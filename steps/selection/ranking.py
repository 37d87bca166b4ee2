"""The order of candidates: who is chosen, and which reason put one before another. `selector` sorts by it.

Namespaced before cluster; the matched entry's score; how specific the entry is; fit; nearness of the model's size to
the middle of the range; shared words of model's and runtime's names; the name. The last makes the order total, so the
order of the lists never matters.
"""

import re

from steps.facts import Facts
from steps.frozen import Frozen
from steps.selection.candidates import Assessment
from steps.selection.fit import fit_rank
from steps.selection.request import ModelReference, SelectionRequest
from steps.selection.size_range import distance_to_middle


class Rank(Frozen):
    """What a candidate is compared by, most important first; lower is better."""

    is_cluster_scoped: bool
    score: int
    specificity: int
    fit: int
    distance: float
    affinity: int
    name: str

    @property
    def order(self) -> tuple[object, ...]:
        """The values as one sort key."""
        return (
            self.is_cluster_scoped, -self.score, -self.specificity, self.fit, self.distance, -self.affinity, self.name,
        )  # fmt: skip


def rank(assessment: Assessment, facts: Facts, model: ModelReference, request: SelectionRequest) -> Rank:
    """The rank of a candidate (its `match` is there)."""
    runtime, match, sizes = assessment.runtime, assessment.match, assessment.runtime.spec.model_size_range
    return Rank(
        is_cluster_scoped=not runtime.namespace,
        score=match.score if match else 0,
        specificity=match.specificity if match else 0,
        fit=0 if request.fit == "off" else fit_rank(assessment.fit),
        distance=distance_to_middle(facts.parameters.total, *((sizes.min, sizes.max) if sizes else ("", ""))),
        affinity=name_affinity(model.name, runtime.name),
        name=runtime.label,
    )


def name_affinity(model: str, runtime: str) -> int:
    """How many words the two names share: `llama-3-1-70b` and `vllm-llama-3-1-70b` share four."""
    return len(_words(model) & _words(runtime))


def explain_order(better: Rank, worse: Rank) -> str:
    """The first thing that put `better` before `worse`, in a clause."""
    if better.is_cluster_scoped != worse.is_cluster_scoped:
        return "a runtime of the namespace comes before one of the cluster"
    if better.score != worse.score:
        return f"its score is {worse.score} against {better.score}"
    if better.specificity != worse.specificity:
        return f"its entry is less specific ({worse.specificity} against {better.specificity})"
    if better.fit != worse.fit:
        return "the model fits less well on its accelerator"
    if better.distance != worse.distance:
        return "the model's size is further from the middle of its range"
    if better.affinity != worse.affinity:
        return "its name shares fewer words with the model's"
    return "equal in everything but the name"


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", name.casefold()))

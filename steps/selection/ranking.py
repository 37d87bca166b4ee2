"""The order of candidates: who is chosen, and which reason put one before another. `selector` sorts by it.

Namespaced before cluster; not made for another model; the matched entry's score; made for this very model; how
specific the entry is; fit; nearness of the model's size to the middle of the range; likeness of the names; the name.
The last makes the order total, so the order of the lists never matters. What a runtime is made for is read from its
name (`name_affinity`). One that is made for this model and does not fit has nothing before a general one.
"""

from steps.facts import Facts
from steps.frozen import Frozen
from steps.selection.candidates import Assessment
from steps.selection.fit import fit_rank
from steps.selection.name_affinity import KnownModel, compare_names
from steps.selection.request import SelectionRequest
from steps.selection.size_range import distance_to_middle


class Rank(Frozen):
    """What a candidate is compared by, most important first; lower is better.

    Attributes:
        another: Why it is made for another model, "" when it is not.
        shared: How much of the model's name it is called after, 0 for a general one.
    """

    is_cluster_scoped: bool
    another: str
    score: int
    shared: int
    specificity: int
    fit: int
    distance: float
    likeness: int
    name: str

    @property
    def bound(self) -> tuple[bool, bool, int, int]:
        """The first values of the sort key: those that need no fit, save that `shared` may come down to 0 by it."""
        return self.is_cluster_scoped, bool(self.another), -self.score, -self.shared

    @property
    def order(self) -> tuple[object, ...]:
        """The values as one sort key."""
        return *self.bound, -self.specificity, self.fit, self.distance, -self.likeness, self.name


def rank(assessment: Assessment, facts: Facts, model: KnownModel, request: SelectionRequest) -> Rank:
    """The rank of a candidate (its `match` is there)."""
    runtime, match, sizes = assessment.runtime, assessment.match, assessment.runtime.spec.model_size_range
    names = compare_names(model, runtime.name)
    is_too_large = request.fit != "off" and assessment.fit.verdict == "does-not-fit"
    return Rank(
        is_cluster_scoped=not runtime.namespace,
        another=names.conflict,
        score=match.score if match else 0,
        shared=0 if is_too_large else names.shared,
        specificity=match.specificity if match else 0,
        fit=0 if request.fit == "off" else fit_rank(assessment.fit),
        distance=distance_to_middle(facts.parameters.total, *((sizes.min, sizes.max) if sizes else ("", ""))),
        likeness=names.likeness,
        name=runtime.label,
    )


def explain_order(better: Rank, worse: Rank) -> str:
    """The first thing that put `better` before `worse`, in a clause."""
    if better.is_cluster_scoped != worse.is_cluster_scoped:
        return "a runtime of the namespace comes before one of the cluster"
    if bool(better.another) != bool(worse.another):
        return f"it is made for another model: {worse.another}"
    if better.score != worse.score:
        return f"its score is {worse.score} against {better.score}"
    if better.shared != worse.shared and worse.shared:
        return f"its name shares fewer words with the model's ({worse.shared} against {better.shared})"
    if better.shared != worse.shared:
        return "that one is called after this model, and its name shares fewer words with the model's"
    if better.specificity != worse.specificity:
        return f"its entry is less specific ({worse.specificity} against {better.specificity})"
    if better.fit != worse.fit:
        return "the model fits less well on its accelerator"
    if better.distance != worse.distance:
        return "the model's size is further from the middle of its range"
    if better.likeness != worse.likeness:
        return "its name shares fewer words with the model's"
    return "equal in everything but the name"

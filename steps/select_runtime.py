"""Chooses a runtime and an accelerator for a model. Run by the `select-runtime` template.

The thin edge of `steps.selection`: `steps.surroundings` reads what there is to choose from, and the model's facts.
`ome runtimes explain` calls `explain_runtimes`.
"""

import sys
from typing import Literal

from pydantic import Field

from crds.kubernetes import Toleration
from steps.choice import Choice, Refusal
from steps.choice_table import bounded
from steps.contract import StepInputs, StepOutputs, step
from steps.errors import DoesNotFitError, InvalidInputError, NotFoundError, OmeError
from steps.facts import Facts
from steps.selection.explain import ExplainRow, explain
from steps.selection.request import AskedConstraints, SelectionRequest
from steps.selection.selector import select
from steps.surroundings import Site, Surroundings, find_facts, read_surroundings, this_site


class SelectInputs(StepInputs):
    """What to select for."""

    model: str = Field(default="", description="Name of the model (BaseModel or ClusterBaseModel).")
    namespace: str = Field(default="default", description="Namespace of the service; its own runtimes come first.")
    facts: Facts | None = Field(default=None, description="Facts of the model; empty to read those of its import.")
    runtime: str = Field(default="", description="Runtime by name; empty to choose one.")
    protocol: str = Field(
        default="", description="Protocol that the runtime must speak, such as openAI or cohere; empty for any."
    )
    accelerator: str = Field(default="", description="AcceleratorClass by name; empty to choose one.")
    constraints: AskedConstraints = Field(
        default=(),
        description="What the class must have, as JSON: acceleratorSelector.constraints, or a list of such.",
    )
    policy: Literal["", "BestFit", "Cheapest", "MostCapable", "FirstAvailable"] = Field(
        default="", description="How to choose among accelerator classes; empty for BestFit where there are several."
    )
    tolerations: tuple[Toleration, ...] | None = Field(
        default=None, description="Tolerations of the service's pods, as a JSON list; empty for the runtime's own."
    )
    context: int = Field(default=0, ge=0, description="Tokens per sequence; 0 for the runtime's or the model's own.")
    concurrency: int = Field(default=1, ge=1, description="Sequences at once that must fit.")
    fit: Literal["warn", "enforce", "off"] = Field(
        default="warn", description="What to do when the model does not fit: warn, enforce (fail), or off."
    )


class SelectOutputs(StepOutputs):
    """What was selected."""

    choice: Choice = Field(description="Runtime, accelerator, parallelism, fit, and why not the others.")


@step(
    "select-runtime",
    title="Select a runtime",
    description="Chooses runtime, accelerator and parallelism, says whether the model fits, and why not the others.",
)
def select_runtime(inputs: SelectInputs) -> SelectOutputs:
    """Select, and print the choice with every refusal.

    Raises, and leaves a choice of no runtime with every refusal:
        NotFoundError: no such model, runtime or accelerator, or no runtime for such a model.
        InvalidInputError: the model is disabled or not imported, or the named runtime does not serve it.
        DoesNotFitError: nothing here runs it.
    """
    site = this_site()
    facts = inputs.facts or find_facts(site, inputs.model, inputs.namespace)
    here = read_surroundings(site, inputs.model, inputs.namespace)
    try:
        choice = select(
            facts,
            here.model,
            here.runtimes,
            here.accelerators,
            here.nodes,
            _request(inputs),
            unavailable=here.unavailable,
        )
    except (NotFoundError, InvalidInputError, DoesNotFitError) as error:
        failure = _with_surroundings(error, here)
        failure.outputs = SelectOutputs(choice=_nothing_chosen(facts, here, inputs))
        raise failure from None
    whole = choice.model_copy(
        update={
            "refused": (*choice.refused, *here.unreadable),
            "warnings": (*choice.warnings, *here.warnings),
        }
    )
    sys.stderr.write(_summary(whole))
    return SelectOutputs(choice=_within_bounds(whole))


def explain_runtimes(inputs: SelectInputs, site: Site | None = None) -> tuple[ExplainRow, ...]:
    """The whole table of runtimes for a model, best first; unreadable ones last.

    Args:
        inputs: What to select for.
        site: A cluster, or None for where this runs.

    Raises:
        NotFoundError: no such model.
        InvalidInputError: the model is disabled or not imported.
    """
    site = site or this_site()
    facts = inputs.facts or find_facts(site, inputs.model, inputs.namespace)
    return _explained(facts, read_surroundings(site, inputs.model, inputs.namespace), inputs)


def _explained(facts: Facts, here: Surroundings, inputs: SelectInputs) -> tuple[ExplainRow, ...]:
    rows = explain(
        facts,
        here.model,
        here.runtimes,
        here.accelerators,
        here.nodes,
        _request(inputs),
        unavailable=here.unavailable,
    )
    broken = (
        ExplainRow(runtime=u.runtime, verdict="refused", score=0, accelerator="", fit="unknown", reason=u.reason)
        for u in here.unreadable
    )
    return (*rows, *broken)


def _nothing_chosen(facts: Facts, here: Surroundings, inputs: SelectInputs) -> Choice:
    """The table of a selection that has found nothing, as a choice of no runtime."""
    rows = _explained(facts, here, inputs)
    refused = tuple(Refusal(runtime=r.runtime, reason=r.reason, is_candidate=r.verdict != "refused") for r in rows)
    return _within_bounds(Choice(runtime="", refused=refused, warnings=here.warnings))


def _within_bounds(choice: Choice) -> Choice:
    refused, left_out = bounded(choice.refused)
    return choice.model_copy(update={"refused": refused, "left_out": left_out})


def _request(inputs: SelectInputs) -> SelectionRequest:
    return SelectionRequest(
        runtime=inputs.runtime,
        accelerator=inputs.accelerator,
        protocol=inputs.protocol,
        constraints=inputs.constraints,
        policy=inputs.policy or None,
        tolerations=inputs.tolerations,
        context=inputs.context,
        concurrency=inputs.concurrency,
        fit=inputs.fit,
    )


def _with_surroundings(error: OmeError, here: Surroundings) -> OmeError:
    """The error, with what else may be the cause: nodes left out, and objects that could not be read."""
    message = "; ".join((error.message, *here.warnings))
    if here.unreadable:
        listing = "; ".join(f"{refusal.runtime} ({refusal.reason})" for refusal in here.unreadable[:5])
        message = f"{message}. Not valid: {listing}"
    return type(error)(message, remedy=error.remedy)


def _summary(choice: Choice) -> str:
    name = f"{choice.runtime_namespace}/{choice.runtime}" if choice.runtime_namespace else choice.runtime
    lines = [f"chosen: {name}" + (f" on {choice.accelerator}" if choice.accelerator else "")]
    lines += [f"  {reason}" for reason in choice.reasons]
    lines += [f"warning: {warning}" for warning in choice.warnings]
    lines += [f"{'next' if r.is_candidate else 'refused'}: {r.runtime}: {r.reason}" for r in choice.refused]
    return "".join(f"{line}\n" for line in lines)

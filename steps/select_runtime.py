"""Chooses a runtime and an accelerator for a model on this machine. Run by the `select-runtime` template.

The thin edge of `steps.selection`: it reads runtimes and accelerator classes from the resource folder, takes this
machine as the only node, and finds the model's facts. `ome runtimes explain` calls `explain_runtimes`.
"""

import sys
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field

from crds.accelerator_class import AcceleratorClass
from crds.load import load
from crds.problems import InvalidResourceError
from crds.serving_runtime import ClusterServingRuntime, ServingRuntime
from steps.choice import Choice, Refusal
from steps.contract import StepInputs, StepOutputs, step
from steps.errors import DoesNotFitError, InvalidInputError, NotFoundError, OmeError
from steps.facts import Facts
from steps.manifest_store import load_facts
from steps.published_model import artifact_digest, find_model
from steps.resources import Resource, ResourceFolder
from steps.selection.explain import ExplainRow, explain
from steps.selection.nodes import local_node
from steps.selection.request import Accelerator, ModelReference, Runtime, SelectionRequest
from steps.selection.selector import select
from steps.serving.program import missing_program


class SelectInputs(StepInputs):
    """What to select for."""

    model: str = Field(default="", description="Name of the model (BaseModel or ClusterBaseModel).")
    namespace: str = Field(default="default", description="Namespace of the service; its own runtimes come first.")
    facts: Facts | None = Field(default=None, description="Facts of the model; empty to read those of its import.")
    runtime: str = Field(default="", description="Runtime by name; empty to choose one.")
    accelerator: str = Field(default="", description="AcceleratorClass by name; empty to choose one.")
    context: int = Field(default=0, ge=0, description="Tokens per sequence; 0 for the runtime's or the model's own.")
    concurrency: int = Field(default=1, ge=1, description="Sequences at once that must fit.")
    fit: Literal["warn", "enforce", "off"] = Field(
        default="warn", description="What to do when the model does not fit: warn, enforce (fail), or off."
    )


class SelectOutputs(StepOutputs):
    """What was selected."""

    choice: Choice = Field(description="Runtime, accelerator, parallelism, fit, and why not the others.")


class Surroundings(NamedTuple):
    """What there is to choose from.

    Attributes:
        runtimes: Of all namespaces, and of the cluster.
        accelerators: All classes.
        unreadable: Objects that are not valid, as refusals; they are told, not dropped.
        unavailable: Runtimes whose program is not on this machine, and why.
    """

    runtimes: tuple[Runtime, ...]
    accelerators: tuple[Accelerator, ...]
    unreadable: tuple[Refusal, ...]
    unavailable: Mapping[str, str]


@step(
    "select-runtime",
    title="Select a runtime",
    description="Chooses runtime, accelerator and parallelism, says whether the model fits, and why not the others.",
)
def select_runtime(inputs: SelectInputs) -> SelectOutputs:
    """Select, and print the choice with every refusal.

    Raises:
        NotFoundError: no such model, runtime or accelerator, or no runtime for such a model.
        InvalidInputError: the model is disabled or not imported, or the named runtime does not serve it.
        DoesNotFitError: nothing here runs it.
    """
    folder = ResourceFolder()
    facts = inputs.facts or find_facts(folder, inputs.model, inputs.namespace)
    here = read_surroundings(folder)
    try:
        choice = select(
            facts,
            ModelReference(name=inputs.model, namespace=inputs.namespace),
            here.runtimes,
            here.accelerators,
            [local_node()],
            _request(inputs),
            unavailable=here.unavailable,
        )
    except (NotFoundError, InvalidInputError, DoesNotFitError) as error:
        raise _with_unreadable(error, here.unreadable) from None
    choice = choice.model_copy(update={"refused": (*choice.refused, *here.unreadable)})
    sys.stderr.write(_summary(choice))
    return SelectOutputs(choice=choice)


def explain_runtimes(inputs: SelectInputs) -> tuple[ExplainRow, ...]:
    """The whole table of runtimes for a model on this machine, best first; unreadable ones last.

    Raises:
        NotFoundError: no such model.
        InvalidInputError: the model is disabled or not imported.
    """
    folder = ResourceFolder()
    facts = inputs.facts or find_facts(folder, inputs.model, inputs.namespace)
    here = read_surroundings(folder)
    rows = explain(
        facts,
        ModelReference(name=inputs.model, namespace=inputs.namespace),
        here.runtimes,
        here.accelerators,
        [local_node()],
        _request(inputs),
        unavailable=here.unavailable,
    )
    broken = (
        ExplainRow(runtime=u.runtime, verdict="refused", score=0, accelerator="", fit="unknown", reason=u.reason)
        for u in here.unreadable
    )
    return (*rows, *broken)


def find_facts(folder: ResourceFolder, model: str, namespace: str) -> Facts:
    """Facts of a published model: a BaseModel of the namespace, else a ClusterBaseModel.

    Raises:
        NotFoundError: there is no such model, or its facts are not stored here.
        InvalidInputError: it is disabled, or has not been imported.
    """
    found = find_model(folder, model, namespace)
    label = f"{found['kind']} {model}"
    if (found.get("spec") or {}).get("disabled"):
        raise InvalidInputError(f"{label}: spec.disabled is true", remedy="Set it to false to serve the model.")
    digest = artifact_digest(found)
    if not digest:
        raise InvalidInputError(f"{label}: status.artifact.digest is empty", remedy="Import the model first.")
    return load_facts(digest)


def read_surroundings(folder: ResourceFolder) -> Surroundings:
    """Read runtimes and accelerator classes; which programs are missing is looked up on this machine."""
    runtimes: list[Runtime] = []
    accelerators: list[Accelerator] = []
    unreadable: list[Refusal] = []
    unavailable: dict[str, str] = {}
    for kind in ("ServingRuntime", "ClusterServingRuntime", "AcceleratorClass"):
        for document in folder.list(kind):
            try:
                resource = load(document).resource
            except InvalidResourceError as error:
                problem = "; ".join(str(problem) for problem in error.problems[:3])
                unreadable.append(Refusal(runtime=_label(kind, document), reason=f"it cannot be read: {problem}"))
                continue
            if isinstance(resource, AcceleratorClass):
                accelerators.append(Accelerator.of(resource))
            elif isinstance(resource, ServingRuntime | ClusterServingRuntime):
                runtime = Runtime.of(resource)
                runtimes.append(runtime)
                missing = _missing_program(document.get("spec") or {})
                if missing:
                    unavailable[runtime.label] = missing
    return Surroundings(tuple(runtimes), tuple(accelerators), tuple(unreadable), unavailable)


def _missing_program(spec: Mapping[str, Any]) -> str | None:
    try:
        return missing_program(spec)
    except InvalidInputError as error:
        return error.message  # such a runtime could not be deployed either


def _label(kind: str, resource: Resource) -> str:
    metadata = resource.get("metadata") or {}
    name = str(metadata.get("name") or "(no name)")
    if kind == "ServingRuntime":
        return f"{metadata.get('namespace') or 'default'}/{name}"
    return name if kind == "ClusterServingRuntime" else f"{kind} {name}"


def _request(inputs: SelectInputs) -> SelectionRequest:
    return SelectionRequest(
        runtime=inputs.runtime,
        accelerator=inputs.accelerator,
        context=inputs.context,
        concurrency=inputs.concurrency,
        fit=inputs.fit,
    )


def _with_unreadable(error: OmeError, unreadable: tuple[Refusal, ...]) -> OmeError:
    """The error, telling also of objects that could not be read: one of them may be what the user waits for."""
    if not unreadable:
        return error
    listing = "; ".join(f"{refusal.runtime} ({refusal.reason})" for refusal in unreadable[:5])
    return type(error)(f"{error.message}. Not valid: {listing}", remedy=error.remedy)


def _summary(choice: Choice) -> str:
    name = f"{choice.runtime_namespace}/{choice.runtime}" if choice.runtime_namespace else choice.runtime
    lines = [f"chosen: {name}" + (f" on {choice.accelerator}" if choice.accelerator else "")]
    lines += [f"  {reason}" for reason in choice.reasons]
    lines += [f"warning: {warning}" for warning in choice.warnings]
    lines += [f"{'next' if r.is_candidate else 'refused'}: {r.runtime}: {r.reason}" for r in choice.refused]
    return "".join(f"{line}\n" for line in lines)

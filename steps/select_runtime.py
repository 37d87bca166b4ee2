"""Chooses a runtime and an accelerator for a model. Run by the `select-runtime` template.

The thin edge of `steps.selection`: it reads runtimes, accelerator classes and nodes (on one machine itself), and finds
the model's facts. `ome runtimes explain` calls `explain_runtimes`.
"""

import sys
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field

from crds.accelerator_class import AcceleratorClass
from crds.kubernetes import Toleration
from crds.labels import READY, node_label
from crds.load import load
from crds.problems import InvalidResourceError
from crds.serving_runtime import ClusterServingRuntime, ServingRuntime
from crds.storage_location import stays_in_claim
from steps.choice import Choice, Refusal
from steps.cluster.pod import is_on_cluster
from steps.contract import StepInputs, StepOutputs, step
from steps.errors import DoesNotFitError, InvalidInputError, NotFoundError, OmeError
from steps.facts import Facts
from steps.manifest_store import load_facts
from steps.published_model import artifact_digest, find_model, owner_of
from steps.resources import Resource, Resources, open_resources
from steps.selection.explain import ExplainRow, explain
from steps.selection.nodes import Node, local_node
from steps.selection.request import Accelerator, AskedConstraints, ModelReference, Runtime, SelectionRequest
from steps.selection.selector import select
from steps.serving.program import missing_program


class SelectInputs(StepInputs):
    """What to select for."""

    model: str = Field(default="", description="Name of the model (BaseModel or ClusterBaseModel).")
    namespace: str = Field(default="default", description="Namespace of the service; its own runtimes come first.")
    facts: Facts | None = Field(default=None, description="Facts of the model; empty to read those of its import.")
    runtime: str = Field(default="", description="Runtime by name; empty to choose one.")
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


class Surroundings(NamedTuple):
    """What there is to choose from.

    Attributes:
        runtimes: Of all namespaces, and of the cluster.
        accelerators: All classes.
        unreadable: Objects that are not valid, as refusals; they are told, not dropped.
        unavailable: Runtimes whose program is not on this machine, and why; a cluster has images.
        nodes: Where the model may run.
        warnings: What is to be known of the nodes.
    """

    runtimes: tuple[Runtime, ...]
    accelerators: tuple[Accelerator, ...]
    unreadable: tuple[Refusal, ...]
    unavailable: Mapping[str, str]
    nodes: tuple[Node, ...]
    warnings: tuple[str, ...] = ()


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
    resources = open_resources()
    facts = inputs.facts or find_facts(resources, inputs.model, inputs.namespace)
    here = read_surroundings(resources, inputs)
    try:
        choice = select(
            facts,
            _reference(resources, inputs),
            here.runtimes,
            here.accelerators,
            here.nodes,
            _request(inputs),
            unavailable=here.unavailable,
        )
    except (NotFoundError, InvalidInputError, DoesNotFitError) as error:
        raise _with_surroundings(error, here) from None
    choice = choice.model_copy(
        update={
            "refused": (*choice.refused, *here.unreadable),
            "warnings": (*choice.warnings, *here.warnings),
        }
    )
    sys.stderr.write(_summary(choice))
    return SelectOutputs(choice=choice)


def explain_runtimes(inputs: SelectInputs) -> tuple[ExplainRow, ...]:
    """The whole table of runtimes for a model on this machine, best first; unreadable ones last.

    Raises:
        NotFoundError: no such model.
        InvalidInputError: the model is disabled or not imported.
    """
    resources = open_resources()
    facts = inputs.facts or find_facts(resources, inputs.model, inputs.namespace)
    here = read_surroundings(resources, inputs)
    rows = explain(
        facts,
        _reference(resources, inputs),
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


def find_facts(resources: Resources, model: str, namespace: str) -> Facts:
    """Facts of a published model: a BaseModel of the namespace, else a ClusterBaseModel.

    Raises:
        NotFoundError: there is no such model, or its facts are not stored here.
        InvalidInputError: it is disabled, or has not been imported.
    """
    found = find_model(resources, model, namespace)
    label = f"{found['kind']} {model}"
    if (found.get("spec") or {}).get("disabled"):
        raise InvalidInputError(f"{label}: spec.disabled is true", remedy="Set it to false to serve the model.")
    digest = artifact_digest(found)
    if not digest:
        raise InvalidInputError(f"{label}: status.artifact.digest is empty", remedy="Import the model first.")
    return load_facts(digest)


def read_surroundings(resources: Resources, inputs: SelectInputs) -> Surroundings:
    """Read runtimes and accelerator classes, and the nodes of the cluster or this machine.

    On one machine it is also looked up which programs are missing there.
    """
    runtimes: list[Runtime] = []
    accelerators: list[Accelerator] = []
    unreadable: list[Refusal] = []
    unavailable: dict[str, str] = {}
    for kind in ("ServingRuntime", "ClusterServingRuntime", "AcceleratorClass"):
        for document in resources.list(kind, inputs.namespace if kind == "ServingRuntime" else ""):
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
                missing = None if is_on_cluster() else _missing_program(document.get("spec") or {})
                if missing:
                    unavailable[runtime.label] = missing
    nodes, warnings = _nodes(resources, inputs)
    return Surroundings(tuple(runtimes), tuple(accelerators), tuple(unreadable), unavailable, nodes, warnings)


def _reference(resources: Resources, inputs: SelectInputs) -> ModelReference:
    """The model by its name and by what else it is called where its resource is there: a short name says little."""
    found = resources.find("BaseModel", inputs.model, inputs.namespace) if inputs.model else None
    found = found or (resources.find("ClusterBaseModel", inputs.model) if inputs.model else None) or {}
    spec = found.get("spec") or {}
    uri = str((spec.get("storage") or {}).get("storageUri") or "")
    scheme, _, place = uri.partition("://")
    parts = place.partition("@")[0].rstrip("/").split("/")
    source = parts[-2:] if scheme == "hf" else parts[-1:]  # before it are the names of buckets
    names = (*source, spec.get("displayName"), spec.get("vendor"))
    also_called = tuple(str(name) for name in names if name)
    return ModelReference(name=inputs.model, namespace=inputs.namespace, also_called=also_called)


def _nodes(resources: Resources, inputs: SelectInputs) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Nodes that may serve the model, and what is to be known of that.

    Pods are scheduled only to nodes that have the model, so once some have it no other counts. Before it is imported
    (its facts are given, and there is no resource) or cached, all do; and for a model in a claim, which is on no node.
    """
    if not is_on_cluster():
        return (local_node(),), ()
    from steps.cluster.api import open_api
    from steps.cluster.nodes import nodes_of
    from steps.cluster.resource_types import NODE

    nodes = nodes_of(open_api().list(NODE))
    if not nodes:
        raise NotFoundError("the cluster has no nodes", remedy="Add a node.")
    try:
        model = find_model(resources, inputs.model, inputs.namespace)
    except (NotFoundError, InvalidInputError):
        return nodes, ()
    if stays_in_claim(model):
        return nodes, ()
    owner = owner_of(model)
    label = node_label(owner.kind, owner.namespace, owner.name)
    holding = tuple(node for node in nodes if node.labels.get(label) == READY)
    if not holding:
        return nodes, (f"no node has the label {label}={READY} yet: all {len(nodes)} nodes were looked at",)
    if len(holding) == len(nodes):
        return nodes, ()
    names = ", ".join(node.name for node in holding[:5]) + (", …" if len(holding) > 5 else "")
    return holding, (f"only {len(holding)} of {len(nodes)} nodes have the model, and only these count: {names}",)


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

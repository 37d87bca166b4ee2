"""What is selected from and what is asked for: the inputs of `selector.select`, as values."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from crds.accelerator_class import AcceleratorClass, AcceleratorClassSpec
from crds.accelerator_selector import AcceleratorConstraints, AcceleratorPolicy
from crds.serving_runtime import ClusterServingRuntime, ServingRuntime, ServingRuntimeSpec
from steps.frozen import Frozen

FitPolicy = Literal["warn", "enforce", "off"]


def _listed(value: object) -> object:
    return [value] if isinstance(value, dict) else value


def _known(constraints: tuple[AcceleratorConstraints, ...]) -> tuple[AcceleratorConstraints, ...]:
    """What is not known cannot be held to, so it is refused where a class is chosen."""
    unknown = sorted({name for one in constraints for name in one.model_extra or {}})
    if unknown:
        accepted = ", ".join(AcceleratorConstraints.json_names())
        raise ValueError(f"{', '.join(unknown)} is unknown; accepted: {accepted}")
    return constraints


AskedConstraints = Annotated[tuple[AcceleratorConstraints, ...], BeforeValidator(_listed), AfterValidator(_known)]
"""Constraints as people give them: one object, or a list of which all count."""


class Runtime(Frozen):
    """A ServingRuntime, or with no namespace a ClusterServingRuntime."""

    name: str
    namespace: str = ""
    spec: ServingRuntimeSpec

    @classmethod
    def of(cls, resource: ServingRuntime | ClusterServingRuntime) -> "Runtime":
        """The runtime of an API object."""
        namespace = (resource.metadata.namespace or "default") if isinstance(resource, ServingRuntime) else ""
        return cls(name=resource.metadata.name, namespace=namespace, spec=resource.spec)

    @property
    def label(self) -> str:
        """How tables and messages call it: `namespace/name`, or the name alone."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def is_called(self, name: str) -> bool:
        """Whether it is meant: by its name, by `namespace/name` as in tables, or by `/name` as one of the cluster."""
        return name in (self.name, f"{self.namespace}/{self.name}")


class Accelerator(Frozen):
    """An AcceleratorClass."""

    name: str
    spec: AcceleratorClassSpec

    @classmethod
    def of(cls, resource: AcceleratorClass) -> "Accelerator":
        """The class of an API object."""
        return cls(name=resource.metadata.name, spec=resource.spec)


class ModelReference(Frozen):
    """The model by name; the namespace is the service's, and "" means that only cluster runtimes are looked at.

    Attributes:
        also_called: Its other names: the repository that it comes from, its display name, its vendor.
    """

    name: str
    namespace: str = ""
    also_called: tuple[str, ...] = ()


class SelectionRequest(Frozen):
    """What the user asks for.

    Attributes:
        runtime: A runtime by name or `namespace/name`, "" to choose one.
        accelerator: An AcceleratorClass by name, "" to choose one.
        protocol: Protocol that the runtime must speak, such as openAI; "" for any.
        constraints: What the accelerator must have: the service's and its component's; all count.
        policy: How to choose among accelerators; None is BestFit.
        tolerations: Of the service's pods, in place of the runtime's; None when those of the runtime count.
        context: Tokens per sequence; 0 for the runtime's or the model's own.
        concurrency: Sequences at once.
        fit: `enforce` refuses what does not fit, `warn` says so, `off` does not look.
    """

    runtime: str = ""
    accelerator: str = ""
    protocol: str = ""
    constraints: tuple[AcceleratorConstraints, ...] = ()
    policy: AcceleratorPolicy | None = None
    tolerations: tuple[Mapping[str, Any], ...] | None = None
    context: int = 0
    concurrency: int = 1
    fit: FitPolicy = "warn"

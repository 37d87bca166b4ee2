"""What `kubectl get` shows of each kind: OME's columns by OME's names, and ours. Those marked wide need `-o wide`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Its heading.
        path: JSONPath of its value; of a list only the first entry is shown.
        type: As OpenAPI names types.
        is_wide: Whether it is shown with `-o wide` only.
    """

    name: str
    path: str
    type: Literal["string", "boolean", "integer", "date"] = "string"
    is_wide: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As `additionalPrinterColumns` has it."""
        written: dict[str, Any] = {"name": self.name, "type": self.type, "jsonPath": self.path}
        return written | ({"priority": 1} if self.is_wide else {})


def _of_condition(condition: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{condition}")].{field}'


_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_DISABLED = Column("Disabled", ".spec.disabled", "boolean", is_wide=True)
_COMPARTMENT = Column("CompartmentID", ".spec.compartmentID", is_wide=True)
_WHY_NOT_READY = Column("Message", _of_condition("Ready", "message"), is_wide=True)

_MODEL = (
    _DISABLED,
    Column("Version", ".spec.version", is_wide=True),
    Column("Vendor", ".spec.vendor"),
    Column("Framework", ".spec.modelFramework.name"),
    Column("FrameworkVersion", ".spec.modelFramework.version", is_wide=True),
    Column("ModelFormat", ".spec.modelFormat.name"),
    Column("Architecture", ".spec.modelArchitecture"),
    Column("Capabilities", ".spec.modelCapabilities", is_wide=True),
    Column("Size", ".spec.modelParameterSize"),
    _COMPARTMENT,
    Column("Ready", ".status.state"),
    Column("Progress", ".status.progress.phase"),
    Column("Nodes", ".status.progress.nodesReady"),
    Column("Percent", ".status.progress.percent", "integer", is_wide=True),
    Column("Until", ".status.progress.estimatedCompletionTime", is_wide=True),
    Column("SlowestNode", ".status.progress.slowestNode", is_wide=True),
    Column("Revision", ".status.artifact.revision", is_wide=True),
    _WHY_NOT_READY,
    _AGE,
)
_RUNTIME = (
    Column("Disabled", ".spec.disabled", "boolean"),
    Column("ModelFormat", ".spec.supportedModelFormats[*].modelFormat.name"),
    Column("ModelFramework", ".spec.supportedModelFormats[*].modelFramework.name"),
    Column("ModelFrameworkVersion", ".spec.supportedModelFormats[*].modelFramework.version", is_wide=True),
    Column("ModelArchitecture", ".spec.supportedModelFormats[*].modelArchitecture"),
    Column("ModelSizeMin", ".spec.modelSizeRange.min"),
    Column("ModelSizeMax", ".spec.modelSizeRange.max"),
    Column("Images", ".spec.containers[*].image", is_wide=True),
    Column("EngineImage", ".spec.engineConfig.runner.image", is_wide=True),
    _AGE,
)
_ENGINE = ".status.components.engine"

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "BaseModel": _MODEL,
    "ClusterBaseModel": _MODEL,
    "FineTunedWeight": (
        _DISABLED,
        Column("Version", ".spec.version"),
        Column("Vendor", ".spec.vendor"),
        _COMPARTMENT,
        Column("ModelType", ".spec.modelType"),
        Column("BaseModel", ".spec.baseModelRef.name"),
        Column("Ready", ".status.state"),
        _WHY_NOT_READY,
        _AGE,
    ),
    "ServingRuntime": _RUNTIME,
    "ClusterServingRuntime": _RUNTIME,
    "InferenceService": (
        Column("URL", ".status.url"),
        Column("Ready", _of_condition("Ready", "status")),
        Column("Reason", _of_condition("Ready", "reason")),
        Column("BaseModel", ".spec.model.name"),
        Column("Runtime", ".status.selection.runtime"),
        Column("Accelerator", ".status.selection.accelerator"),
        Column("Fit", ".status.selection.fit.verdict", is_wide=True),
        Column("Prev", f'{_ENGINE}.traffic[?(@.tag=="prev")].percent', "integer", is_wide=True),
        Column("Latest", f"{_ENGINE}.traffic[?(@.latestRevision==true)].percent", "integer", is_wide=True),
        Column("PrevRolledoutRevision", f"{_ENGINE}.previousRolledoutRevision", is_wide=True),
        Column("LatestReadyRevision", f"{_ENGINE}.latestReadyRevision", is_wide=True),
        _WHY_NOT_READY,
        _AGE,
    ),
    "BenchmarkJob": (
        Column("Task", ".spec.task"),
        Column("Service", ".spec.endpoint.inferenceService.name"),
        Column("Schedule", ".spec.schedule"),
        Column("Status", ".status.state"),
        Column("Verdict", ".status.verdict"),
        Column("Message", ".status.failureMessage", is_wide=True),
        Column("Report", ".status.reportUri", is_wide=True),
        _AGE,
    ),
    "AcceleratorClass": (
        Column("Vendor", ".spec.vendor"),
        Column("Family", ".spec.family"),
        Column("Memory", ".spec.capabilities.memoryGB"),
        Column("Nodes", ".status.availableNodes", "integer"),
        Column("Accelerators", ".status.totalAccelerators", "integer"),
        _AGE,
    ),
}
"""By kind, in the order in which they are shown."""

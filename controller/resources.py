"""Where the API server keeps each kind, and which objects of it the controller watches.

`controller.watch` lists and watches a `Watched`; `controller.execute` finds the URL of what it writes.
"""

from dataclasses import dataclass

from controller.actions import Object
from crds import labels
from crds.kinds import KINDS
from steps.cluster.resource_types import (
    AUTOSCALER,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    EVENT,
    NODE,
    POD,
    SERVICE,
    WORKFLOW,
    ResourceType,
    resource_type,
)
from steps.errors import InvalidInputError
from steps.serving.cluster.companions import COMPANION_KINDS

ARGO = WORKFLOW.api_version


LEASE = ResourceType("coordination.k8s.io/v1", "Lease", "leases")

RESOURCES: dict[str, ResourceType] = {
    resource.kind: resource
    for resource in (
        *(resource_type(kind) for kind in KINDS),
        WORKFLOW,
        ResourceType(ARGO, "CronWorkflow", "cronworkflows"),
        NODE,
        CONFIG_MAP,
        POD,
        ResourceType("v1", "Secret", "secrets"),
        EVENT,
        DEPLOYMENT,
        SERVICE,
        AUTOSCALER,
        DISRUPTION_BUDGET,
        LEASE,
    )
}
"""Kinds that the controller reads or writes, by name."""


def find_resource(kind: str) -> ResourceType:
    """The kind in the API.

    Raises:
        InvalidInputError: for a kind that the controller has no business with.
    """
    if kind not in RESOURCES:
        raise InvalidInputError(f'kind: "{kind}" is not known here', remedy=f"Known kinds: {', '.join(RESOURCES)}.")
    return RESOURCES[kind]


@dataclass(frozen=True, slots=True)
class Watched:
    """Objects of one kind that are kept in the store.

    Attributes:
        resource: The kind.
        namespace: "" for all namespaces.
        label: That they must have; "" for any.
        value: Of that label; "" for any.
        metadata_only: Whether only their metadata is asked for, so that what is in them never reaches this process.
        holds: Whether they are small and few, and kept decoded.
    """

    resource: ResourceType
    namespace: str = ""
    label: str = ""
    value: str = ""
    metadata_only: bool = False
    holds: bool = False

    @property
    def selector(self) -> str:
        """The label selector in a URL."""
        return f"{self.label}={self.value}" if self.value else self.label

    def has(self, item: Object) -> bool:
        """Whether an object of this kind is one of these."""
        metadata = item["metadata"]
        if self.namespace and metadata.get("namespace") != self.namespace:
            return False
        if not self.label:
            return True
        found = (metadata.get("labels") or {}).get(self.label)
        return found == self.value if self.value else found is not None

    def __str__(self) -> str:
        return f"{self.resource.kind} ({self.selector})" if self.label else self.resource.kind


def watched(namespace: str) -> tuple[Watched, ...]:
    """All that a controller whose system namespace is `namespace` watches: what planners may look at."""
    return (
        *(Watched(RESOURCES[kind]) for kind in ("ClusterBaseModel", "BaseModel", "InferenceService", "BenchmarkJob")),
        Watched(RESOURCES["FineTunedWeight"]),
        *(Watched(RESOURCES[k], holds=True) for k in ("ClusterServingRuntime", "ServingRuntime", "AcceleratorClass")),
        Watched(RESOURCES["Workflow"], namespace, labels.PIPELINE),
        Watched(RESOURCES["CronWorkflow"], namespace),
        Watched(RESOURCES["Node"], holds=True),
        Watched(RESOURCES["ConfigMap"], namespace, labels.NODE_STATUS, "true", holds=True),
        Watched(RESOURCES["ConfigMap"], namespace, labels.MANIFEST, metadata_only=True),
        Watched(RESOURCES["Deployment"], "", labels.INFERENCE_SERVICE),
        Watched(RESOURCES["Pod"], "", labels.INFERENCE_SERVICE),
        *(Watched(kind, "", labels.INFERENCE_SERVICE, metadata_only=True) for kind in COMPANION_KINDS),
        Watched(RESOURCES["Secret"], namespace, metadata_only=True),
    )

"""How the components of a service are: their Deployments, and the words of pods that do not come up."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from controller.actions import Object
from controller.observed import Context
from controller.plans.service_inputs import Asked
from crds import labels
from crds.storage_location import stays_in_claim
from steps.serving.cluster.companions import COMPANION_KINDS, companions_of
from steps.serving.cluster.placed_model import PlacedModel
from steps.serving.cluster.pod_trouble import Trouble, pod_trouble
from steps.serving.cluster.rollout import refusal
from steps.serving.cluster.strategy import TEMPLATE_DIGEST

COMPONENTS: Final = ("router", "decoder", "engine")
REASONS: Final[Mapping[str, str]] = {
    "crash": "CrashLoopBackOff",
    "image-name": "InvalidImageName",
    "image": "ImagePullBackOff",
    "configuration": "CreateContainerError",
    "refused": "PodsRefused",
    "unschedulable": "Unschedulable",
    "queued": "Queued",
    "volume": "VolumeFailed",
    "starting": "Starting",
}


@dataclass(frozen=True)
class Component:
    """One component of a service.

    Attributes:
        name: engine, decoder or router.
        deployment: None when there is none.
        pods: Of the newest template, those being deleted left out.
        trouble: Why a pod of them is not ready; None when all are, or none has said anything.
        missing: `<kind>/<name>` of what its Deployment was made with and that is gone.
    """

    name: str
    deployment: Object | None
    pods: tuple[Object, ...] = ()
    trouble: Trouble | None = None
    missing: tuple[str, ...] = ()

    @property
    def is_available(self) -> bool:
        """Whether its Deployment says so, of what it was last told."""
        if self.deployment is None:
            return False
        status = self.deployment.get("status") or {}
        has_seen = int(status.get("observedGeneration") or 0) >= int(
            self.deployment["metadata"].get("generation") or 0
        )
        found = status.get("conditions") or ()
        return has_seen and any(c.get("type") == "Available" and c.get("status") == "True" for c in found)

    @property
    def is_rolled_out(self) -> bool:
        """Whether it is available and no pod of an older template is left."""
        if self.deployment is None or not self.is_available:
            return False
        status = self.deployment.get("status") or {}
        wanted = (self.deployment.get("spec") or {}).get("replicas", 1)
        return int(status.get("updatedReplicas") or 0) >= int(wanted) and not status.get("unavailableReplicas")

    @property
    def revision(self) -> str:
        """Name of its newest pod template."""
        if self.deployment is None:
            return ""
        return f"{self.deployment['metadata']['name']}-{_template_digest(self.deployment)[:8]}".rstrip("-")

    @property
    def count(self) -> str:
        """Such as "1 of 2 pods available"."""
        if self.deployment is None:
            return "no Deployment"
        available = int((self.deployment.get("status") or {}).get("availableReplicas") or 0)
        return f"{available} of {(self.deployment.get('spec') or {}).get('replicas', 1)} pods available"


def components_of(asked: Asked, context: Context) -> tuple[Component, ...]:
    """The components that the service declares, or that are there."""
    spec = asked.service.get("spec") or {}
    found = {
        _component(item): item
        for item in context.observed.owned("Deployment", asked.namespace, asked.name)
        if "deletionTimestamp" not in item["metadata"]
    }
    pods = context.observed.owned("Pod", asked.namespace, asked.name)
    model, there = _placed(asked), _companions(asked, context)
    return tuple(
        _read(name, found.get(name), [pod for pod in pods if _component(pod) == name], model, there)
        for name in COMPONENTS
        if name == "engine" or name in spec or name in found
    )


def _companions(asked: Asked, context: Context) -> set[str]:
    return {
        f"{kind.kind}/{item['metadata']['name']}"
        for kind in COMPANION_KINDS
        for item in context.observed.owned(kind.kind, asked.namespace, asked.name)
        if "deletionTimestamp" not in item["metadata"]
    }


def _read(
    name: str, deployment: Object | None, pods: list[Object], model: PlacedModel, there: Collection[str]
) -> Component:
    if deployment is None:
        return Component(name, None)
    digest = _template_digest(deployment)
    new = tuple(
        pod
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and str((pod["metadata"].get("annotations") or {}).get(TEMPLATE_DIGEST) or "") == digest
    )
    troubles = [trouble for pod in new if (trouble := pod_trouble(pod, (), model)) is not None]
    refused = refusal(deployment)
    troubles += [refused] if refused is not None else []
    missing = tuple(companion for companion in companions_of(deployment) if companion not in there)
    return Component(name, deployment, new, min(troubles, key=lambda trouble: trouble.rank, default=None), missing)


def _component(item: Object) -> str:
    found: Mapping[str, Any] = item["metadata"].get("labels") or {}
    return str(found.get(labels.COMPONENT) or "")


def _template_digest(deployment: Object) -> str:
    template = (deployment.get("spec") or {}).get("template") or {}
    return str(((template.get("metadata") or {}).get("annotations") or {}).get(TEMPLATE_DIGEST) or "")


def _placed(asked: Asked) -> PlacedModel:
    """The model as far as messages about pods need it."""
    kind: labels.ModelKind = "ClusterBaseModel"
    if asked.model is not None and asked.model["kind"] == "BaseModel":
        kind = "BaseModel"
    namespace = asked.namespace if kind == "BaseModel" else ""
    is_on_nodes = asked.model is None or not stays_in_claim(asked.model)
    path = "/" if is_on_nodes else ""
    return PlacedModel(kind=kind, namespace=namespace, name=asked.model_name or asked.name, path=path)

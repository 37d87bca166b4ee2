"""How many pods a component has and who decides it: a fixed number, a HorizontalPodAutoscaler, or somebody else's.

Pure. Called by `render`. Where an autoscaler decides, the Deployment leaves `replicas` out, so that applying it again
does not undo what the autoscaler did.
"""

from typing import Any, Literal

from crds.service_annotations import AUTOSCALER_CLASS, AUTOSCALER_CLASSES, TARGET_PERCENTAGE, is_percentage
from steps.errors import InvalidInputError, UnsupportedError
from steps.frozen import Frozen
from steps.serving.cluster.metadata import Object, ServiceMetadata
from steps.serving.component import Component, ComponentName
from steps.serving.fields import integer_at, mapping_at, text_at

DEFAULT_TARGET_PERCENT = 80
_RESOURCES = ("cpu", "memory")


class Scaling(Frozen):
    """How a component scales.

    Attributes:
        minimum: Pods that it has at least; with a fixed number exactly.
        maximum: With an autoscaler of ours, else equal to `minimum`.
        decided_by: `nobody`: the number is fixed; `hpa`: ours; `other`: one that is not ours to make.
        metric: What ours looks at.
        target_percent: Of what the pods request of it.
    """

    minimum: int
    maximum: int
    decided_by: Literal["nobody", "hpa", "other"] = "nobody"
    metric: str = "cpu"
    target_percent: int = DEFAULT_TARGET_PERCENT


def read_scaling(component: Component, name: ComponentName, service: ServiceMetadata, replicas: int) -> Scaling:
    """How a merged component is to scale.

    Args:
        component: Runtime and service merged.
        name: Which component, for messages.
        service: Its annotations choose the autoscaler.
        replicas: Pods where neither service nor runtime says how many.

    Raises:
        InvalidInputError: for a field of a wrong shape, or an autoscaler that OME does not know.
        UnsupportedError: for scale to zero, KEDA, and metrics that only KEDA or Knative know.
    """
    where = f"spec.{name}"
    minimum = integer_at(component.pod, "minReplicas", where, replicas)
    if minimum < 1:
        raise UnsupportedError(
            f"{where}.minReplicas: {minimum} asks for scale to zero, which RawDeployment does not have",
            remedy="Give 1 or more.",
        )
    maximum = max(minimum, integer_at(component.pod, "maxReplicas", where, 0))
    by_class = service.annotations.get(AUTOSCALER_CLASS, "hpa")
    _check_autoscaler_class(by_class)
    if by_class == "external":
        return Scaling(minimum=minimum, maximum=minimum, decided_by="other")
    if minimum == maximum:
        return Scaling(minimum=minimum, maximum=minimum)
    metric = text_at(component.pod, "scaleMetric", where) or service.annotations.get("ome.io/metrics") or "cpu"
    if metric not in _RESOURCES:
        raise UnsupportedError(
            f'{where}.scaleMetric: "{metric}" is not supported by a HorizontalPodAutoscaler',
            remedy=f"Accepted: {', '.join(_RESOURCES)}; or annotate with {AUTOSCALER_CLASS}: external, and scale it"
            " yourself.",
        )
    return Scaling(
        minimum=minimum,
        maximum=maximum,
        decided_by="hpa",
        metric=metric,
        target_percent=_target(component, where, service),
    )


def autoscaler(metadata: Object, scaling: Scaling) -> Object:
    """The HorizontalPodAutoscaler of the Deployment that has the same name."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"]},
            "minReplicas": scaling.minimum,
            "maxReplicas": scaling.maximum,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": scaling.metric,
                        "target": {"type": "Utilization", "averageUtilization": scaling.target_percent},
                    },
                }
            ],
        },
    }


def disruption_budget(metadata: Object, component: Component, selector: dict[str, str]) -> Object:
    """The PodDisruptionBudget: as the component says, else one pod at a time may be moved."""
    bounds = {key: component.pod[key] for key in ("minAvailable", "maxUnavailable") if key in component.pod}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {**(bounds or {"maxUnavailable": 1}), "selector": {"matchLabels": selector}},
    }


def missing_request(container: dict[str, Any], scaling: Scaling) -> bool:
    """Whether the autoscaler could not work, because its target is a share of a request that is not made."""
    resources = mapping_at(container, "resources", "container")
    asked = mapping_at(resources, "requests", "container.resources") | mapping_at(
        resources, "limits", "container.resources"
    )
    return scaling.decided_by == "hpa" and scaling.metric not in asked


def _check_autoscaler_class(asked: str) -> None:
    if asked in ("hpa", "external"):
        return
    where = f'metadata.annotations {AUTOSCALER_CLASS}: "{asked}"'
    remedy = "Accepted: hpa, external (an autoscaler that is not ours). Without maxReplicas the number is fixed."
    if asked in AUTOSCALER_CLASSES:
        raise UnsupportedError(f"{where} is not supported yet", remedy=remedy)
    raise InvalidInputError(f"{where} is not known", remedy=remedy)


def _target(component: Component, where: str, service: ServiceMetadata) -> int:
    text = service.annotations.get(TARGET_PERCENTAGE)
    if text is None:
        return integer_at(component.pod, "scaleTarget", where, 0) or DEFAULT_TARGET_PERCENT
    if not is_percentage(text):
        raise InvalidInputError(
            f'metadata.annotations {TARGET_PERCENTAGE}: "{text}" is not a percentage',
            remedy="Give a whole number from 1 to 100.",
        )
    return int(text)

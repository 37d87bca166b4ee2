"""Labels, annotations and owners of a service's objects: OME's, so that look-ups from its documentation answer.

Pure. Called by `render`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crds.labels import BASE_MODEL, COMPONENT, INFERENCE_SERVICE, PART_OF, PRODUCT, RUNTIME
from crds.metadata import API_VERSION
from steps.choice import Choice
from steps.errors import InvalidInputError
from steps.serving.cluster.names import as_label_value, component_name
from steps.serving.cluster.placed_model import PlacedModel
from steps.serving.component import ComponentName
from steps.serving.fields import mapping_at, text_at

Object = dict[str, Any]
"""A Kubernetes object."""

MODEL_DIGEST = "ome.io/model-digest"
"""On pods: the files they serve. Other files under the same path make new pods."""
PASSED_ON = ("k8s.grafana.com/", "loki.grafana.com/", "prometheus.io/", "networking.gke.io/", "rdma.ome.io/")
"""Beginnings of the service's annotations that other systems read on its pods."""
_INJECTED = ("ome.io/inject-model-init", "ome.io/inject-fine-tuned-adapter", "ome.io/inject-serving-sidecar")


@dataclass(frozen=True)
class ServiceMetadata:
    """What the objects of one InferenceService say of it.

    Attributes:
        uid: "" for a service that is not stored yet, whose objects have no owner.
    """

    name: str
    namespace: str
    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def selector(self) -> dict[str, str]:
        """Labels of all that belongs to the service."""
        return {INFERENCE_SERVICE: as_label_value(self.name)}


def service_metadata(service: Mapping[str, Any]) -> ServiceMetadata:
    """Read the metadata of an InferenceService.

    Raises:
        InvalidInputError: when it has no name, or a field of a wrong shape.
    """
    metadata = mapping_at(service, "metadata", "InferenceService")
    name = text_at(metadata, "name", "metadata")
    if not name:
        raise InvalidInputError("InferenceService: metadata.name is empty")
    return ServiceMetadata(
        name=name,
        namespace=text_at(metadata, "namespace", "metadata") or "default",
        uid=text_at(metadata, "uid", "metadata"),
        labels=texts_of(metadata, "labels", "metadata"),
        annotations=texts_of(metadata, "annotations", "metadata"),
    )


def texts_of(holder: Mapping[str, Any], key: str, where: str) -> dict[str, str]:
    """A mapping of texts, its numbers and booleans as YAML writes them."""
    found = mapping_at(holder, key, where)
    return {name: text_at(found, name, f"{where}.{key}") for name in found}


def component_selector(service: ServiceMetadata, component: ComponentName) -> dict[str, str]:
    """Labels that select a component's pods; they never change, since a Deployment's selector cannot."""
    return {**service.selector, COMPONENT: component}


def pod_labels(
    service: ServiceMetadata, component: ComponentName, own: Mapping[str, str], model: PlacedModel, choice: Choice
) -> dict[str, str]:
    """Labels of a component's pods. What runtime and service give wins, but over what selects the pods."""
    labels = {
        "app": component_name(service.name, component),
        RUNTIME: as_label_value(choice.runtime),
        BASE_MODEL: as_label_value(model.name),
        "base-model-size": model.category,
        "base-model-type": "Serving",
        "fine-tuned-serving": "false",
    }
    if model.vendor:
        labels["base-model-vendor"] = model.vendor
    return {**labels, **_queue_labels(service.annotations), **own, **component_selector(service, component)}


def pod_annotations(
    service: ServiceMetadata, own: Mapping[str, str], model: PlacedModel | None, port: int
) -> dict[str, str]:
    """Annotations of a component's pods: those that other systems read on pods, the metrics', the component's own."""
    passed_on = {k: v for k, v in service.annotations.items() if k.startswith(PASSED_ON) or k in _INJECTED}
    if service.annotations.get("ome.io/enable-prometheus-scraping") == "true":
        passed_on |= {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": service.annotations.get("prometheus.ome.io/port", str(port)),
            "prometheus.io/path": service.annotations.get("prometheus.ome.io/path", "/metrics"),
        }
    if model is not None and model.digest:
        passed_on[MODEL_DIGEST] = model.digest[:12]
    return {**passed_on, **own}


def object_metadata(name: str, service: ServiceMetadata, labels: Mapping[str, str]) -> Object:
    """Metadata of an object that the service owns: with the service it goes."""
    metadata: Object = {
        "name": name,
        "namespace": service.namespace,
        "labels": {PART_OF: PRODUCT, **labels},
    }
    if service.uid:
        metadata["ownerReferences"] = [
            {
                "apiVersion": API_VERSION,
                "kind": "InferenceService",
                "name": service.name,
                "uid": service.uid,
                "controller": True,
                "blockOwnerDeletion": False,  # True takes a right over the service, where clusters check that
            }
        ]
    return metadata


def _queue_labels(annotations: Mapping[str, str]) -> dict[str, str]:
    """Labels by which Volcano and Kueue find the queue that the service names, as OME sets them."""
    if queue := annotations.get("ome.io/volcano-queue"):
        return {"volcano.sh/queue-name": as_label_value(queue)}
    cluster = as_label_value(annotations.get("ome.io/dedicated-ai-cluster", ""))
    if cluster and "kueue-enabled" in annotations:
        return {
            "kueue.x-k8s.io/queue-name": cluster,
            "kueue.x-k8s.io/priority-class": "kueue-scheduling-high-priority",
        }
    if cluster:
        return {
            "volcano.sh/queue-name": cluster,
            "ray.io/priority-class-name": "volcano-scheduling-high-priority",
        }
    return {}

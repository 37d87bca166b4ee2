"""From an InferenceService and its runtime to Kubernetes objects: same input, same bytes.

Pure. Called by `deploy`; tests hold every kind of service to a golden file. The layout is OME's RawDeployment: per
component a Deployment, a Service, a PodDisruptionBudget and where it scales a HorizontalPodAutoscaler, and one Service
of the service's own name before the router, or before the engine where there is no router.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from steps.choice import Choice
from steps.errors import InvalidInputError
from steps.serving.cluster.companions import COMPANIONS, companions_note
from steps.serving.cluster.environment import port_of, prepared, served_name, with_model, with_port
from steps.serving.cluster.metadata import (
    Object,
    ServiceMetadata,
    component_selector,
    object_metadata,
    pod_annotations,
    pod_labels,
    service_metadata,
    texts_of,
)
from steps.serving.cluster.modes import check_component_mode, check_service, service_mode
from steps.serving.cluster.names import component_name, service_name
from steps.serving.cluster.placed_model import PlacedModel
from steps.serving.cluster.pod import pod_spec, unread_fields, with_accelerator, with_model_volume
from steps.serving.cluster.router import router_rights, with_configuration
from steps.serving.cluster.scaling import (
    Scaling,
    autoscaler,
    disruption_budget,
    missing_request,
    read_scaling,
)
from steps.serving.cluster.strategy import TEMPLATE_DIGEST, deployment_strategy, rollout_warnings
from steps.serving.component import Component, ComponentName, merge_component
from steps.serving.fields import mapping_at, mappings_at, text_at

_ENTRYPOINT = "ome.io/entrypoint-component"
_EXTENSION_FIELDS = frozenset({
    "minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "labels", "annotations", "minAvailable",
    "maxUnavailable", "deploymentStrategy", "leader", "worker", "acceleratorOverride",
})  # fmt: skip
_SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer")


@dataclass(frozen=True)
class RenderedComponent:
    """One component of a rendered service.

    Attributes:
        name: Which.
        deployment: Name of its Deployment.
        port: That it answers on.
        scaling: How many pods it has.
        template_digest: Of its pods.
    """

    name: ComponentName
    deployment: str
    port: int
    scaling: Scaling
    template_digest: str


@dataclass(frozen=True)
class Rendered:
    """A service as objects.

    Attributes:
        objects: In the order they are applied.
        components: Engine first; none for a VirtualDeployment.
        url: Where callers in the cluster reach it.
        served_name: What requests carry in `model`.
        warnings: What was accepted but has no effect, in sentences.
    """

    objects: tuple[Object, ...]
    components: tuple[RenderedComponent, ...]
    url: str
    served_name: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Parts:
    component: RenderedComponent
    objects: tuple[Object, ...]
    service_ports: list[Object]
    container: Object
    warnings: tuple[str, ...]


def render(
    service: Mapping[str, Any],
    runtime: Mapping[str, Any],
    model: PlacedModel,
    choice: Choice,
    accelerator_class: Mapping[str, Any] | None = None,
    *,
    replicas: int = 1,
) -> Rendered:
    """The objects of a service.

    Args:
        service: The InferenceService as the API server has it.
        runtime: The chosen (Cluster)ServingRuntime.
        model: What is served.
        choice: Why this runtime, on which accelerator, how spread.
        accelerator_class: The chosen AcceleratorClass, or None.
        replicas: Pods of the engine where neither service nor runtime says how many.

    Raises:
        UnsupportedError: for what this version cannot do; the remedy says what it can.
        InvalidInputError: for a field of a wrong shape.
    """
    about = service_metadata(service)
    spec = mapping_at(service, "spec", "InferenceService")
    host = f"{service_name(about.name)}.{about.namespace}.svc.cluster.local"
    if service_mode(about) == "VirtualDeployment":
        return Rendered((), (), f"http://{host}:8080", model.name)
    check_service(spec, about)
    inputs = _Inputs(about, spec, service, mapping_at(runtime, "spec", "runtime"), model, choice, accelerator_class)
    names = [name for name in get_args(ComponentName) if spec.get(name) is not None]
    parts = {name: inputs.component(name, replicas if name == "engine" else 1) for name in names}
    entry = _entrypoint(about, names)
    external = _external_service(about, entry, parts[entry].service_ports)
    for name in names:
        _note_companions((*parts[name].objects, external) if name == entry else parts[name].objects)
    objects = [*(item for name in names for item in parts[name].objects), external]
    return Rendered(
        objects=tuple(objects),
        components=tuple(parts[name].component for name in names),
        url=f"http://{host}:{parts[entry].component.port}",
        served_name=served_name(parts["engine"].container, model),
        warnings=(*rollout_warnings(spec), *(warning for name in names for warning in parts[name].warnings)),
    )


@dataclass(frozen=True)
class _Inputs:
    about: ServiceMetadata
    spec: Mapping[str, Any]
    service: Mapping[str, Any]
    runtime_spec: Mapping[str, Any]
    model: PlacedModel
    choice: Choice
    accelerator_class: Mapping[str, Any] | None

    def component(self, name: ComponentName, replicas: int) -> _Parts:
        """The objects of one component."""
        merged = merge_component(self.runtime_spec, self.service, self.choice, name)
        check_component_mode(merged, name)
        is_router = name == "router"
        if not is_router:
            own = mapping_at(mapping_at(self.spec, name, "spec"), "nodeSelector", f"spec.{name}")
            merged = with_accelerator(merged, own, self.accelerator_class, self.choice)
        labels = pod_labels(self.about, name, texts_of(merged.pod, "labels", f"spec.{name}"), self.model, self.choice)
        container = prepared(merged.container, self.about, labels)
        port = port_of(container)
        container = (
            with_configuration(container, merged) if is_router else with_model(container, self.model, self.choice)
        )
        container = with_port(container, port)
        deployment, template_digest = self._deployment(name, merged, container, labels, port, replicas)
        scaling = read_scaling(merged, name, self.about, replicas)
        component = RenderedComponent(name, deployment["metadata"]["name"], port, scaling, template_digest)
        ports = _service_ports(container)
        metadata = object_metadata(component.deployment, self.about, component_selector(self.about, name))
        objects = [deployment, _service(metadata, component_selector(self.about, name), ports)]
        if scaling.decided_by == "hpa":
            objects.append(autoscaler(metadata, scaling))
        objects.append(disruption_budget(metadata, merged, component_selector(self.about, name)))
        if is_router and not _has_account(merged):
            objects = [*router_rights(metadata), *objects]
        return _Parts(component, tuple(objects), ports, container, _warnings(name, merged, container, scaling))

    def _deployment(
        self,
        name: ComponentName,
        merged: Component,
        container: Object,
        labels: dict[str, str],
        port: int,
        replicas: int,
    ) -> tuple[Object, str]:
        is_router = name == "router"
        spec = pod_spec(merged, container)
        object_name = component_name(self.about.name, name)
        if is_router and not _has_account(merged):
            spec["serviceAccountName"] = object_name
        if not is_router:
            spec = with_model_volume(spec, self.model)
            if not _has_account(merged):
                spec = {"automountServiceAccountToken": False, **spec}  # an engine has no business with the API server
        own = texts_of(merged.pod, "annotations", f"spec.{name}")
        annotations = pod_annotations(self.about, own, None if is_router else self.model, port)
        template: Object = {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}
        digest = _digest(template)
        template["metadata"]["annotations"] = {**annotations, TEMPLATE_DIGEST: digest}
        scaling = read_scaling(merged, name, self.about, replicas)
        deployment: Object = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": object_metadata(object_name, self.about, labels),
            "spec": {
                "replicas": scaling.minimum,
                "selector": {"matchLabels": component_selector(self.about, name)},
                "strategy": deployment_strategy(merged, self.spec, name),
                "template": template,
            },
        }
        if scaling.decided_by != "nobody":
            del deployment["spec"]["replicas"]
        return deployment, digest


def _entrypoint(service: ServiceMetadata, names: list[ComponentName]) -> ComponentName:
    default: ComponentName = "router" if "router" in names else "engine"
    asked = service.annotations.get(_ENTRYPOINT, default)
    for name in names:
        if name == asked:
            return name
    raise InvalidInputError(
        f'metadata.annotations {_ENTRYPOINT}: "{asked}" is no component of this service',
        remedy=f"It has: {', '.join(names)}.",
    )


def _external_service(service: ServiceMetadata, entry: ComponentName, ports: list[Object]) -> Object:
    kind = service.annotations.get("ome.io/service-type", "ClusterIP")
    if kind not in _SERVICE_TYPES:
        raise InvalidInputError(
            f'metadata.annotations ome.io/service-type: "{kind}" is unknown',
            remedy=f"Accepted: {', '.join(_SERVICE_TYPES)}.",
        )
    metadata = object_metadata(service_name(service.name), service, service.selector)
    made = _service(metadata, component_selector(service, entry), ports)
    if kind != "ClusterIP":
        made["spec"]["type"] = kind
    if address := service.annotations.get("ome.io/load-balancer-ip"):
        made["spec"]["loadBalancerIP"] = address
    return made


def _note_companions(objects: Sequence[Object]) -> None:
    deployment = next(body for body in objects if body["kind"] == "Deployment")
    deployment["metadata"]["annotations"] = {COMPANIONS: companions_note(objects)}


def _service(metadata: Object, selector: dict[str, str], ports: list[Object]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"type": "ClusterIP", "selector": selector, "ports": ports},
    }


def _service_ports(container: Object) -> list[Object]:
    """All ports that the container declares, under their own numbers."""
    ports = []
    for index, port in enumerate(mappings_at(container, "ports", "container")):
        number = port.get("containerPort")
        name = text_at(port, "name", f"container.ports[{index}]") or ("http" if index == 0 else f"port-{number}")
        protocol = text_at(port, "protocol", f"container.ports[{index}]") or "TCP"
        ports.append({"name": name, "port": number, "protocol": protocol, "targetPort": number})
    return ports


def _has_account(component: Component) -> bool:
    return bool(component.pod.get("serviceAccountName") or component.pod.get("serviceAccount"))


def _warnings(name: ComponentName, merged: Component, container: Object, scaling: Scaling) -> tuple[str, ...]:
    known = _EXTENSION_FIELDS | ({"config"} if name == "router" else set())
    said = [*merged.warnings]
    said += [f"spec.{name}.{field}: has no effect on a Deployment" for field in unread_fields(merged, known)]
    if missing_request(container, scaling):
        said.append(
            f"spec.{name}: scales by {scaling.metric}, but its container requests none, so that it will not scale"
        )
    return tuple(said)


def _digest(template: Object) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:12]

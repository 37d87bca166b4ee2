"""The pod of a component: its containers, the model's volume, where it may run, and what it may not do.

Pure. Called by `render`. What runtime and service give always wins over what is added here.
"""

from collections.abc import Mapping
from typing import Any

from crds.pod import PodFields
from crds.problems import FieldError
from crds.quantity import parse_quantity
from steps.choice import Choice
from steps.errors import InvalidInputError
from steps.serving.cluster.metadata import Object
from steps.serving.cluster.names import dns_label
from steps.serving.cluster.placed_model import PlacedModel
from steps.serving.component import Component
from steps.serving.fields import list_at, mapping_at, mappings_at, text_at
from steps.serving.strategic_merge import merge

_POD_FIELDS = frozenset(PodFields.json_names())


def pod_spec(component: Component, main: Object) -> Object:
    """The pod's spec with `main` as its main container, and defaults that no engine minds.

    No privilege is gained, system calls are the runtime's default set, and no variables of other Services come in
    (a Service named `vllm` would set VLLM_PORT, which vLLM reads).
    """
    given = {key: value for key, value in component.pod.items() if key in _POD_FIELDS}
    spec = {"enableServiceLinks": False, **given}
    spec["securityContext"] = {
        "seccompProfile": {"type": "RuntimeDefault"},
        **mapping_at(given, "securityContext", "pod"),
    }
    spec["containers"] = [_confined(container) for container in (main, *component.others)]
    initial = mappings_at(given, "initContainers", "pod")
    if initial:
        spec["initContainers"] = [_confined(container) for container in initial]
    return spec


def unread_fields(component: Component, known: frozenset[str]) -> tuple[str, ...]:
    """Fields of a component that nothing reads."""
    return tuple(sorted(key for key in component.pod if key not in _POD_FIELDS | known))


def with_model_volume(spec: Object, model: PlacedModel) -> Object:
    """The pod with the model mounted read-only in its main container, and placed where the model is."""
    if not model.path:
        return spec
    main, *others = spec["containers"]
    if any(mount.get("mountPath") == model.path for mount in mappings_at(main, "volumeMounts", "container")):
        return spec  # its author brings the model in another way
    volumes = mappings_at(spec, "volumes", "pod")
    name = _free_name(model.volume_name, {text_at(volume, "name", "pod.volumes") for volume in volumes})
    mount: Object = {"name": name, "mountPath": model.path, "readOnly": True}
    if model.claim:
        source: Object = {"persistentVolumeClaim": {"claimName": model.claim}}
        mount["subPath"] = model.sub_path
    else:  # a folder that is missing would be made, empty, by whoever mounts it without a type
        source = {"hostPath": {"path": model.path, "type": "Directory"}}
    main = {**main, "volumeMounts": [*list_at(main, "volumeMounts", "container"), mount]}
    return {
        **spec,
        "volumes": [*volumes, {"name": name, **source}],
        "containers": [main, *others],
        "nodeSelector": {**model.node_selector, **mapping_at(spec, "nodeSelector", "pod")},
    }


def with_accelerator(
    component: Component,
    service_selector: Mapping[str, Any],
    accelerator_class: Mapping[str, Any] | None,
    choice: Choice,
) -> Component:
    """The component with what its accelerator needs: node labels, affinity, and as many devices as it spreads over.

    Args:
        component: Runtime and service merged.
        service_selector: The service's own nodeSelector, which wins over the class's.
        accelerator_class: The chosen AcceleratorClass, or None.
        choice: How many devices.

    Raises:
        InvalidInputError: for a field of a wrong shape.
    """
    if accelerator_class is None:
        return component
    spec = mapping_at(accelerator_class, "spec", "AcceleratorClass")
    discovery = mapping_at(spec, "discovery", "AcceleratorClass.spec")
    pod = dict(component.pod)
    selector = {
        **mapping_at(pod, "nodeSelector", "component"),
        **mapping_at(discovery, "nodeSelector", "AcceleratorClass.spec.discovery"),
        **service_selector,
    }
    if selector:
        pod["nodeSelector"] = selector
    affinity = mapping_at(discovery, "affinity", "AcceleratorClass.spec.discovery")
    if affinity and not pod.get("affinity"):
        pod["affinity"] = affinity
    container = merge(component.container, {"resources": _devices(component, spec, choice)})
    if not container["resources"]:
        del container["resources"]
    return Component(container, component.others, pod, component.warnings)


def _devices(component: Component, class_spec: Mapping[str, Any], choice: Choice) -> Object:
    """Requests and limits for the devices of the class, where the container has none of their own."""
    sizes = choice.parallelism
    count = sizes.tensor * sizes.pipeline * sizes.data
    given = mapping_at(component.container, "resources", "container")
    asked = mapping_at(given, "requests", "resources") | mapping_at(given, "limits", "resources")
    devices: dict[str, str] = {}
    for index, resource in enumerate(mappings_at(class_spec, "resources", "AcceleratorClass.spec")):
        where = f"AcceleratorClass.spec.resources[{index}]"
        name = text_at(resource, "name", where)
        if name in asked or name in ("cpu", "memory"):  # a node's own are for the runtime to ask for
            continue
        try:
            quantity = parse_quantity(resource.get("quantity") or 1) * count
        except FieldError as error:
            raise InvalidInputError(f"{where}.quantity: {error}") from None
        if quantity.denominator != 1:
            raise InvalidInputError(
                f'{where}.quantity: "{resource.get("quantity")}" is no whole number of devices',
                remedy="Give a whole number: a device that is shared has a resource name of its own.",
            )
        devices[name] = str(quantity)
    return {"requests": devices, "limits": devices} if devices else {}


def _confined(container: Object) -> Object:
    """The container kept from gaining privileges, unless it is given some."""
    context = mapping_at(container, "securityContext", "container")
    added = mapping_at(context, "capabilities", "securityContext").get("add") or []
    if context.get("privileged") is True or any(str(name).upper() in ("SYS_ADMIN", "CAP_SYS_ADMIN") for name in added):
        return container
    return {**container, "securityContext": {"allowPrivilegeEscalation": False, **context}}


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name = dns_label(f"{name}-model")
    return name

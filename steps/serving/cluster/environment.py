"""The main container of a component as a cluster runs it: our variables, placeholders filled, a port, a probe.

Pure. Called by `render`. Variables are added only where they are absent; `$(VAR)` is left to Kubernetes, which knows
Secrets and the downward API.
"""

import re
from collections.abc import Mapping
from posixpath import join
from typing import Any

from crds.problems import FieldError
from crds.quantity import parse_quantity
from steps.choice import Choice
from steps.errors import InvalidInputError
from steps.serving.cluster.metadata import ServiceMetadata
from steps.serving.cluster.placed_model import PlacedModel
from steps.serving.container import DEFAULT_PORT, fixed_port
from steps.serving.expansion import fill_object_fields, variables_in
from steps.serving.fields import integer_at, mapping_at, mappings_at, scalar_text, text_at, texts_at
from steps.serving.launch import Variable
from steps.serving.model_arguments import with_model_arguments

Container = dict[str, Any]
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - a pod's own network: the Service reaches it by the pod's address
_GPU = re.compile(r"(nvidia|amd)\.com/(gpu|mig-.+)|gpu\.intel\.com/.+|habana\.ai/gaudi")


def prepared(container: Mapping[str, Any], service: ServiceMetadata, labels: Mapping[str, str]) -> Container:
    """The container with `{{.Name}}` and the like filled, and every value of its environment as text.

    Raises:
        InvalidInputError: for a field of a wrong shape, or no image.
    """
    filled: Container = _filled(dict(container), service, labels)
    if not text_at(filled, "image", "container"):
        raise InvalidInputError(
            "container.image: is empty", remedy="Give the runtime, or the service's runner, an image."
        )
    for key in ("command", "args"):
        if key in filled:
            filled[key] = list(texts_at(filled, key, "container"))
    if "env" in filled:
        filled["env"] = [_as_text(entry, index) for index, entry in enumerate(mappings_at(filled, "env", "container"))]
    return filled


def port_of(container: Container) -> int:
    """The port it answers on: the first it declares, else the one its command or PORT insists on, else 8080."""
    ports = mappings_at(container, "ports", "container")
    if ports:
        return integer_at(ports[0], "containerPort", "container.ports[0]", DEFAULT_PORT)
    given = tuple(
        Variable(name=entry["name"], value=entry["value"]) for entry in container.get("env", []) if "value" in entry
    )
    return fixed_port(container, _words(container), given) or DEFAULT_PORT


def with_port(container: Container, port: int) -> Container:
    """The container with its port declared, HOST and PORT where it speaks of them, and a probe of that port.

    As OME, the probe only connects; an engine that opens its port before it can answer needs a probe of its own.
    """
    spoken_of = _spoken_of(container)
    address = {"HOST": ALL_ADDRESSES, "PORT": str(port)}
    added = with_variables(container, {name: value for name, value in address.items() if name in spoken_of})
    if not mappings_at(added, "ports", "container"):
        added = {**added, "ports": [{"containerPort": port, "name": "http", "protocol": "TCP"}]}
    if "readinessProbe" not in added:
        probe = {"tcpSocket": {"port": port}, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3}
        added = {**added, "readinessProbe": probe}
    return {"terminationMessagePolicy": "FallbackToLogsOnError", **added}  # so that a crash says its last lines


def with_model(container: Container, model: PlacedModel, choice: Choice) -> Container:
    """The container told which model it serves and over how many devices it is spread.

    Raises:
        InvalidInputError: when its command needs the weight file and none is known.
    """
    container = with_model_arguments(container, model.hints)
    spoken_of = _spoken_of(container)
    names = _names(container)
    added = {
        "MODEL_PATH": model.path,
        "SERVED_MODEL_NAME": model.name,
        "PARALLELISM_SIZE": str(_devices(container, choice)),
    }
    if not model.path:
        del added["MODEL_PATH"]
    if model.weight_file:
        added["MODEL_FILE"] = join(model.path, model.weight_file)
    elif "MODEL_FILE" in spoken_of - names:
        raise InvalidInputError(
            f"runtime {choice.runtime}: its command refers to $(MODEL_FILE), but no weight file of model {model.name}"
            " is known",
            remedy="Import the model again so that it is parsed.",
        )
    told = with_variables(container, added)
    if "CPU_LIMIT" in spoken_of - names:
        limit = {"resourceFieldRef": {"containerName": container["name"], "resource": "limits.cpu", "divisor": "1"}}
        told = {**told, "env": [{"name": "CPU_LIMIT", "valueFrom": limit}, *told["env"]]}
    return told


def with_variables(container: Container, added: Mapping[str, str]) -> Container:
    """The container with variables where they are absent: first, so that its own may refer to them."""
    names = _names(container)
    ours = [{"name": name, "value": value} for name, value in added.items() if name not in names]
    return {**container, "env": [*ours, *container.get("env", [])]} if ours else container


def served_name(container: Container, model: PlacedModel) -> str:
    """The name that requests carry: SERVED_MODEL_NAME where it is a plain value, else the model's."""
    values = [entry.get("value") for entry in container.get("env", []) if entry["name"] == "SERVED_MODEL_NAME"]
    return str(values[-1]) if values and values[-1] and "$(" not in values[-1] else model.name


def _devices(container: Container, choice: Choice) -> int:
    """Over how many devices the model is spread: as chosen, or without an accelerator the GPUs that it limits."""
    sizes = choice.parallelism
    chosen = sizes.tensor * sizes.pipeline * sizes.data
    limits = mapping_at(mapping_at(container, "resources", "container"), "limits", "container.resources")
    try:
        gpus = sum(int(parse_quantity(limits[name])) for name in limits if _GPU.fullmatch(name))
    except FieldError as error:
        raise InvalidInputError(f"container.resources.limits: {error}") from None
    return gpus if gpus and not choice.accelerator else chosen


def _words(container: Container) -> tuple[str, ...]:
    return (*texts_at(container, "command", "container"), *texts_at(container, "args", "container"))


def _names(container: Container) -> set[str]:
    return {entry["name"] for entry in container.get("env", [])}


def _spoken_of(container: Container) -> set[str]:
    """Variables that the container's words and values mention, as Kubernetes' `$(VAR)` or as a shell's `$VAR`."""
    texts = [*_words(container), *(entry.get("value", "") for entry in container.get("env", []))]
    by_kubernetes = {name for text in texts for name in variables_in(text)}
    return by_kubernetes | {name for text in texts for name in re.findall(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)", text)}


def _as_text(entry: dict[str, Any], index: int) -> dict[str, Any]:
    where = f"container.env[{index}]"
    if not text_at(entry, "name", where):
        raise InvalidInputError(f"{where}.name: is missing")
    return {**entry, "value": scalar_text(entry["value"], f"{where}.value")} if "value" in entry else entry


def _filled(value: Any, service: ServiceMetadata, labels: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return fill_object_fields(
            value,
            name=service.name,
            namespace=service.namespace,
            labels={**labels, **service.labels},
            annotations=service.annotations,
        )
    if isinstance(value, dict):
        return {key: _filled(item, service, labels) for key, item in value.items()}
    return [_filled(item, service, labels) for item in value] if isinstance(value, list) else value

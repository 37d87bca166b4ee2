"""A container as a command of this machine: its environment resolved to plain values, its placeholders filled.

Pure: what it must know of the machine comes in as `Machine`. Called by `plan`.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from crds.problems import FieldError
from crds.quantity import parse_quantity
from steps.errors import InvalidInputError, UnsupportedError
from steps.frozen import Frozen
from steps.serving.expansion import fill_object_fields, variables_in
from steps.serving.fields import integer_at, mapping_at, mappings_at, scalar_text, text_at, texts_at
from steps.serving.launch import Variable

DEFAULT_PORT = 8080
LOOPBACK = "127.0.0.1"


class Machine(Frozen):
    """What this machine has to give."""

    cpus: int
    memory_bytes: int
    node_name: str = ""


class ServiceIdentity(Frozen):
    """The pod's metadata as the downward API would give it."""

    name: str
    namespace: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


def filled_words(container: Mapping[str, Any], key: str, service: ServiceIdentity) -> tuple[str, ...]:
    """`command` or `args` with the service's own fields filled in."""
    return tuple(_filled(word, service) for word in texts_at(container, key, "container"))


def render_environment(
    container: Mapping[str, Any], added: Mapping[str, str], service: ServiceIdentity, machine: Machine
) -> tuple[Variable, ...]:
    """The container's environment as plain values, in order; what we add comes first and only where it is absent.

    Raises:
        UnsupportedError: for values that only a cluster can give: Secrets, ConfigMaps, envFrom.
        InvalidInputError: for a field of a wrong shape or an unknown fieldRef.
    """
    if container.get("envFrom"):
        raise UnsupportedError(
            "container.envFrom: ConfigMaps and Secrets do not exist on one machine",
            remedy="Give the variables in env, with their values.",
        )
    given = []
    for index, entry in enumerate(mappings_at(container, "env", "container")):
        where = f"container.env[{index}]"
        name = text_at(entry, "name", where)
        if not name:
            raise InvalidInputError(f"{where}.name: is missing")
        value = _value_of(entry, f"container.env {name}", container, service, machine)
        if value is not None:
            given.append(Variable(name=name, value=_filled(value, service)))
    names = {variable.name for variable in given}
    ours = [Variable(name=name, value=value) for name, value in added.items() if name not in names]
    return (*ours, *given)


def fixed_port(container: Mapping[str, Any], words: tuple[str, ...], environment: tuple[Variable, ...]) -> int:
    """The port that the container insists on, or 0 when it takes the one in `PORT`.

    It takes ours when it refers to `$(PORT)`, or when nothing in it names a port.

    Raises:
        InvalidInputError: when PORT is set to something that is not a port.
    """
    for variable in environment:
        if variable.name == "PORT":
            if not variable.value.isdigit() or not 0 < int(variable.value) < 65536:
                raise InvalidInputError(
                    f'container.env PORT: "{variable.value}" is not a port', remedy="Give 1-65535."
                )
            return int(variable.value)
    if any("PORT" in variables_in(text) for text in (*words, *(v.value for v in environment))):
        return 0
    for index, word in enumerate(words):
        name, _, value = word.partition("=")
        value = value or (words[index + 1] if index + 1 < len(words) else "")
        if name == "--port" and value.isdigit():
            return int(value)
    ports = mappings_at(container, "ports", "container")
    return integer_at(ports[0], "containerPort", "container.ports[0]", DEFAULT_PORT) if ports else 0


def local_cpus(container: Mapping[str, Any], machine: Machine) -> int:
    """`limits.cpu` in whole cores, never more than this machine has; all of them when there is no limit."""
    return _resource(container, {"resource": "limits.cpu"}, machine, "container.resources")


def _filled(text: str, service: ServiceIdentity) -> str:
    return fill_object_fields(
        text,
        name=service.name,
        namespace=service.namespace,
        labels=service.labels,
        annotations=service.annotations,
    )


def _value_of(
    entry: Mapping[str, Any], where: str, container: Mapping[str, Any], service: ServiceIdentity, machine: Machine
) -> str | None:
    source = mapping_at(entry, "valueFrom", where)
    if not source:
        return scalar_text(entry.get("value"), f"{where}.value")
    for kind in ("secretKeyRef", "configMapKeyRef", "fileKeyRef"):
        reference = mapping_at(source, kind, f"{where}.valueFrom")
        if reference and reference.get("optional") is True:
            return None
        if reference:
            raise UnsupportedError(
                f"{where}.valueFrom.{kind}: Secrets and ConfigMaps do not exist on one machine",
                remedy="Give the variable a value, or mark the reference as optional.",
            )
    resource = mapping_at(source, "resourceFieldRef", f"{where}.valueFrom")
    if resource:
        return str(_resource(container, resource, machine, f"{where}.valueFrom.resourceFieldRef"))
    reference = mapping_at(source, "fieldRef", f"{where}.valueFrom")
    return _field(text_at(reference, "fieldPath", where), service, machine, f"{where}.valueFrom.fieldRef.fieldPath")


def _field(path: str, service: ServiceIdentity, machine: Machine, where: str) -> str:
    plain = {
        "metadata.name": f"{service.name}-engine",
        "metadata.namespace": service.namespace,
        "spec.nodeName": machine.node_name,
        "spec.serviceAccountName": "default",
        "status.podIP": LOOPBACK,
        "status.podIPs": LOOPBACK,
        "status.hostIP": LOOPBACK,
    }
    if path in plain:
        return plain[path]
    maps = (("metadata.labels", service.labels), ("metadata.annotations", service.annotations))
    for prefix, values in maps:
        if path.startswith(f"{prefix}['") and path.endswith("']"):
            return values.get(path[len(prefix) + 2 : -2], "")
    raise InvalidInputError(
        f'{where}: "{path}" is unknown',
        remedy=f"Accepted: {', '.join(plain)}, metadata.labels['key'], metadata.annotations['key'].",
    )


def _resource(container: Mapping[str, Any], reference: Mapping[str, Any], machine: Machine, where: str) -> int:
    """A container's own limit or request, as Kubernetes divides and rounds it, bounded by what this machine has."""
    name = text_at(reference, "resource", where)
    kind, _, resource = name.partition(".")
    has = {"cpu": machine.cpus, "memory": machine.memory_bytes}.get(resource)
    if kind not in ("limits", "requests") or has is None:
        accepted = "limits.cpu, limits.memory, requests.cpu, requests.memory"
        raise InvalidInputError(f'{where}.resource: "{name}" is unknown', remedy=f"Accepted: {accepted}.")
    resources = mapping_at(container, "resources", "container")
    asked = mapping_at(resources, kind, "container.resources").get(resource)
    try:
        amount = Fraction(has) if asked is None else min(parse_quantity(asked), Fraction(has))
        divisor = parse_quantity(reference.get("divisor") or 1) or Fraction(1)
    except FieldError as error:
        raise InvalidInputError(f"{where}: {error}") from None
    return math.ceil(amount / divisor)

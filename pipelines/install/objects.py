"""The frame of every object of an installation: labels that say whose it is, and the fields of a safe container."""

from typing import Any

from crds.labels import PART_OF, PRODUCT
from crds.metadata import GROUP
from pipelines.install.options import NAMESPACE

Object = dict[str, Any]

OURS = f"{PART_OF}={PRODUCT}"
"""Selects objects that came with an installation, or from one of its templates."""
COMPONENT = "app.kubernetes.io/component"
VERSION = "app.kubernetes.io/version"
NAME = "app.kubernetes.io/name"
USER = 65532  # the number that images call "nonroot"

POD_SECURITY: Object = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: Object = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def new_object(
    api_version: str, kind: str, name: str, component: str, *, namespace: str = NAMESPACE, **body: Any
) -> Object:
    """An object of ours.

    Args:
        api_version: Of its kind.
        kind: Its kind.
        name: Its name.
        component: Which part of the installation it belongs to.
        namespace: "" for a cluster-scoped kind.
        body: The rest: spec, data, rules.
    """
    metadata: Object = {"name": name, **({"namespace": namespace} if namespace else {})}
    metadata["labels"] = {PART_OF: PRODUCT, COMPONENT: component}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def is_ours(each: Object) -> bool:
    """Whether an object came with an installation, or from one of its templates."""
    return bool((each["metadata"].get("labels") or {}).get(PART_OF) == PRODUCT)


def is_of_resource(each: Object) -> bool:
    """Whether an object belongs to a resource of a person, as a service's Deployment does, and goes with it."""
    owners = each["metadata"].get("ownerReferences") or ()
    return any(owner["apiVersion"].startswith(f"{GROUP}/") for owner in owners)


def name_of(body: Object) -> str:
    """An object's name, with its namespace where it has one."""
    metadata = body["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def title_of(body: Object) -> str:
    """What an object is, and its name: `Role ome/ome-import`."""
    return f"{body['kind']} {name_of(body)}"


def condition(found: Object, type_: str) -> str:
    """The status of one of an object's conditions; "" when it has none."""
    conditions = (found.get("status") or {}).get("conditions") or []
    return next((str(each["status"]) for each in conditions if each["type"] == type_), "")

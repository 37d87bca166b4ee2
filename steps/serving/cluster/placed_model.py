"""A model as a pod finds it: the folder of the nodes that have it, or a claim, and which nodes they are.

Pure. Called by `render`, and by `deploy` to say what a pod waits for.
"""

from collections.abc import Mapping
from posixpath import normpath
from typing import Any

from crds.labels import READY, ModelKind, node_label
from crds.problems import FieldError
from crds.storage_uri import PvcUri, VendorUri, parse_storage_uri
from steps.errors import InvalidInputError
from steps.frozen import Frozen
from steps.serving.cluster.names import as_label_value, dns_label
from steps.serving.fields import mapping_at, text_at
from steps.serving.model_arguments import NO_HINTS, ModelHints

_CATEGORY = "models.ome.io/category"


class PlacedModel(Frozen):
    """A model, and where a pod of one namespace gets it from.

    Attributes:
        path: Absolute: where the pod sees it, and on nodes also where it is; "" for a vendor's model, which has none.
        weight_file: The first of its weight files, relative to the folder, or "".
        digest: Of the manifest it was imported by, or "".
        claim: The PersistentVolumeClaim that holds it, or "" when nodes do.
        sub_path: Its folder in the claim.
        category: OME's word for its size.
        vendor: As a label's value.
        hints: What its facts say for an engine's arguments.
    """

    kind: ModelKind
    namespace: str
    name: str
    path: str
    weight_file: str = ""
    digest: str = ""
    claim: str = ""
    sub_path: str = ""
    category: str = "SMALL"
    vendor: str = ""
    hints: ModelHints = NO_HINTS

    @property
    def node_selector(self) -> dict[str, str]:
        """Labels of the nodes that have it; {} when it is not on nodes."""
        return {node_label(self.kind, self.namespace, self.name): READY} if self.path and not self.claim else {}

    @property
    def volume_name(self) -> str:
        """Its name as a pod's volume."""
        return dns_label(self.name)


def place_model(
    model: Mapping[str, Any],
    service_namespace: str,
    *,
    folder: str,
    weight_file: str = "",
    hints: ModelHints = NO_HINTS,
) -> PlacedModel:
    """Where a service of `service_namespace` finds a model.

    Args:
        model: The BaseModel or ClusterBaseModel.
        service_namespace: A claim is of one namespace, and pods mount only their own.
        folder: Where nodes have it, and where the pod sees it.
        weight_file: As parse found it.
        hints: What its facts say for an engine's arguments.

    Raises:
        InvalidInputError: when it is disabled, or in a claim that the service cannot mount.
    """
    metadata, spec = mapping_at(model, "metadata", "model"), mapping_at(model, "spec", "model")
    kind: ModelKind = "BaseModel" if model.get("kind") == "BaseModel" else "ClusterBaseModel"
    name, namespace = text_at(metadata, "name", "metadata"), text_at(metadata, "namespace", "metadata")
    if spec.get("disabled") is True:
        raise InvalidInputError(f"model {name}: spec.disabled is true", remedy="Enable it, or choose another model.")
    storage = mapping_at(spec, "storage", "spec")
    path = folder
    claim = sub_path = ""
    match _uri(name, text_at(storage, "storageUri", "spec.storage")):
        case PvcUri() as uri:
            claim, sub_path = _claim(uri, name, namespace, service_namespace), normpath(uri.path)
        case VendorUri():
            path = text_at(storage, "path", "spec.storage")
    artifact = mapping_at(mapping_at(model, "status", "model"), "artifact", "status")
    category = text_at(mapping_at(metadata, "annotations", "metadata"), _CATEGORY, "metadata.annotations")
    return PlacedModel(
        kind=kind,
        namespace=namespace,
        name=name,
        path=path and normpath(path),
        weight_file=weight_file,
        digest=text_at(artifact, "digest", "status.artifact").removeprefix("sha256:"),
        claim=claim,
        sub_path=sub_path,
        category=as_label_value(category) or "SMALL",
        vendor=as_label_value(text_at(spec, "vendor", "spec")),
        hints=hints,
    )


def _uri(name: str, uri: str) -> object:
    try:
        return parse_storage_uri(uri) if uri else None
    except FieldError as error:
        raise InvalidInputError(f"model {name}: spec.storage.storageUri: {error}") from None


def _claim(uri: PvcUri, name: str, model_namespace: str, service_namespace: str) -> str:
    namespace = uri.namespace or model_namespace or service_namespace
    if namespace != service_namespace:
        raise InvalidInputError(
            f"model {name} is in claim {uri.claim} of namespace {namespace}, "
            f"and pods of namespace {service_namespace} cannot mount it",
            remedy=f"Deploy the service in namespace {namespace}, or import the model to nodes instead.",
        )
    return uri.claim

"""Names that OME and we write on nodes, ConfigMaps, pods and workflows, so that OME's documented look-ups answer.

Steps put them on what they render, the controller on nodes and ConfigMaps. Rules of length and hashing are OME's
(docs/decisions and its model agent): a label's name part has at most 49 characters there.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, Literal

ModelKind = Literal["ClusterBaseModel", "BaseModel"]

PART_OF: Final = "app.kubernetes.io/part-of"
PRODUCT: Final = "ome-pipelines"
FIELD_MANAGER: Final = "ome-pipelines"

PIPELINE: Final = "ome.io/pipeline"
"""On every workflow made from our templates: the template's name."""
STEP: Final = "ome.io/step"
"""On the pod of each step: its name."""
KIND: Final = "ome.io/kind"
NAMESPACE: Final = "ome.io/namespace"
NAME: Final = "ome.io/name"
"""On what the controller submits or keeps for a resource in another namespace (shortened by `label_value`)."""
INPUTS: Final = "ome.io/inputs"
"""Annotation on a workflow that the controller submitted: digest of the desired inputs it was submitted for."""
MANIFEST: Final = "ome.io/manifest"
"""On ConfigMaps that hold a manifest or its facts: the first 12 digits of its digest."""

NODE_STATUS: Final = "models.ome/basemodel-status"
"""On the ConfigMap of each node that says which models it holds: "true"."""
RESERVED: Final = "models.ome/reserve-model-artifact"
"""OME's label on a model whose files stay when it is deleted: "true"."""
INFERENCE_SERVICE: Final = "ome.io/inferenceservice"
COMPONENT: Final = "component"
RUNTIME: Final = "serving-runtime"
BASE_MODEL: Final = "base-model-name"

FINALIZERS: Final[Mapping[str, str]] = {
    "ClusterBaseModel": "clusterbasemodels.ome.io/finalizer",
    "BaseModel": "basemodels.ome.io/finalizer",
    "InferenceService": "inferenceservice.finalizers",
    "BenchmarkJob": "benchmarkjobs.ome.io/finalizer",
}
"""By which the controller holds up the deletion of a kind, as OME names them: what it writes and what is taken off."""

READY, UPDATING, FAILED = "Ready", "Updating", "Failed"
"""Values of a model's label on a node, as OME's agent writes them."""

MODEL_PREFIXES: Final = ("models.ome.io/", "models.ome/")
"""Of the labels on nodes that are of one model each."""

_LONGEST_PART = 49
_LONGEST_VALUE = 63


def node_label(kind: ModelKind, namespace: str, name: str) -> str:
    """The label on a node whose value says whether the node holds a model: OME's key."""
    return f"{MODEL_PREFIXES[0]}{_part(kind, namespace, name, _LONGEST_PART)}"


def node_label_by_uid(uid: str) -> str:
    """The same as OME's documentation has it: `models.ome/<model uid>=Ready`."""
    return f"{MODEL_PREFIXES[1]}{uid}"


def config_map_key(kind: ModelKind, namespace: str, name: str) -> str:
    """The key of a model in a node's ConfigMap."""
    return _part(kind, namespace, name, 253)


def label_value(text: str) -> str:
    """`text` as a label's value: itself, or its end behind a digest when it is longer than 63 characters."""
    if len(text) <= _LONGEST_VALUE:
        return text
    return _shortened(text, _LONGEST_VALUE)


def _part(kind: ModelKind, namespace: str, name: str, longest: int) -> str:
    if kind == "ClusterBaseModel":
        room = longest - len("clusterbasemodel.")
        return f"clusterbasemodel.{name if len(name) <= room else _shortened(name, room)}"
    room = longest - len(".basemodel.")
    if len(namespace) + len(name) > room:
        namespace = namespace if len(namespace) <= 8 else hashlib.sha256(namespace.encode()).hexdigest()[:8]
        room -= len(namespace)
        name = name if len(name) <= room else _shortened(name, room)
    return f"{namespace}.basemodel.{name}"


def _shortened(text: str, longest: int) -> str:
    """The first 8 digits of its digest, a dash, and its end."""
    return f"{hashlib.sha256(text.encode()).hexdigest()[:8]}-{text[-(longest - 9) :]}"

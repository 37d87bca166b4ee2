"""Small valid objects that tests change in one place."""

from pathlib import Path
from typing import Any

MANIFESTS = Path(__file__).parent / "manifests"

Document = dict[str, Any]


def document(kind: str, spec: Document, **metadata: Any) -> Document:
    return {"apiVersion": "ome.io/v1beta1", "kind": kind, "metadata": {"name": "a", **metadata}, "spec": spec}


def model(**storage: Any) -> Document:
    return document("ClusterBaseModel", {"storage": {"storageUri": "hf://org/name", **storage}})


def runtime(**spec: Any) -> Document:
    return document("ClusterServingRuntime", spec)


def service(**spec: Any) -> Document:
    return document("InferenceService", {"model": {"name": "m"}, **spec})


def accelerator(**capabilities: Any) -> Document:
    return document("AcceleratorClass", {"discovery": {}, "capabilities": capabilities})


def benchmark(**spec: Any) -> Document:
    return document(
        "BenchmarkJob",
        {
            "endpoint": {"inferenceService": {"name": "s", "namespace": "n"}},
            "task": "text-to-text",
            "maxTimePerIteration": 1,
            "maxRequestsPerIteration": 1,
            "outputLocation": {"storageUri": "local:///results"},
            **spec,
        },
    )

"""Resources of ours as the tests on a cluster apply them: small, and quick to measure."""

from pathlib import Path
from typing import Any

import yaml

import examples
from tests.cluster.kubectl import Object

URI = "hf://HuggingFaceTB/SmolLM2-135M-Instruct-GGUF"
MARK = {"ome.io/test": "true"}
"""Labels of what tests make: a cluster that a user has may hold other things."""
POOL = "ome-test-pool"
"""A label of the nodes that models of the tests are for."""
_EXAMPLES = Path(next(iter(examples.__path__)))


def model(name: str, uri: str = URI, *, namespace: str = "", **storage: Any) -> Object:
    """A ClusterBaseModel for the nodes of the pool, or a BaseModel where a namespace is given."""
    scope = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "BaseModel" if namespace else "ClusterBaseModel",
        "metadata": {"name": name, "labels": MARK, **scope},
        "spec": {"storage": {"storageUri": uri, "nodeSelector": {POOL: "yes"}, **storage}},
    }


def service(name: str, model_name: str, namespace: str, *, kind: str = "ClusterBaseModel", **engine: Any) -> Object:
    """An InferenceService of one replica."""
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": namespace, "labels": MARK},
        "spec": {"model": {"name": model_name, "kind": kind}, "engine": {"minReplicas": 1, **engine}},
    }


def benchmark(name: str, service_name: str, namespace: str, **spec: Any) -> Object:
    """A BenchmarkJob of one cell with few requests."""
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "BenchmarkJob",
        "metadata": {"name": name, "namespace": namespace, "labels": MARK},
        "spec": {
            "endpoint": {"inferenceService": {"name": service_name, "namespace": namespace}},
            "task": "text-to-text",
            "trafficScenarios": ["D(16,4)"],
            "numConcurrency": [1],
            "maxTimePerIteration": 1,
            "maxRequestsPerIteration": 10,
            "outputLocation": {"storageUri": "pvc://reports/tests"},
            **spec,
        },
    }


def importing(values: dict[str, str], **metadata: Any) -> Object:
    """A run of import-model with these parameters."""
    parameters = [{"name": key, "value": value} for key, value in values.items()]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"namespace": "ome", **metadata},
        "spec": {"workflowTemplateRef": {"name": "import-model"}, "arguments": {"parameters": parameters}},
    }


def runtime(name: str = "llama-cpp-python", image: str = "localhost/ome-llama-cpp:test", **changes: Any) -> Object:
    """The example's ClusterServingRuntime of llama.cpp, with an image that the nodes have."""
    found: Object = yaml.safe_load((_EXAMPLES / "runtimes" / "llama-cpp-python.yaml").read_text())
    found["metadata"]["name"] = name
    if name != "llama-cpp-python":  # which stays for all tests
        found["metadata"]["labels"] = MARK
    small = {"requests": {"cpu": "500m"}}  # beside a benchmark's pod on a node of two cores
    found["spec"]["engineConfig"]["runner"] |= {"image": image, "resources": small, **changes}
    return found


def cpu_class() -> Object:
    """The example's AcceleratorClass of nodes without an accelerator."""
    found: Object = yaml.safe_load((_EXAMPLES / "accelerators" / "cpu.yaml").read_text())
    return found


def condition(resource: Object, kind: str = "Ready") -> Object:
    """A condition of a resource's status; {} while there is none."""
    found = (resource.get("status") or {}).get("conditions") or []
    return next((each for each in found if each["type"] == kind), {})

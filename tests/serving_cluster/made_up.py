"""Services, runtimes and models for the tests of this folder, small enough to read in a golden file."""

from pathlib import Path
from typing import Any

import yaml

from steps.choice import Choice
from steps.serving.cluster.metadata import Object
from steps.serving.cluster.placed_model import PlacedModel, place_model
from steps.serving.cluster.render import Rendered, render

EXAMPLES = Path(__file__).parents[2] / "examples"
UID = "6c84fb90-12c4-11e1-840d-7b25c5ee775a"
DIGEST = "ab" * 32


def example(kind: str, name: str) -> Object:
    """A runtime or an accelerator class of the examples."""
    found: Object = yaml.safe_load((EXAMPLES / kind / f"{name}.yaml").read_text())
    return found


def service(
    name: str = "chat", *, namespace: str = "team", annotations: dict[str, str] | None = None, **spec: Any
) -> Object:
    """An InferenceService of model smollm2, with an engine unless it says otherwise."""
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": namespace, "uid": UID, "annotations": annotations or {}},
        "spec": {"model": {"name": "smollm2"}, "engine": {}, **spec},
    }


def runtime(name: str = "tiny", **spec: Any) -> Object:
    """A runtime of one container, unless it says otherwise."""
    runner = {"name": "ome-container", "image": "tiny:1", "command": ["serve"], "args": ["--model", "$(MODEL_PATH)"]}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterServingRuntime",
        "metadata": {"name": name},
        "spec": {"supportedModelFormats": [], "engineConfig": {"runner": runner}, **spec},
    }


def model(name: str = "smollm2", uri: str = "hf://HuggingFaceTB/SmolLM2", namespace: str = "", **spec: Any) -> Object:
    """An imported model; with a namespace a BaseModel."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "BaseModel" if namespace else "ClusterBaseModel",
        "metadata": metadata,
        "spec": {"storage": {"storageUri": uri}, **spec},
        "status": {"state": "Ready", "artifact": {"digest": DIGEST}},
    }


def placed(**of_model: Any) -> PlacedModel:
    """A model as a service of namespace `team` finds it."""
    found = model(**of_model)
    return place_model(found, "team", folder=f"/mnt/models/{found['metadata']['name']}", weight_file="model-q4.gguf")


def rendered(
    of_service: Object,
    of_runtime: Object | None = None,
    *,
    served: PlacedModel | None = None,
    choice: Choice | None = None,
    accelerator: Object | None = None,
    replicas: int = 1,
) -> Rendered:
    """A service rendered, with what is not of interest left to defaults."""
    chosen = choice or Choice(runtime="tiny")
    return render(of_service, of_runtime or runtime(), served or placed(), chosen, accelerator, replicas=replicas)


def find(of: Rendered, kind: str, name: str) -> Object:
    """One of the objects that were rendered."""
    (found,) = (body for body in of.objects if (body["kind"], body["metadata"]["name"]) == (kind, name))
    return found


def engine_pod(of: Rendered, name: str = "chat-engine") -> Object:
    """The pod's spec of an engine."""
    spec: Object = find(of, "Deployment", name)["spec"]["template"]["spec"]
    return spec


def variables(of: Rendered) -> dict[str, str]:
    """The plain variables of the main container of the engine."""
    main = engine_pod(of)["containers"][0]
    return {entry["name"]: entry["value"] for entry in main["env"] if "value" in entry}

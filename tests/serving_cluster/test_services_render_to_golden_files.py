"""Services of every kind, and the example runtimes, are held to files that a person can read."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from crds.yaml_text import yaml_text
from steps.choice import Choice, Parallelism
from steps.serving.cluster.metadata import Object
from steps.serving.cluster.placed_model import PlacedModel
from tests.serving_cluster.made_up import example, model, placed, rendered, runtime, service

GOLDEN = Path(__file__).parent / "golden"


class Case(NamedTuple):
    """What is rendered."""

    service: Object
    runtime: Object | None = None
    served: PlacedModel | None = None
    choice: Choice | None = None
    accelerator: Object | None = None


def on_gpus(name: str, devices: int) -> Case:
    """An example runtime with H100s."""
    return Case(
        service(),
        example("runtimes", name),
        choice=Choice(runtime=name, accelerator="nvidia-h100-80gb", parallelism=Parallelism(tensor=devices)),
        accelerator=example("accelerators", "nvidia-h100-80gb"),
    )


def on_cpu(name: str) -> Case:
    """An example runtime on any node."""
    return Case(
        service(),
        example("runtimes", name),
        choice=Choice(runtime=name, accelerator="cpu", context=2048),
        accelerator=example("accelerators", "cpu"),
    )


def everything() -> Case:
    """Engine, decoder and router, scaled, with what users may set."""
    spec: dict[str, Any] = {
        "engine": {
            "minReplicas": 2,
            "maxReplicas": 6,
            "scaleMetric": "memory",
            "scaleTarget": 60,
            "nodeSelector": {"pool": "engines"},
            "labels": {"team": "search"},
            "annotations": {"example.com/note": "kept"},
            "deploymentStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "runner": {"args": ["--model-len", "1024"], "resources": {"requests": {"memory": "2Gi"}}},
        },
        "decoder": {"minReplicas": 3, "minAvailable": 2},
        "router": {"config": {"POLICY": "round-robin"}},
    }
    runners = runtime(
        engineConfig={
            "runner": {"name": "ome-container", "image": "tiny:1", "args": ["--model-len", "512", "--gpus", "1"]},
            "containers": [{"name": "metrics", "image": "metrics:1"}],
        },
        decoderConfig={"runner": {"name": "ome-container", "image": "tiny-decoder:1"}},
        routerConfig={
            "runner": {
                "name": "ome-container",
                "image": "tiny-router:1",
                "args": ["--selector", "component=engine,ome.io/inferenceservice={{.Name}}", "--in={{.Namespace}}"],
                "ports": [{"containerPort": 9000, "name": "serve"}, {"containerPort": 9001}],
            }
        },
    )
    annotations = {
        "ome.io/enable-prometheus-scraping": "true",
        "ome.io/service-type": "NodePort",
        "ome.io/dedicated-ai-cluster": "gold",
        "kueue-enabled": "",
    }
    return Case(service(annotations=annotations, **spec), runners)


CASES: dict[str, Callable[[], Case]] = {
    "llama-server": lambda: on_cpu("llama-server"),
    "llama-cpp-python": lambda: on_cpu("llama-cpp-python"),
    "vllm": lambda: on_gpus("vllm", 4),
    "sglang": lambda: on_gpus("sglang", 8),
    "text-embeddings-inference": lambda: Case(
        service(),
        example("runtimes", "text-embeddings-inference"),
        choice=Choice(runtime="text-embeddings-inference"),
    ),
    "tgi": lambda: on_gpus("tgi", 2),
    "vllm-any": lambda: on_gpus("vllm-any", 1),
    "vllm-moe": lambda: on_gpus("vllm-moe", 8),
    "cohere": lambda: on_gpus("cohere", 2),
    "tensorrt-llm": lambda: on_gpus("tensorrt-llm", 2),
    "tensorrt-llm-engine": lambda: on_gpus("tensorrt-llm-engine", 4),
    "nim": lambda: on_gpus("nim", 2),
    "llama-server-cuda": lambda: on_gpus("llama-server-cuda", 1),
    "text-embeddings-inference-cpu": lambda: Case(
        service(),
        example("runtimes", "text-embeddings-inference-cpu"),
        choice=Choice(runtime="text-embeddings-inference-cpu", accelerator="cpu"),
        accelerator=example("accelerators", "cpu"),
    ),
    "claim": lambda: Case(service(), served=placed(uri="pvc://weights/models/smollm2/")),
    "namespaced-model": lambda: Case(service(), served=placed(namespace="team", vendor="Hugging Face, Inc.")),
    "scaled-by-others": lambda: Case(
        service(annotations={"ome.io/autoscalerClass": "external"}, engine={"minReplicas": 2})
    ),
    "everything": everything,
}


@pytest.mark.parametrize("name", CASES)
def test_a_service_renders_to_its_golden_file(name: str) -> None:
    case = CASES[name]()
    made = rendered(case.service, case.runtime, served=case.served, choice=case.choice, accelerator=case.accelerator)
    text = f"# {made.url}, as {made.served_name}\n" + "".join(f"# warning: {said}\n" for said in made.warnings)
    text += yaml_text(made.objects)
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("OME_REGENERATE"):
        path.write_text(text)
    assert text == path.read_text(), f"{path.name} has changed; if that is intended, run `make golden`"


def test_every_golden_file_has_a_service() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(CASES)


def test_every_example_runtime_is_rendered() -> None:
    examples = {path.stem for path in (Path(__file__).parents[2] / "examples" / "runtimes").glob("*.yaml")}
    assert examples <= set(CASES)


def test_inputs_are_not_altered() -> None:
    case, same = everything(), everything()
    rendered(case.service, case.runtime)
    assert case == same
    assert model() == model()

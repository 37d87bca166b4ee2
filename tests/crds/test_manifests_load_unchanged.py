"""Manifests as users of OME write them load without a complaint and are written back as they were."""

import pytest
import yaml

from crds.inference_service import InferenceService
from crds.load import load, load_all
from crds.metadata import skips_config_parsing
from crds.model import ClusterBaseModel
from crds.serving_runtime import ClusterServingRuntime
from crds.storage_uri import HubUri
from tests.crds.samples import MANIFESTS

NAMES = sorted(path.name for path in MANIFESTS.glob("*.yaml"))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "model_in_documented_spelling.yaml"])
def test_written_back_as_read(name: str) -> None:
    text = (MANIFESTS / name).read_text()
    loaded = load_all(text)
    assert [one.resource.to_dict() for one in loaded.objects] == list(yaml.safe_load_all(text))
    assert [p for p in loaded.problems if "predictor" not in p.path] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_reads_the_same(name: str) -> None:
    for one in load_all((MANIFESTS / name).read_text()).objects:
        assert load(one.resource.to_dict()).resource == one.resource


def test_every_kind_has_a_manifest() -> None:
    kinds = {one.resource.kind for name in NAMES for one in load_all((MANIFESTS / name).read_text()).objects}
    assert kinds == {
        "BaseModel", "ClusterBaseModel", "FineTunedWeight", "ServingRuntime", "ClusterServingRuntime",
        "InferenceService", "BenchmarkJob", "AcceleratorClass",
    }  # fmt: skip


def test_documented_spelling_is_read_as_the_codes() -> None:
    (loaded,) = load_all((MANIFESTS / "model_in_documented_spelling.yaml").read_text()).objects
    assert loaded.problems == ()
    assert skips_config_parsing(loaded.resource.metadata.annotations)
    assert loaded.resource.to_dict()["spec"] == {
        "modelCapabilities": ["TEXT_EMBEDDINGS", "EMBEDDING"],
        "modelConfiguration": {"hidden_size": 1024},
        "storage": {
            "storageUri": "hf://intfloat/e5-large-v2@v2",
            "key": "hub-token",
            "parameters": {"auth": "InstancePrincipal"},
        },
    }


def test_typed_values_are_at_hand() -> None:
    (loaded,) = load_all((MANIFESTS / "model_from_hub.yaml").read_text()).objects
    model = loaded.resource
    assert isinstance(model, ClusterBaseModel)
    assert model.spec.storage.uri == HubUri("Qwen/Qwen3-8B", "main")
    assert model.status.is_true("Ready")
    assert not model.status.is_true("Cached")
    assert model.status.artifact is not None
    assert model.status.artifact.files == 13
    assert model.metadata.skips_config_parsing

    runtime = load_all((MANIFESTS / "runtimes.yaml").read_text()).objects[0].resource
    assert isinstance(runtime, ClusterServingRuntime)
    assert runtime.spec.model_size_range is not None
    assert (runtime.spec.model_size_range.min_parameters, runtime.spec.model_size_range.max_parameters) == (
        500_000_000, 9_000_000_000,
    )  # fmt: skip
    engine = runtime.spec.engine_config
    assert engine is not None
    assert sorted(engine.pod_spec()) == ["tolerations", "volumes"]
    assert engine.runner is not None
    assert engine.runner["args"] == ["--model=$(MODEL_PATH)", "--port=8080"]


def test_one_sided_range_is_open_on_the_other() -> None:
    runtime = load_all((MANIFESTS / "runtimes.yaml").read_text()).objects[1].resource
    sizes = runtime.to_dict()["spec"]["modelSizeRange"]
    assert sizes == {"min": "300B"}
    assert runtime.spec.model_size_range.max_parameters is None  # type: ignore[attr-defined]  # any kind's spec


def test_objects_are_immutable_and_built_from_python_too() -> None:
    service = InferenceService(metadata={"name": "chat"}, spec={"model": {"name": "m"}})
    assert service.to_dict() == {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "chat"},
        "spec": {"model": {"name": "m"}},
    }
    with pytest.raises(ValueError, match="frozen"):
        service.kind = "Other"  # type: ignore[assignment,misc]  # what must not be possible

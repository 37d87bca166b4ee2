"""Publishing writes OME's fields where they are empty, keeps what the user wrote, and tells the state."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from crds.model import ClusterBaseModel
from steps.contract import find_step, read_inputs, to_parameter
from steps.facts import DiffusionComponent, Facts, ParameterCount, Quantization
from steps.manifest import FileEntry, Manifest
from steps.manifest_store import save_manifest
from steps.publication import Publication, publish
from steps.resources import ResourceFolder
from tests.parsing.made_up_files import describe_folder, write_config, write_gguf, write_safetensors
from tests.parsing.public_models import MODELS

NOW, LATER = "2026-11-21T10:00:00Z", "2026-11-22T10:00:00Z"
ENTRY = FileEntry(path="model.safetensors", size=100, algorithm="sha256", digest="ab", location="x")
MANIFEST = Manifest(uri="hf://org/name", revision="0123456789abcdef", files=(ENTRY,))
FACTS = Facts(
    model_type="llama", architecture="LlamaForCausalLM", parameter_size="8.03B", format="safetensors",
    parameters=ParameterCount(total=8_030_261_248, active=8_030_261_248, source="safetensors headers"),
    format_version="1.0.0", framework="transformers", framework_version="4.45.0", dtype="bfloat16",
    quantization=Quantization(method="fp8", bits=8), context_length=131072, capabilities=("TEXT_TO_TEXT",),
    bytes_in_memory=16_060_522_496, weight_files=("model.safetensors",),
)  # fmt: skip


def publication(**changes: Any) -> Publication:  # noqa: ANN401
    made = Publication(kind="ClusterBaseModel", name="m", namespace="", uri="hf://org/name", manifest=MANIFEST,
                       facts=FACTS, path="/models/m", node="here")  # fmt: skip
    return made.model_copy(update=changes)


def test_a_new_model_has_omes_fields() -> None:
    made = publish(None, publication(), NOW)
    assert made["spec"] == {
        "storage": {"storageUri": "hf://org/name", "path": "/models/m"},
        "modelFormat": {"name": "safetensors", "version": "1.0.0"},
        "modelFramework": {"name": "transformers", "version": "4.45.0"},
        "modelType": "llama",
        "modelArchitecture": "LlamaForCausalLM",
        "modelParameterSize": "8.03B",
        "modelCapabilities": ["TEXT_TO_TEXT"],
        "quantization": "fp8",
        "maxTokens": 131072,
        "modelConfiguration": {
            "model_type": "llama",
            "architecture": "LlamaForCausalLM",
            "context_length": 131072,
            "parameter_count": "8.03B",
            "has_vision": False,
            "is_embedding": False,
            "transformers_version": "4.45.0",
            "torch_dtype": "bfloat16",
            "model_size_bytes": 16_060_522_496,
        },
    }
    status = made["status"]
    assert status["state"] == "Ready"
    assert status["nodesReady"] == ["here"]
    assert status["artifact"] == {
        "uri": "hf://org/name", "revision": "0123456789abcdef", "digest": MANIFEST.digest, "totalBytes": 100,
        "files": 1,
    }  # fmt: skip
    assert [(c["type"], c["status"]) for c in status["conditions"]] == [
        ("Resolved", "True"), ("Parsed", "True"), ("Cached", "True"), ("Ready", "True"),
    ]  # fmt: skip
    assert all(c["lastTransitionTime"] == NOW and c["observedGeneration"] == 1 for c in status["conditions"])
    typed = ClusterBaseModel.from_dict(made)
    assert typed.status.is_true("Ready")
    assert typed.spec.notices() == ()


def test_what_the_user_wrote_stays() -> None:
    user = {
        "apiVersion": "ome.io/v1beta1", "kind": "ClusterBaseModel",
        "metadata": {"name": "m", "labels": {"team": "a"}, "annotations": {"x": "y"}},
        "spec": {"vendor": "acme", "modelType": "mine", "maxTokens": 4096, "modelCapabilities": ["TEXT_EMBEDDINGS"],
                 "modelArchitecture": "", "modelConfiguration": {"mine": 1},
                 "storage": {"storageUri": "hf://org/name", "key": "secret"}},
        "status": {"workflow": {"name": "run-1"}, "conditions": [{"type": "Mine", "status": "True"}]},
    }  # fmt: skip
    before = copy.deepcopy(user)
    made = publish(user, publication(), NOW)
    assert user == before
    assert made["spec"]["modelType"] == "mine"
    assert made["spec"]["maxTokens"] == 4096
    assert made["spec"]["modelConfiguration"] == {"mine": 1}
    assert made["spec"]["modelCapabilities"] == ["TEXT_EMBEDDINGS"]
    assert made["spec"]["modelArchitecture"] == "LlamaForCausalLM"
    assert made["spec"]["storage"] == {"storageUri": "hf://org/name", "key": "secret", "path": "/models/m"}
    assert made["metadata"]["labels"] == {"team": "a"}
    assert made["status"]["workflow"] == {"name": "run-1"}
    assert [c["type"] for c in made["status"]["conditions"]] == ["Resolved", "Parsed", "Cached", "Ready", "Mine"]


@pytest.mark.parametrize("key", ["ome.io/skip-config-parsing", "ome.oracle.com/skip-config-parsing"])
def test_parsing_can_be_skipped(key: str) -> None:
    made = publish({"metadata": {"annotations": {key: "true"}}, "spec": {"modelType": "mine"}}, publication(), NOW)
    assert set(made["spec"]) == {"modelType", "storage"}
    assert made["status"]["conditions"][1]["reason"] == "ParsingSkipped"
    assert made["status"]["state"] == "Ready"


def test_publishing_twice_changes_nothing_but_a_failed_condition_turns() -> None:
    first = publish(None, publication(), NOW)
    assert publish(first, publication(), LATER) == first
    failed = copy.deepcopy(first)
    failed["status"]["conditions"][2]["status"] = "False"
    failed["status"]["state"] = "Failed"
    failed["status"]["nodesFailed"] = ["here", "there"]
    again = publish(failed, publication(), LATER)
    assert [c["lastTransitionTime"] for c in again["status"]["conditions"]] == [NOW, NOW, LATER, NOW]
    assert again["status"]["state"] == "Ready"
    assert again["status"]["nodesFailed"] == ["there"]


def test_another_model_under_the_name_renews_what_the_first_one_filled() -> None:
    first = publish(None, publication(), NOW)
    first["spec"]["vendor"] = "acme"
    other = FACTS.model_copy(update={"model_type": "qwen3", "architecture": "Qwen3ForCausalLM", "quantization": None})
    manifest = MANIFEST.model_copy(update={"revision": "fedcba"})
    made = publish(first, publication(facts=other, manifest=manifest, uri="hf://org/other", previous=FACTS), LATER)
    assert made["spec"]["modelType"] == "qwen3"
    assert made["spec"]["modelArchitecture"] == "Qwen3ForCausalLM"
    assert "quantization" not in made["spec"]
    assert made["spec"]["vendor"] == "acme"
    assert made["spec"]["storage"]["storageUri"] == "hf://org/other"
    assert made["metadata"]["generation"] == 2
    assert made["status"]["observedGeneration"] == 2


def test_nodes_of_the_same_artifact_gather() -> None:
    first = publish(None, publication(node="b"), NOW)
    both = publish(first, publication(node="a"), LATER)
    assert both["status"]["nodesReady"] == ["a", "b"]
    changed = publish(both, publication(manifest=MANIFEST.model_copy(update={"revision": "new"})), LATER)
    assert changed["status"]["nodesReady"] == ["here"]


def test_a_diffusion_pipeline_is_spelled_as_ome_does() -> None:
    facts = FACTS.model_copy(update={"format": "diffusers", "architecture": "FluxPipeline", "diffusion": {
        "scheduler": DiffusionComponent(library="diffusers", type="FlowMatch"),
        "text_encoder": DiffusionComponent(library="transformers", type="CLIPTextModel"),
        "text_encoder_2": DiffusionComponent(library="transformers", type="T5EncoderModel"),
        "unet": DiffusionComponent(library="diffusers", type="UNet2D")}})  # fmt: skip
    pipeline = publish(None, publication(facts=facts), NOW)["spec"]["diffusionPipeline"]
    assert pipeline == {
        "className": "FluxPipeline",
        "scheduler": {"library": "diffusers", "type": "FlowMatch"},
        "textEncoder": {"library": "transformers", "type": "CLIPTextModel"},
        "transformer": {"library": "diffusers", "type": "UNet2D"},
        "additionalComponents": {"text_encoder_2": {"library": "transformers", "type": "T5EncoderModel"}},
    }


def run(step_name: str, **parameters: object) -> Any:  # noqa: ANN401
    """A step, given workflow parameters as text."""
    found = find_step(step_name)
    return found.function(read_inputs(found, {name: to_parameter(value) for name, value in parameters.items()}))


def test_the_steps_parse_and_publish_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_config(folder, MODELS[0].config)
    write_safetensors(folder / "model.safetensors", {"model.norm.weight": ("BF16", (4096,))})
    digest = save_manifest(describe_folder(folder))
    facts = run("parse-model", manifest=digest).facts
    assert facts.parameters.total == 4096
    named = {"name": "tiny", "scope": "BaseModel", "namespace": "team", "manifest": digest, "path": str(folder)}
    outputs = run("publish-model", uri=f"local://{folder}", facts=facts, **named)
    assert outputs.model == "tiny"
    written = ResourceFolder().get("BaseModel", "tiny", "team")
    assert written["spec"]["modelParameterSize"] == "4.10K"
    assert json.dumps(written)
    run("publish-model", **named)  # the facts are stored too
    assert ResourceFolder().get("BaseModel", "tiny", "team") == written


def test_a_new_file_under_the_name_replaces_stored_facts(tmp_path: Path) -> None:
    for name, architecture in (("a", "llama"), ("b", "qwen2")):
        write_gguf(tmp_path / name / "m.gguf", {"general.architecture": architecture}, {"a.weight": ("F16", (8,))})
        uri = f"local://{tmp_path / name}"
        digest = run("resolve-model", uri=uri).manifest
        run("parse-model", manifest=digest)
        run("publish-model", name="m", uri=uri, manifest=digest, path=str(tmp_path / name))
    assert ResourceFolder().get("ClusterBaseModel", "m")["spec"]["modelType"] == "qwen2"

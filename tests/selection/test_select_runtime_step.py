"""The step on this machine: what it reads, what it warns of, and its errors as a user meets them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from steps.choice import Choice
from steps.errors import DoesNotFitError, InvalidInputError, NotFoundError
from steps.manifest_store import save_facts
from steps.resources import ResourceFolder
from steps.select_runtime import SelectInputs, explain_runtimes, select_runtime
from tests.selection.objects import EXAMPLES, LLAMA_70B, SMOLLM2

DIGEST = "a" * 64
PYTHON_RUNTIME = {
    "apiVersion": "ome.io/v1beta1",
    "kind": "ClusterServingRuntime",
    "metadata": {"name": "any-gguf"},
    "spec": {
        "supportedModelFormats": [{"modelFormat": {"name": "gguf"}, "autoSelect": True}],
        "acceleratorRequirements": {"acceleratorClasses": ["cpu"]},
        "containers": [{"name": "ome-container", "command": [sys.executable, "-c", "pass"]}],
    },
}
"""A runtime whose program is certainly here."""


@pytest.fixture
def folder() -> ResourceFolder:
    """A home with the example classes, the example runtimes and one runtime that can start here."""
    found = ResourceFolder()
    for path in [*(EXAMPLES / "accelerators").glob("*.yaml"), *(EXAMPLES / "runtimes").glob("*.yaml")]:
        found.apply(yaml.safe_load(path.read_text()))
    found.apply(PYTHON_RUNTIME)
    return found


def publish(folder: ResourceFolder, kind: str, **changes: Any) -> None:
    folder.apply(
        {
            "apiVersion": "ome.io/v1beta1",
            "kind": kind,
            "metadata": {"name": "smollm2", **({"namespace": "default"} if kind == "BaseModel" else {})},
            "spec": {"storage": {"storageUri": "hf://org/smollm2"}},
            "status": {"artifact": {"digest": DIGEST}},
            **changes,
        }
    )


def select(**inputs: Any) -> Choice:
    return select_runtime(SelectInputs(model="smollm2", **inputs)).choice


@pytest.mark.parametrize("kind", ["ClusterBaseModel", "BaseModel"])
def test_facts_are_found_by_the_model(kind: str, folder: ResourceFolder) -> None:
    publish(folder, kind)
    save_facts(DIGEST, SMOLLM2)
    assert select(runtime="any-gguf").runtime == "any-gguf"


def test_the_namespaces_model_comes_before_the_clusters(folder: ResourceFolder) -> None:
    publish(folder, "ClusterBaseModel", spec={"disabled": True})
    publish(folder, "BaseModel")
    save_facts(DIGEST, SMOLLM2)
    assert select(runtime="any-gguf").runtime == "any-gguf"
    with pytest.raises(InvalidInputError, match=r"spec.disabled"):
        select(namespace="elsewhere")


def test_the_context_that_was_asked_for_goes_on_to_deploy(folder: ResourceFolder) -> None:
    publish(folder, "BaseModel")
    save_facts(DIGEST, SMOLLM2)
    asked = select(runtime="any-gguf", context=2048)
    assert (asked.context, asked.fit.context) == (2048, 2048)
    assert select(runtime="any-gguf").context == 0


def test_only_a_runtime_that_speaks_the_protocol_that_was_asked_for_is_chosen(folder: ResourceFolder) -> None:
    for protocol in ("cohere", "openAI"):
        spec = {**PYTHON_RUNTIME["spec"], "protocolVersions": [protocol]}  # type: ignore[dict-item]
        folder.apply({**PYTHON_RUNTIME, "metadata": {"name": f"speaks-{protocol.lower()}"}, "spec": spec})
    others = {refusal.runtime: refusal for refusal in select(facts=SMOLLM2, protocol="cohere").refused}
    assert others["speaks-cohere"].is_candidate
    assert others["speaks-openai"].reason == "it does not speak the protocol cohere; it speaks openAI"


def test_a_model_that_is_not_there_or_not_imported_is_said(folder: ResourceFolder) -> None:
    with pytest.raises(NotFoundError) as missing:
        select()
    assert "ome import" in missing.value.remedy
    publish(folder, "ClusterBaseModel", status={})
    with pytest.raises(InvalidInputError, match=r"status.artifact.digest"):
        select()


def test_this_machine_serves_with_what_is_installed_and_tells_of_the_rest(folder: ResourceFolder) -> None:
    choice = select(facts=SMOLLM2, runtime="any-gguf")
    assert choice.accelerator == "cpu"
    assert choice.fit.verdict == "fits"
    assert choice.fit.available > 0
    names = {path.stem for path in (EXAMPLES / "runtimes").glob("*.yaml")}
    assert {refusal.runtime for refusal in choice.refused} == names
    assert all(refusal.reason for refusal in choice.refused)


def test_a_runtime_whose_program_is_missing_is_refused(folder: ResourceFolder) -> None:
    gone = json.loads(json.dumps(PYTHON_RUNTIME))
    gone["metadata"]["name"] = "gone"
    gone["spec"]["containers"][0]["command"] = ["no-such-program-anywhere"]
    folder.apply(gone)
    with pytest.raises(DoesNotFitError, match="no-such-program-anywhere") as error:
        select(facts=SMOLLM2, runtime="gone")
    assert error.value.exit_code == 17
    rows = {row.runtime: row for row in explain_runtimes(SelectInputs(model="smollm2", facts=SMOLLM2))}
    assert "no-such-program-anywhere" in rows["gone"].reason


def test_objects_that_cannot_be_read_stay_in_the_table(folder: ResourceFolder) -> None:
    folder.apply(
        {**PYTHON_RUNTIME, "metadata": {"name": "broken"}, "spec": {"modelSizeRange": {"min": "9B", "max": "1B"}}}
    )
    choice = select(facts=SMOLLM2, runtime="any-gguf")
    broken = next(refusal for refusal in choice.refused if refusal.runtime == "broken")
    assert "modelSizeRange" in broken.reason
    rows = explain_runtimes(SelectInputs(model="smollm2", facts=SMOLLM2))
    assert [row.verdict for row in rows if row.runtime == "broken"] == ["refused"]
    with pytest.raises(NotFoundError, match=r"Not valid: broken"):
        select(facts=SMOLLM2, runtime="broken")


def test_a_runtime_without_a_container_does_not_break_the_others(folder: ResourceFolder) -> None:
    spec = {k: v for k, v in PYTHON_RUNTIME["spec"].items() if k != "containers"}  # type: ignore[attr-defined]
    folder.apply({**PYTHON_RUNTIME, "metadata": {"name": "empty"}, "spec": spec})
    choice = select(facts=SMOLLM2, runtime="any-gguf")
    assert any(refusal.runtime == "empty" and not refusal.is_candidate for refusal in choice.refused)


def test_what_does_not_fit_warns_or_fails_as_asked(folder: ResourceFolder) -> None:
    huge = SMOLLM2.model_copy(update={"bytes_in_memory": 1 << 50})
    choice = select(facts=huge, runtime="any-gguf")
    assert choice.fit.verdict == "does-not-fit"
    assert choice.fit.explanation in choice.warnings
    assert not select(facts=huge, runtime="any-gguf", fit="off").warnings
    with pytest.raises(DoesNotFitError, match="GiB too little"):
        select(facts=huge, runtime="any-gguf", fit="enforce")


def test_a_gpu_model_on_this_machine_says_what_is_missing(
    folder: ResourceFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no nvidia-smi
    with pytest.raises(DoesNotFitError) as error:
        select(facts=LLAMA_70B)
    assert "no node has it" in error.value.message
    assert "sglang" in error.value.message


def test_the_step_runs_as_templates_run_it(folder: ResourceFolder, tmp_path: Path) -> None:
    values = {
        "model": "smollm2",
        "facts": SMOLLM2.model_dump_json(by_alias=True),
        "runtime": "any-gguf",
        "context": "512",
    }
    parameters = tmp_path / "parameters.json"
    parameters.write_text(json.dumps([{"name": name, "value": value} for name, value in values.items()]))
    command = [sys.executable, "-m", "steps", "select-runtime", str(parameters)]

    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "OME_STEP_ROOT": str(tmp_path / "step")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "chosen: any-gguf on cpu" in done.stderr
    choice = Choice.model_validate_json((tmp_path / "step" / "outputs" / "choice").read_text())
    assert (choice.runtime, choice.fit.context) == ("any-gguf", 512)

"""Commands that select for a service that was applied choose as it asks, and say what it excludes."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from steps.manifest_store import save_facts
from steps.resources import ResourceFolder
from tests.command.run_ome import ome
from tests.parsing.made_up_files import write_gguf
from tests.parsing.test_gguf_headers_are_read import LLAMA, TENSORS
from tests.selection.objects import SMOLLM2

DIGEST = "a" * 64


@pytest.fixture(autouse=True)
def _model_and_runtime(tmp_path: Path) -> None:
    """An imported model, and a runtime that can start here on any class."""
    save_facts(DIGEST, SMOLLM2)
    (tmp_path / "smollm2").mkdir()
    status = {"state": "Ready", "artifact": {"digest": DIGEST}}
    apply("ClusterBaseModel", "smollm2", {"storage": {"path": str(tmp_path / "smollm2")}}, status)
    for name, features in (("plain", []), ("fast", ["amx"])):
        apply("AcceleratorClass", name, {"family": "cpu", "discovery": {}, "capabilities": {"features": features}})
    spec = {
        "supportedModelFormats": [{"modelFormat": {"name": "gguf"}, "autoSelect": True}],
        "acceleratorRequirements": {"acceleratorClasses": ["plain", "fast"]},
        "containers": [{"name": "ome-container", "command": [sys.executable, "-c", "pass"]}],
    }
    apply("ClusterServingRuntime", "server", spec)


def apply(kind: str, name: str, spec: dict[str, Any], status: dict[str, Any] | None = None) -> None:
    metadata = {"name": name, **({"namespace": "default"} if kind == "InferenceService" else {})}
    body = {"apiVersion": "ome.io/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}
    ResourceFolder().apply({**body, "status": status} if status else body)


def apply_service(**spec: Any) -> None:
    apply("InferenceService", "chat", {"model": {"name": "smollm2"}, "engine": {}, **spec})


SELECT = ("select", "smollm2", "--runtime", "server", "-o", "json")


def test_select_chooses_as_the_service_asks() -> None:
    assert json.loads(ome(*SELECT).stdout)["accelerator"] == "fast"
    apply_service(engine={"acceleratorOverride": {"constraints": {"excludedClasses": ["fast"]}}})
    assert json.loads(ome(*SELECT, "--service", "chat").stdout)["accelerator"] == "plain"
    apply_service(engine={"acceleratorOverride": {"acceleratorClass": "plain"}})
    assert json.loads(ome(*SELECT, "--service", "chat").stdout)["accelerator"] == "plain"
    missing = ome(*SELECT, "--service", "nobody")
    assert missing.returncode == 11
    assert "chat" in missing.stderr


def test_explain_judges_by_what_the_service_asks() -> None:
    apply_service(acceleratorSelector={"constraints": {"excludedClasses": ["plain", "fast"]}})
    explain = ("runtimes", "explain", "smollm2", "-o", "json")
    rows = {row["runtime"]: row for row in json.loads(ome(*explain, "--service", "chat").stdout)}
    assert rows["server"]["verdict"] == "refused"
    assert "excluded by the constraints" in rows["server"]["reason"]
    rows = {row["runtime"]: row for row in json.loads(ome(*explain).stdout)}
    assert rows["server"]["verdict"] in ("chosen", "candidate")


@pytest.mark.parametrize("command", ["deploy", "onboard"])
def test_what_the_service_excludes_is_not_deployed(command: str, tmp_path: Path) -> None:
    apply_service(acceleratorSelector={"constraints": {"excludedClasses": ["plain", "fast"]}})
    if command == "deploy":
        result = ome("deploy", "smollm2", "--service", "chat", "--runtime", "server")
    else:
        write_gguf(tmp_path / "model/m.gguf", LLAMA, TENSORS)
        uri = f"local://{tmp_path / 'model'}"
        result = ome("onboard", uri, "--name", "x", "--service", "chat", "--runtime", "server", "--no-benchmark")
    assert result.returncode == 17, result.stderr
    assert "excluded by the constraints" in result.stderr


def test_a_class_of_the_command_line_that_the_service_does_not_want_is_refused() -> None:
    apply_service(acceleratorSelector={"acceleratorClass": "fast"})
    result = ome("deploy", "smollm2", "--service", "chat", "--runtime", "server", "--accelerator", "plain")
    assert result.returncode == 16, result.stderr
    assert 'asks for accelerator class "fast", and "plain" was chosen' in result.stderr

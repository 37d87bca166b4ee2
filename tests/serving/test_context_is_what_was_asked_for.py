"""The context that selection counted with is the one that the engine is started with."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import examples
from crds.load import load
from crds.serving_runtime import ClusterServingRuntime
from steps.choice import Choice
from steps.selection.candidates import main_container
from steps.selection.engines import read_engine
from steps.serving.component import merge_engine
from steps.serving.context import set_context

SERVICE: dict[str, Any] = {"metadata": {"name": "chat"}, "spec": {}}
WITHOUT_A_FLAG = {"nim", "tensorrt-llm-engine"}
FILES = sorted((Path(examples.__file__).parent / "runtimes").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_example_runs_with_the_context_that_was_asked_for(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    merged = merge_engine(document["spec"], SERVICE, Choice(runtime=path.stem, context=1536))
    if read_engine(merged.container).family == "tei" or path.stem in WITHOUT_A_FLAG:
        assert "1536 tokens was asked for" in merged.warnings[0]
        return
    assert read_engine(merged.container).context == 1536
    assert not merged.warnings
    loaded = load(document).resource
    assert isinstance(loaded, ClusterServingRuntime)
    assert read_engine(main_container(loaded.spec)).context != 1536


def test_nothing_changes_when_nothing_was_asked_for() -> None:
    for path in FILES:
        spec = yaml.safe_load(path.read_text())["spec"]
        assert merge_engine(spec, SERVICE, Choice(runtime="r")).container == spec["engineConfig"]["runner"]


def test_slots_share_the_context() -> None:
    container = {"command": ["llama-server"], "args": ["-c", "8192", "--parallel", "4"]}
    changed, is_kept = set_context(container, 1000)
    assert (changed["args"], is_kept) == (["-c", "4000", "--parallel", "4"], True)
    assert container["args"] == ["-c", "8192", "--parallel", "4"]


def test_a_variable_is_set_so_that_the_service_can_still_say_otherwise() -> None:
    spec = {
        "engineConfig": {
            "runner": {
                "command": ["python", "-m", "llama_cpp.server"],
                "args": ["--n_ctx", "$(TOKENS)"],
                "env": [{"name": "TOKENS", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            }
        }
    }
    asked = merge_engine(spec, SERVICE, Choice(runtime="r", context=512)).container
    assert asked["env"] == [{"name": "TOKENS", "value": "512"}]
    own = {**SERVICE, "spec": {"engine": {"runner": {"env": [{"name": "TOKENS", "value": "64"}]}}}}
    assert merge_engine(spec, own, Choice(runtime="r", context=512)).container["env"][0]["value"] == "64"


@pytest.mark.parametrize(
    ("script", "expected", "is_kept"),
    [
        ("python3 -m vllm.x --max-model-len 8192 --port 1", "python3 -m vllm.x --max-model-len 512 --port 1", True),
        ("python3 -m vllm.x --port 1", "python3 -m vllm.x --port 1", False),
    ],
)
def test_a_script_is_changed_only_where_it_has_the_flag(script: str, expected: str, is_kept: bool) -> None:
    changed, kept = set_context({"command": ["bash", "-c"], "args": [script]}, 512)
    assert (changed["command"], changed["args"], kept) == (["bash", "-c"], [expected], is_kept)

"""Whether a runtime's program is on this machine, and when not, which one of which image and how to get it."""

import sys
from pathlib import Path
from typing import Any

import pytest

from images.environment import environment_folder
from steps.choice import Choice
from steps.serving.plan import ServedModel, make_plan, this_machine
from steps.serving.program import missing_program
from tests.serving.made_up import apply_model

IMAGE = "registry.example/x/ome-llama-cpp:1"


def runtime(*command: str, image: str = IMAGE, args: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"engineConfig": {"runner": {"image": image, "command": list(command), "args": list(args)}}}


@pytest.fixture(autouse=True)
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of environments and a PATH with one program, `engine`."""
    monkeypatch.setenv("OME_CACHE", str(tmp_path / "cache"))
    programs = tmp_path / "path"
    programs.mkdir()
    for name in ("engine", "python3"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    return tmp_path / "cache"


def make_environment() -> Path:
    folder = environment_folder("ome-llama-cpp")
    (folder / "bin").mkdir(parents=True)
    for name in ("python", "own-engine"):
        (folder / "bin" / name).symlink_to(sys.executable)
    (folder / ".complete").touch()
    return folder


def test_program_on_path_is_enough() -> None:
    assert missing_program(runtime("engine", "--x")) is None
    assert missing_program(runtime("engine", image="")) is None


def test_missing_program_is_told_with_its_image_and_the_way_to_get_it() -> None:
    said = missing_program(runtime("own-engine"))
    assert said is not None
    assert 'program "own-engine"' in said
    assert IMAGE in said
    assert "ome environments install ome-llama-cpp" in said
    make_environment()
    assert missing_program(runtime("own-engine")) is None
    assert missing_program(runtime("/opt/image/bin/own-engine")) is None


def test_python_on_path_is_not_enough_for_a_module() -> None:
    said = missing_program(runtime("python3", "-m", "vllm.entrypoints.openai", image="registry.example/vllm:1"))
    assert said is not None
    assert "module vllm.entrypoints.openai" in said
    assert "registry.example/vllm:1" in said
    assert missing_program(runtime("python3", args=("-m", "vllm"), image="registry.example/vllm:1")) is not None
    assert missing_program(runtime("python", "-m", "llama_cpp.server")) is not None
    make_environment()
    assert missing_program(runtime("python", "-m", "llama_cpp.server")) is None


def test_script_needs_the_environment_of_its_image() -> None:
    said = missing_program(runtime("/bin/bash", "-lc", args=("serve --x",), image="registry.example/sglang:1"))
    assert said is not None
    assert "the script that bash runs" in said


def test_container_without_command_is_told() -> None:
    said = missing_program(runtime())
    assert said is not None
    assert "has no command" in said


def test_program_is_taken_from_the_environment() -> None:
    folder = make_environment()
    apply_model()
    service = {"metadata": {"name": "chat"}, "spec": {}}
    model = ServedModel(name="m", path="/m", weight_file="w.gguf", revision="r")
    spec = {"spec": runtime("/opt/image/bin/python", "-m", "x", args=("$(MODEL_FILE)",))}
    plan, warnings = make_plan(service, spec, model, Choice(runtime="r"), this_machine())
    assert plan.command == (str(folder / "bin" / "python"), "-m", "x")
    assert plan.programs == str(folder / "bin")
    assert not warnings

"""Resources for the serving tests: a model that needs no weights and runtimes whose command is `tiny_engine`."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from steps.choice import Choice
from steps.home import home
from steps.resources import Resource, ResourceFolder
from steps.serving import state
from steps.serving.deploy import Deployed, deploy
from steps.serving.identity import marked_processes
from steps.serving.state import DeploymentState

ENGINE = str(Path(__file__).with_name("tiny_engine.py"))
PATIENCE_SECONDS = 30.0


def apply_model(name: str = "tiny", **status: Any) -> Path:
    """A ready model with one empty weight file; its folder."""
    folder = home() / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.gguf").touch()
    ResourceFolder().apply(
        {
            "apiVersion": "ome.io/v1beta1",
            "kind": "ClusterBaseModel",
            "metadata": {"name": name},
            "spec": {"storage": {"path": str(folder)}},
            "status": {"state": "Ready", "artifact": {"revision": "r1"}, **status},
        }
    )
    return folder


def apply_runtime(*flags: str, name: str = "tiny-runtime", **container: Any) -> Resource:
    """A runtime that runs the tiny engine with these flags."""
    runner = {
        "name": "ome-container",
        "command": [sys.executable, "-I", "-S", ENGINE],  # without site it starts in half the time
        "args": ["--port", "$(PORT)", "--name", "$(SERVED_MODEL_NAME)", *flags],
        **container,
    }
    return ResourceFolder().apply(
        {
            "apiVersion": "ome.io/v1beta1",
            "kind": "ClusterServingRuntime",
            "metadata": {"name": name},
            "spec": {"engineConfig": {"runner": runner, "terminationGracePeriodSeconds": 1}},
        }
    )


def deploy_tiny(
    service: str = "chat", *, runtime: str = "tiny-runtime", seconds: float = PATIENCE_SECONDS
) -> Deployed:
    """Deploy the made-up model on a made-up runtime."""
    choice = Choice(runtime=runtime)
    return deploy(
        service, "default", "tiny", choice, replicas=1, timeout_seconds=seconds, report=lambda phase, elapsed: None
    )


def folder_of(service: str = "chat") -> Path:
    """The deployment's folder."""
    return state.deployment_folder(service, "default")


def state_of(service: str = "chat") -> DeploymentState:
    """The deployment's state, which must exist."""
    found = state.read_state(folder_of(service))
    assert found is not None
    return found


def pids_of(service: str = "chat") -> list[int]:
    """Numbers of all processes that carry the deployment's mark."""
    alive = [p for p in marked_processes(folder_of(service)) if p.status() != psutil.STATUS_ZOMBIE]
    return sorted(process.pid for process in alive)


def wait_for(holds: Callable[[], object], what: str) -> None:
    """Wait until something another process does has happened."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:g} s: {what}"
        time.sleep(0.02)

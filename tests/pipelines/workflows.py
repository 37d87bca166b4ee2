"""Small workflows as dictionaries, for the tests of the local runner."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import psutil

Workflow = dict[str, Any]


def script(name: str, source: str, **fields: object) -> dict[str, Any]:
    """A script template."""
    return {"name": name, "script": {"image": "ome-steps", "command": ["python"], "source": source}, **fields}


def graph(tasks: list[dict[str, Any]], **fields: object) -> dict[str, Any]:
    """A DAG template called `main`."""
    return {"name": "main", "dag": {"tasks": tasks}, **fields}


def workflow(*templates: dict[str, Any], **fields: object) -> Workflow:
    """A workflow that begins at its first template."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "test"},
        "spec": {"entrypoint": templates[0]["name"], "templates": list(templates), **fields},
    }


def wait_until(is_true: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for a condition that another process makes true; fails when it never does."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether a process lives and is no zombie."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False

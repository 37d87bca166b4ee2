"""The whole controller on a real API server with the released schemas, killed with -9 at each write of a model's life.

A model is applied, imported, ready, deleted and evicted, while a hand plays Argo. Killed before a write and killed
after the one before it leave the same API server behind, so that each place is tried once.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.resources import RESOURCES
from tests.apiserver.client import ApiRefusedError, Object
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.custom_resources import add_ready_node, install_released
from tests.controller.engine.process import ControllerProcess
from tests.controller.engine.proxy import CuttingProxy
from tests.controller.engine.waiting import until
from tests.controller.plans.argo import evicting, importing
from tests.controller.plans.cluster import Cluster

NODE = "node-1"
WORKFLOWS = RESOURCES["Workflow"].collection("ome")
_FEWEST_WRITES = 8
"""Finalizer, run, status, entry, label, status; then a run that evicts, and the finalizer again; there are more."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("released")) as started:
        install_released(started)
        add_ready_node(started, NODE)
        yield started


def _model(name: str) -> Object:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name},
        "spec": {"storage": {"storageUri": f"hf://acme/{name}"}},
    }


def _play_argo(server: ApiServer, name: str) -> None:
    """End every run of a model that goes on, as it does when all goes well."""
    for run in server.admin.request("GET", WORKFLOWS)["items"]:
        metadata = run["metadata"]
        if re.fullmatch(rf"(import|evict)-{name}-[0-9a-f]{{8}}-\d+", metadata["name"]) and "status" not in run:
            memory = Cluster()
            memory.add(run)
            play = importing if metadata["name"].startswith("import-") else evicting
            server.admin.patch(run, {"status": play(memory, metadata["name"])["status"]})


def _is_ready(server: ApiServer, name: str) -> bool:
    _play_argo(server, name)
    conditions = server.admin.get(_model(name)).get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _is_gone(server: ApiServer, name: str) -> bool:
    _play_argo(server, name)
    try:
        server.admin.get(_model(name))
    except ApiRefusedError as refusal:
        return refusal.status == 404
    return False


def _end(server: ApiServer, name: str) -> Object:
    """What there is of a model that is ready, in words that are the same for every model."""
    model = server.admin.get(_model(name))
    node = server.admin.request("GET", f"/api/v1/nodes/{NODE}")
    entries = server.admin.request("GET", f"/api/v1/namespaces/ome/configmaps/{NODE}")["data"]
    runs = [run["metadata"]["name"] for run in server.admin.request("GET", WORKFLOWS)["items"]]
    status = model["status"]
    found = {
        "finalizers": model["metadata"]["finalizers"],
        "spec": model["spec"],
        "state": status["state"],
        "nodes": status["nodesReady"],
        "conditions": sorted((c["type"], c["status"], c["reason"]) for c in status["conditions"]),
        "labels": sorted((k, v) for k, v in node["metadata"]["labels"].items() if name in k),
        "entry": sorted(key for key in entries if name in key),
        "runs": [run for run in runs if f"-{name}-" in run],
    }
    text = re.sub(rf"-{name}-[0-9a-f]{{8}}-", f"-{name}-HASH-", repr(found))
    return {"text": text.replace(name, "NAME")}


def _live(server: ApiServer, name: str) -> Object:
    """Apply, and delete when ready; the state in between."""
    server.admin.apply(_model(name))
    until(lambda: _is_ready(server, name), f"{name} ready")
    between = _end(server, name)
    server.admin.delete(_model(name))
    until(lambda: _is_gone(server, name), f"{name} gone")
    return between


def _traces(server: ApiServer, name: str) -> list[str]:
    """What is left of a model that is gone, but runs that are over, which Argo's TTL removes."""
    node = server.admin.request("GET", f"/api/v1/nodes/{NODE}")
    maps = server.admin.request("GET", "/api/v1/namespaces/ome/configmaps")["items"]
    entries = [key for each in maps for key in each.get("data") or {} if name in key]
    return [*entries, *(label for label in node["metadata"]["labels"] if name in label)]


def test_the_end_is_the_same_after_a_kill_at_every_write(server: ApiServer, tmp_path: Path) -> None:
    with CuttingProxy(server, tmp_path) as proxy:
        with _controller(proxy, tmp_path) as controller:
            controller.until_ready()
            expected = _live(server, "calm")
        number = 1
        while writes := _cut_at(proxy, server, tmp_path, number):
            with _controller(proxy, tmp_path):
                _finish(server, f"kill-{number}", expected)
            assert _traces(server, f"kill-{number}") == [], f"after {writes}"
            number += 1
    assert number > _FEWEST_WRITES


def _controller(proxy: CuttingProxy, folder: Path) -> ControllerProcess:
    log = folder / "controller.log"
    return ControllerProcess(proxy.kubeconfig, log, "--no-leader-election", module="controller")


def _cut_at(proxy: CuttingProxy, server: ApiServer, folder: Path, number: int) -> list[str]:
    """A model's life until the process is killed at that write: the writes so far; none if its life ends before."""
    name = f"kill-{number}"
    with _controller(proxy, folder) as controller:
        controller.until_ready()
        cut = proxy.cut_at(number, "", "after")
        server.admin.apply(_model(name))
        until(lambda: cut.happened.is_set() or _is_ready(server, name), f"{name} cut or ready")
        if not cut.happened.is_set():
            server.admin.delete(_model(name))
            until(lambda: cut.happened.is_set() or _is_gone(server, name), f"{name} cut or gone")
    proxy.mend()
    return cut.writes if cut.happened.is_set() else []


def _finish(server: ApiServer, name: str, expected: Object) -> None:
    """Let the next process bring a model to its end, which is that of a calm life."""
    try:
        is_going = "deletionTimestamp" in server.admin.get(_model(name))["metadata"]
    except ApiRefusedError as refusal:
        assert refusal.status == 404
        return
    if not is_going:
        until(lambda: _is_ready(server, name), f"{name} ready")
        assert _end(server, name) == expected
        server.admin.delete(_model(name))
    until(lambda: _is_gone(server, name), f"{name} gone")

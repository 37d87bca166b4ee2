"""Status is written apart from the spec, and `kubectl get` shows what people look for."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.apiserver.client import ApiRefusedError, Object
from tests.apiserver.fixture import ApiServer
from tests.cluster.binaries import ensure
from tests.crds.samples import MANIFESTS, benchmark, model


def _kubectl(server: ApiServer, *arguments: str) -> str:
    command: list[str | Path] = [ensure("kubectl") / "kubectl", f"--kubeconfig={server.kubeconfig}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"HOME": str(server.folder)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def _table(server: ApiServer, *arguments: str) -> list[dict[str, str]]:
    """The lines of `kubectl get`, by heading."""
    heading, *lines = _kubectl(server, "get", *arguments).splitlines()
    starts = [
        place for place in range(len(heading)) if heading[place] != " " and (place == 0 or heading[place - 1] == " ")
    ]
    ends = [*starts[1:], None]
    columns = list(zip(starts, ends, strict=True))
    names = [heading[start:end].strip() for start, end in columns]
    return [dict(zip(names, (line[start:end].strip() for start, end in columns), strict=True)) for line in lines]


def _apply_with_status(server: ApiServer, file: str, namespace: str = "") -> Object:
    document: Object = next(yaml.safe_load_all((MANIFESTS / file).read_text()))
    if namespace:
        document["metadata"]["namespace"] = namespace
    server.admin.apply({key: value for key, value in document.items() if key != "status"})
    return server.admin.apply(_without_spec(document) | {"status": document["status"]}, subresource="status")


def _without_spec(document: Object) -> Object:
    return {key: document[key] for key in ("apiVersion", "kind", "metadata")}


def test_a_status_is_written_only_through_its_subresource(ome_api_server: ApiServer) -> None:
    admin = ome_api_server.admin
    given = model() | {"metadata": {"name": "apart"}}
    created = admin.create(given | {"status": {"state": "Ready"}})
    assert "status" not in created
    path = admin.path_of(given)
    written = admin.request(
        "PUT",
        f"{path}/status",
        created | {"status": {"state": "Failed"}, "spec": {"storage": {"storageUri": "hf://x/y"}}},
    )
    assert written["status"] == {"state": "Failed"}
    assert (written["spec"], written["metadata"]["generation"]) == (given["spec"], 1)
    changed = admin.patch(given, {"spec": {"disabled": True}, "status": {"state": "Ready"}})
    assert (changed["status"], changed["metadata"]["generation"]) == ({"state": "Failed"}, 2)
    admin.delete(given)


def test_a_status_that_nobody_could_read_is_refused(ome_api_server: ApiServer) -> None:
    admin = ome_api_server.admin
    given = model() | {"metadata": {"name": "odd"}}
    admin.apply(given)
    with pytest.raises(ApiRefusedError, match='status.state: Unsupported value: "Sleeping"'):
        admin.apply(_without_spec(given) | {"status": {"state": "Sleeping"}}, subresource="status")
    admin.delete(given)


def test_two_writers_of_different_conditions_do_not_undo_each_other(ome_api_server: ApiServer) -> None:
    admin = ome_api_server.admin
    given = model() | {"metadata": {"name": "two-writers"}}
    admin.apply(given)
    path = f"{admin.path_of(given)}/status?force=true"
    for writer, condition in (("a", "Ready"), ("b", "Cached")):
        body = _without_spec(given) | {"status": {"conditions": [{"type": condition, "status": "True"}]}}
        kept = admin.request("PATCH", f"{path}&fieldManager={writer}", body, "application/apply-patch+yaml")
    assert {condition["type"] for condition in kept["status"]["conditions"]} == {"Ready", "Cached"}
    admin.delete(given)


def test_kubectl_shows_models(ome_api_server: ApiServer) -> None:
    document = _apply_with_status(ome_api_server, "model_from_hub.yaml")
    (line,) = (each for each in _table(ome_api_server, "cbm", "-o", "wide") if each["NAME"] == "qwen3-8b")
    assert line.pop("AGE")
    assert line == {
        "NAME": "qwen3-8b",
        "DISABLED": "false",
        "VERSION": "1.0.0",
        "VENDOR": "alibaba",
        "FRAMEWORK": "transformers",
        "FRAMEWORKVERSION": "4.51.0",
        "MODELFORMAT": "safetensors",
        "ARCHITECTURE": "Qwen3ForCausalLM",
        "CAPABILITIES": '["TEXT_TO_TEXT"]',
        "SIZE": "8.19B",
        "COMPARTMENTID": "",
        "READY": "Ready",
        "PROGRESS": "Downloading",
        "NODES": "1/2",
        "PERCENT": "12",
        "UNTIL": "2026-01-31T10:00:00Z",
        "SLOWESTNODE": "node-b",
        "REVISION": "9c925d64d72725edaf899c6cb9c377fd0709d9c5",
        "MESSAGE": "2 of 2 nodes have the model",
    }
    ome_api_server.admin.delete(document)


def test_kubectl_shows_services(ome_api_server: ApiServer) -> None:
    namespace = ome_api_server.new_namespace()
    _apply_with_status(ome_api_server, "services.yaml", namespace)
    (line,) = _table(ome_api_server, "isvc", "-n", namespace, "-o", "wide")
    assert line.pop("AGE")
    assert line == {
        "NAME": "chat",
        "URL": "http://chat.production.svc.cluster.local:8080",
        "READY": "True",
        "REASON": "",
        "BASEMODEL": "qwen3-8b",
        "RUNTIME": "vllm-small",
        "ACCELERATOR": "nvidia-h100",
        "FIT": "fits",
        "PREV": "",
        "LATEST": "100",
        "PREVROLLEDOUTREVISION": "",
        "LATESTREADYREVISION": "chat-engine-00002",
        "MESSAGE": "",
    }


def test_kubectl_shows_benchmarks(ome_api_server: ApiServer) -> None:
    namespace = ome_api_server.new_namespace()
    _apply_with_status(ome_api_server, "benchmark_jobs.yaml", namespace)
    (line,) = _table(ome_api_server, "bmj", "-n", namespace)
    assert line.pop("AGE")
    assert line == {
        "NAME": "chat-nightly",
        "TASK": "text-to-text",
        "SERVICE": "chat",
        "SCHEDULE": "0 3 * * MON-FRI",
        "STATUS": "Completed",
        "VERDICT": "Pass",
    }


def test_kubectl_lists_every_kind_by_category_and_explains_fields(ome_api_server: ApiServer) -> None:
    namespace = ome_api_server.new_namespace()
    ome_api_server.admin.apply(benchmark() | {"metadata": {"name": "job", "namespace": namespace}})
    assert "benchmarkjob.ome.io/job" in _kubectl(ome_api_server, "get", "ome", "-n", namespace, "-o", "name")
    explained = _kubectl(ome_api_server, "explain", "cbm.spec.storage.path")
    assert 'Folder on the node; "" for the default under the models root.' in explained

"""Deploy starts an engine once, keeps the one that runs as asked for, and replaces it when something changed."""

import json
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crds.load import load
from steps.choice import Choice
from steps.errors import ClusterError, InvalidInputError, NotFoundError, UnsupportedError
from steps.resources import ResourceFolder
from steps.serving import deployments, state
from steps.serving.deploy import deploy
from steps.serving.service_resource import is_ready
from tests.serving.made_up import apply_model, apply_runtime, deploy_tiny, folder_of, pids_of, state_of, wait_for


def test_engine_answers_and_the_service_says_where() -> None:
    apply_model()
    apply_runtime()
    deployed = deploy_tiny()
    service = ResourceFolder().get("InferenceService", "chat", "default")
    with urllib.request.urlopen(f"{deployed.endpoint.url}/v1/models") as answer:
        assert json.load(answer)["data"][0]["id"] == "tiny"
    assert not deployed.reused
    assert deployed.endpoint.model_name == "tiny"
    assert service["status"]["url"] == deployed.endpoint.url
    assert service["status"]["selection"]["runtime"] == "tiny-runtime"
    assert is_ready(service)
    assert load(service).problems == ()
    assert {c["type"] for c in service["status"]["conditions"]} == {
        "ModelReady", "RuntimeSelected", "Deployed", "EngineReady", "Ready",
    }  # fmt: skip


def test_second_deploy_keeps_the_running_engine() -> None:
    apply_model()
    apply_runtime()
    first = deploy_tiny()
    before = pids_of()
    second = deploy_tiny()
    assert second.reused
    assert second.endpoint == first.endpoint
    assert pids_of() == before


def test_changed_runtime_replaces_the_engine() -> None:
    apply_model()
    apply_runtime()
    deploy_tiny()
    before = pids_of()
    apply_runtime("--print", "changed")
    changed = deploy_tiny()
    assert not changed.reused
    assert not set(before) & set(pids_of())


def test_changed_model_revision_replaces_the_engine() -> None:
    apply_model()
    apply_runtime()
    deploy_tiny()
    apply_model(artifact={"revision": "r2"})
    assert not deploy_tiny().reused


def test_what_a_person_wrote_in_the_service_stays_and_counts() -> None:
    apply_model()
    apply_runtime()
    ResourceFolder().apply(
        {
            "apiVersion": "ome.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": "chat", "namespace": "default", "labels": {"team": "red"}},
            "spec": {"engine": {"runner": {"name": "ome-container", "args": ["--name={{.Labels.team}}-model"]}}},
        }
    )
    deployed = deploy_tiny()
    service = ResourceFolder().get("InferenceService", "chat", "default")
    assert deployed.endpoint.model_name == "red-model"  # as the engine lists it
    assert deployments.endpoint_of("chat") == deployed.endpoint
    deployments.stop("chat")
    assert deployments.endpoint_of("chat") is None
    assert service["metadata"]["labels"] == {"team": "red"}
    assert service["spec"]["engine"]["runner"]["args"] == ["--name={{.Labels.team}}-model"]
    assert service["spec"]["model"]["name"] == "tiny"


def test_engine_gets_its_variables_and_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = apply_model()
    apply_runtime(env=[{"name": "GREETING", "value": "served from $(MODEL_PATH)"}])
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with urllib.request.urlopen(f"{deploy_tiny().endpoint.url}/environment") as answer:
        seen = json.load(answer)
    assert seen["GREETING"] == f"served from {folder}"
    assert seen["MODEL_FILE"] == str(folder / "weights.gguf")
    assert seen["HOST"] == "127.0.0.1"
    assert "HF_TOKEN" not in seen
    assert "hf_secret" not in json.dumps(seen)
    assert not set(seen) & {"OME_HOME", "OME_STEP_ROOT", "PYTEST_CURRENT_TEST"}


def test_readiness_probe_decides_not_the_open_port(tmp_path: Path) -> None:
    apply_model()
    sick = tmp_path / "sick"
    sick.touch()
    apply_runtime("--sick-file", str(sick), readinessProbe={"httpGet": {"path": "/health", "port": 8080}})
    with ThreadPoolExecutor() as pool:
        deploying = pool.submit(deploy_tiny)
        wait_for(lambda: "answered 503" in message_of(), "the probe was asked and refused")
        assert not deploying.done()
        sick.unlink()
        assert deploying.result().endpoint.url == state_of().url


def message_of() -> str:
    now = state.read_state(folder_of())
    return now.message if now is not None else ""


def test_answer_of_another_program_on_the_port_is_not_the_engine(tmp_path: Path) -> None:
    apply_model()
    count = tmp_path / "count"
    apply_runtime("--hang", "--count", str(count))
    with ThreadPoolExecutor() as pool, socket.socket() as stranger:
        deploying = pool.submit(deploy_tiny)
        wait_for(lambda: count.exists() and count.read_text().endswith("\n"), "the engine was given a port")
        stranger.bind(("127.0.0.1", int(count.read_text().split()[1])))
        stranger.listen()
        wait_for(lambda: "is held by another program" in message_of(), "the stranger was recognised")
        deployments.stop("chat")
        with pytest.raises(ClusterError, match="ended while it was starting: stopped"):
            deploying.result()


def test_deleting_a_service_ends_a_deploy_that_waits_for_it() -> None:
    apply_model()
    apply_runtime("--hang")
    with ThreadPoolExecutor() as pool:
        deploying = pool.submit(deploy_tiny)
        wait_for(lambda: len(pids_of()) == 2, "supervisor and engine run")
        deployments.delete("chat")
        with pytest.raises(ClusterError, match="ended while it was starting: it was deleted"):
            deploying.result()
    assert ResourceFolder().find("InferenceService", "chat", "default") is None
    assert not pids_of()


def test_port_that_was_lost_is_replaced_by_another(tmp_path: Path) -> None:
    apply_model()
    apply_runtime("--lose-port-once", str(tmp_path / "lost"), "--count", str(tmp_path / "count"))
    deployed = deploy_tiny()
    ports = [line.split()[1] for line in (tmp_path / "count").read_text().splitlines()]
    assert len(ports) == 2
    assert deployed.endpoint.url.endswith(f":{ports[1]}")
    assert state_of().phase == "Ready"


def test_runtime_with_a_port_of_its_own_gets_it_or_says_it_is_taken() -> None:
    apply_model()
    apply_runtime()
    taken = int(deploy_tiny("other").endpoint.url.rpartition(":")[2])
    apply_runtime(name="stiff", args=["--port", str(taken)])
    with pytest.raises(ClusterError, match=f"port {taken}, which the runtime insists on, is taken"):
        deploy_tiny(runtime="stiff")
    deployments.stop("other")
    assert deploy_tiny(runtime="stiff").endpoint.url == f"http://127.0.0.1:{taken}"


def test_what_cannot_be_is_refused_before_anything_starts() -> None:
    apply_runtime()
    with pytest.raises(NotFoundError, match='model "tiny" is neither a BaseModel of namespace default'):
        deploy_tiny()
    apply_model(state="In_Transit")
    with pytest.raises(ClusterError, match='status.state is "In_Transit"'):
        deploy_tiny()
    apply_model()
    with pytest.raises(NotFoundError, match='ClusterServingRuntime "absent" does not exist'):
        deploy_tiny(runtime="absent")
    for replicas, error in ((0, InvalidInputError), (2, UnsupportedError)):
        with pytest.raises(error, match=f'replicas: "{replicas}"'):
            deploy(
                "chat", "default", "tiny", Choice(runtime="tiny-runtime"),
                replicas=replicas, timeout_seconds=1, report=lambda phase, elapsed: None,
            )  # fmt: skip
    assert not pids_of()


def test_several_nodes_and_other_components_are_refused_by_name() -> None:
    apply_model()
    apply_runtime()
    for component, name in (({"decoder": {}}, "spec.decoder"), ({"engine": {"worker": {"size": 1}}}, "engine.worker")):
        ResourceFolder().delete("InferenceService", "chat", "default")
        ResourceFolder().apply(
            {
                "apiVersion": "ome.io/v1beta1",
                "kind": "InferenceService",
                "metadata": {"name": "chat", "namespace": "default"},
                "spec": component,
            }
        )
        with pytest.raises(UnsupportedError, match=name):
            deploy_tiny()

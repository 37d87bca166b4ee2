"""However a deployment is killed or interrupted, no process of it stays behind, and no other is touched."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from steps.choice import Choice
from steps.resources import ResourceFolder
from steps.serving import deployments, state
from steps.serving.identity import ProcessIdentity, identify
from tests.serving.made_up import apply_model, apply_runtime, deploy_tiny, folder_of, pids_of, state_of, wait_for


def start_step(tmp_path: Path) -> "subprocess.Popen[bytes]":
    """The deploy step as the local runner starts it, in a process of its own."""
    inputs = {"service": "chat", "model": "tiny", "choice": Choice(runtime="tiny-runtime").model_dump_json()}
    file = tmp_path / "inputs.json"
    file.write_text(json.dumps([{"name": name, "value": value} for name, value in inputs.items()]))
    environment = {**os.environ, "OME_STEP_ROOT": str(tmp_path / "root")}
    return subprocess.Popen(
        [sys.executable, "-m", "steps", "deploy-service", str(file)], env=environment, start_new_session=True
    )


def test_killed_supervisor_takes_its_engine_along_and_the_next_deploy_heals() -> None:
    apply_model()
    apply_runtime()
    deploy_tiny()
    now = state_of()
    assert now.supervisor is not None
    assert now.engine is not None
    engine = psutil.Process(now.engine.pid)
    os.kill(now.supervisor.pid, signal.SIGKILL)
    if sys.platform == "linux":
        wait_for(lambda: not engine.is_running(), "the kernel ended the engine")
    assert not state_of().is_supervised
    (shown,) = deployments.list_deployments()
    assert not shown.is_running
    assert not deploy_tiny().reused
    assert not engine.is_running()


def test_orphan_that_nobody_wrote_down_is_found_by_stop() -> None:
    apply_model()
    apply_runtime("--detach")
    deploy_tiny()
    before = pids_of()
    assert len(before) == 3  # supervisor, engine, and the daemon the engine started
    now = state_of()
    assert now.supervisor is not None
    os.kill(now.supervisor.pid, signal.SIGKILL)
    (folder_of() / state.STATE).unlink()
    assert deployments.stop("chat")
    assert not pids_of()
    assert not [pid for pid in before if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]


def test_restart_leaves_no_daemon_of_the_crashed_engine() -> None:
    apply_model()
    apply_runtime("--detach")
    deploy_tiny()
    now = state_of()
    assert now.engine is not None
    (daemon,) = set(pids_of()) - {now.engine.pid, now.supervisor.pid if now.supervisor else 0}
    os.kill(now.engine.pid, signal.SIGKILL)

    def is_back() -> bool:
        state = state_of()
        return state.phase == "Ready" and state.engine not in (None, now.engine)

    wait_for(is_back, "the engine is back")
    assert daemon not in pids_of()
    assert len(pids_of()) == 3


def test_engine_that_ignores_sigterm_is_killed_after_its_grace() -> None:
    apply_model()
    apply_runtime("--stubborn")
    deploy_tiny()
    assert deployments.stop("chat")
    assert not pids_of()
    assert state_of().phase == "Stopped"


def test_stopping_never_touches_a_process_that_got_the_number_of_ours() -> None:
    apply_model()
    apply_runtime()
    deploy_tiny()
    deployments.stop("chat")
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        real = identify(bystander.pid)
        assert real is not None
        recycled = ProcessIdentity(pid=real.pid, created=real.created - 100)
        stale = state_of().model_copy(update={"phase": "Ready", "supervisor": recycled, "engine": recycled})
        state.write_state(folder_of(), stale)
        assert not deployments.stop("chat")
        assert bystander.poll() is None
        assert not deploy_tiny().reused
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_deploy_leaves_no_process_and_the_next_one_succeeds(
    tmp_path: Path, number: signal.Signals
) -> None:
    apply_model()
    apply_runtime("--hang")
    step = start_step(tmp_path)
    try:
        wait_for(lambda: len(pids_of()) == 2, "supervisor and engine run")
        step.send_signal(number)
        assert step.wait(timeout=30) != 0
    finally:
        step.kill()
    wait_for(lambda: not pids_of(), "nothing of the deployment runs")
    apply_runtime()
    assert not deploy_tiny().reused


def test_deployment_outlives_the_step_that_made_it(tmp_path: Path) -> None:
    apply_model()
    apply_runtime()
    assert start_step(tmp_path).wait(timeout=30) == 0
    endpoint = json.loads((tmp_path / "root" / "outputs" / "endpoint").read_text())
    assert (tmp_path / "root" / "outputs" / "reused").read_text() == "false"
    assert endpoint == {
        "url": state_of().url, "modelName": "tiny", "apiFormat": "openai", "service": "chat", "namespace": "default",
        "engine": "tiny-runtime",
    }  # fmt: skip
    reused = deploy_tiny()
    assert reused.reused
    assert reused.endpoint.url == endpoint["url"]


def test_interrupt_of_a_deploy_that_only_joined_leaves_the_engine_running(tmp_path: Path) -> None:
    apply_model()
    gate = tmp_path / "sick"
    gate.touch()
    apply_runtime("--sick-file", str(gate), readinessProbe={"httpGet": {"path": "/health"}})
    first = start_step(tmp_path)
    wait_for(lambda: len(pids_of()) == 2, "supervisor and engine run")
    before = pids_of()
    (tmp_path / "second").mkdir()
    second = start_step(tmp_path / "second")
    second.send_signal(signal.SIGINT)
    assert second.wait(timeout=30) != 0
    assert pids_of() == before
    gate.unlink()
    assert first.wait(timeout=30) == 0
    assert pids_of() == before


def test_delete_removes_processes_folder_and_resource_and_down_stops_all() -> None:
    apply_model()
    apply_runtime()
    deploy_tiny("one")
    deploy_tiny("two")
    assert deployments.delete("one")
    assert not pids_of("one")
    assert not folder_of("one").exists()
    assert ResourceFolder().find("InferenceService", "one", "default") is None
    assert [d.service for d in deployments.list_deployments() if d.is_running] == ["two"]
    assert deployments.stop_all() == 1
    assert not pids_of("two")
    assert deployments.stop_all() == 0
    assert not deployments.delete("one")


def test_supervisor_ends_when_its_home_folder_is_removed() -> None:
    apply_model()
    apply_runtime()
    deploy_tiny()
    (folder_of() / state.LAUNCH).unlink()
    wait_for(lambda: not pids_of(), "the supervisor noticed")

"""A crashed engine starts again after a pause; one that keeps crashing stays down, and its last words are shown."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from steps.errors import RETRYABLE_EXIT_CODES, ClusterError, EngineFailedError
from steps.resources import ResourceFolder
from steps.serving.deployments import list_deployments, refresh_service
from steps.serving.service_resource import is_ready
from tests.serving.made_up import apply_model, apply_runtime, deploy_tiny, folder_of, pids_of, state_of, wait_for


def test_engine_that_crashes_twice_comes_up_at_the_third_start(tmp_path: Path) -> None:
    apply_model()
    apply_runtime("--crash-times", "2", "--count", str(tmp_path / "count"))
    deploy_tiny()
    assert len((tmp_path / "count").read_text().splitlines()) == 3
    assert state_of().phase == "Ready"
    assert state_of().restarts == 2


def test_engine_that_always_crashes_stays_down_with_its_last_words(tmp_path: Path) -> None:
    apply_model()
    apply_runtime("--crash-times", "99", "--count", str(tmp_path / "count"))
    with pytest.raises(EngineFailedError) as caught:
        deploy_tiny()
    assert caught.value.exit_code not in RETRYABLE_EXIT_CODES  # it was started again and again already
    assert "ended with exit code 3 (crashed 3 times)" in caught.value.message
    assert "tiny engine: out of luck" in caught.value.message
    assert str(folder_of() / "engine.log") in caught.value.remedy
    assert state_of().phase == "Failed"
    assert state_of().last_lines[-1] == "tiny engine: out of luck"
    assert len((tmp_path / "count").read_text().splitlines()) == 3
    assert not pids_of()
    service = ResourceFolder().get("InferenceService", "chat", "default")
    assert not is_ready(service)
    ready = next(c for c in service["status"]["conditions"] if c["type"] == "Ready")
    assert ready["reason"] == "EngineFailedError"
    assert "does not start" in ready["message"]


def test_engine_that_never_answers_is_ended_at_the_deadline() -> None:
    apply_model()
    apply_runtime("--hang")
    with pytest.raises(ClusterError, match=r"service default/chat did not answer within 1 s") as caught:
        deploy_tiny(seconds=1)
    assert caught.value.exit_code in RETRYABLE_EXIT_CODES  # it may have been the machine that was slow
    assert not pids_of()
    assert state_of().phase == "Stopped"


def test_program_that_cannot_be_started_fails_at_once(tmp_path: Path) -> None:
    apply_model()
    program = tmp_path / "program"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    apply_runtime(command=[str(program)], args=[])
    with pytest.raises(EngineFailedError, match=f"cannot start {program}"):
        deploy_tiny()
    assert not pids_of()


def test_killed_engine_comes_back_at_the_same_address() -> None:
    apply_model()
    apply_runtime()
    url = deploy_tiny().endpoint.url
    engine = state_of().engine
    assert engine is not None
    os.kill(engine.pid, signal.SIGKILL)

    def is_back() -> bool:
        state = state_of()  # once: between two looks the engine that was killed may be noticed
        return state.phase == "Ready" and state.engine not in (None, engine)

    wait_for(is_back, "the engine is back")
    assert state_of().url == url
    assert state_of().restarts == 1
    assert not psutil.pid_exists(engine.pid)
    again = deploy_tiny()
    assert again.reused


def test_service_that_went_down_later_shows_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_RESTART_LIMIT", "1")
    apply_model()
    apply_runtime()
    deploy_tiny()
    engine = state_of().engine
    assert engine is not None
    os.kill(engine.pid, signal.SIGKILL)
    wait_for(lambda: state_of().phase == "Failed", "the supervisor gave up")
    wait_for(lambda: not state_of().is_supervised, "the supervisor ended")
    service = refresh_service(ResourceFolder(), "chat", "default")
    assert service is not None
    assert not is_ready(service)
    assert "url" not in service["status"]
    ready = next(c for c in service["status"]["conditions"] if c["type"] == "EngineReady")
    assert "was ended by signal 9 (SIGKILL)" in ready["message"]
    (shown,) = list_deployments()
    assert not shown.is_running


def test_engine_that_fails_its_liveness_probe_is_started_again(tmp_path: Path) -> None:
    apply_model()
    sick = tmp_path / "sick"
    probe = {"httpGet": {"path": "/health"}, "periodSeconds": 1, "failureThreshold": 1}
    apply_runtime("--sick-file", str(sick), livenessProbe=probe)
    deploy_tiny()
    engine = state_of().engine
    sick.touch()
    wait_for(lambda: state_of().engine != engine, "the sick engine was ended")
    sick.unlink()
    wait_for(lambda: state_of().phase == "Ready", "a new engine is up")
    assert state_of().restarts >= 1


def test_engine_that_turns_unready_is_shown_so_and_recovers(tmp_path: Path) -> None:
    apply_model()
    sick = tmp_path / "sick"
    probe = {"httpGet": {"path": "/health"}, "periodSeconds": 1, "failureThreshold": 1}
    apply_runtime("--sick-file", str(sick), readinessProbe=probe)
    deploy_tiny()
    engine = state_of().engine
    sick.touch()
    wait_for(lambda: state_of().phase == "Starting", "it is shown as not ready")
    assert "answered 503" in state_of().message
    sick.unlink()
    wait_for(lambda: state_of().phase == "Ready", "it is ready again")
    assert state_of().engine == engine

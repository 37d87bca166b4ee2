"""Pauses between restarts grow and are bounded; crashes long ago are forgiven; probes need a few failures to count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import InvalidInputError
from steps.serving.health import Health
from steps.serving.launch import LaunchPlan
from steps.serving.probe import Probe
from steps.serving.restart import RestartPolicy, pause_before_restart, policy_from_environment

POLICY = RestartPolicy(pause_seconds=1, longest_pause_seconds=10, limit=6, window_seconds=100)


def test_pauses_double_up_to_the_longest_and_then_end() -> None:
    pauses = [pause_before_restart([float(i) for i in range(count)], POLICY) for count in range(1, 8)]
    assert pauses == [1, 2, 4, 8, 10, None, None]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_only_recent_crashes_count(times: list[float]) -> None:
    crashes = sorted(times)
    pause = pause_before_restart(crashes, POLICY)
    recent = [time for time in crashes if crashes[-1] - time < 100]
    assert (pause is None) is (len(recent) >= 6)
    assert pause is None or 1 <= pause <= 10
    assert pause == pause_before_restart(recent, POLICY)


@pytest.mark.parametrize("text", ["soon", "0", "-1", "inf", "nan"])
def test_settings_that_make_no_sense_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_RESTART_PAUSE_SECONDS", text)
    with pytest.raises(InvalidInputError, match=f'OME_RESTART_PAUSE_SECONDS: "{text}"'):
        policy_from_environment()


class Patient:
    """An engine whose probes answer what a test says."""

    def __init__(self, **probes: Probe) -> None:
        self.problems: dict[str, str] = {}
        self.asked: list[str] = []
        plan = LaunchPlan.model_validate({
            "service": "s", "namespace": "n", "model": "m", "model_path": "/m", "revision": "", "runtime": "r",
            "image": "", "served_name": "m", "command": ("serve",), **probes,
        })  # fmt: skip
        self.health = Health(plan, self._answer, started_at=0.0)

    def _answer(self, probe: Probe) -> str:
        self.asked.append(probe.path)
        return self.problems.get(probe.path, "")


def test_startup_must_be_well_once_before_readiness_is_asked() -> None:
    patient = Patient(startup=Probe(path="/start"), readiness=Probe(path="/ready"))
    patient.problems = {"/start": "loading"}
    assert patient.health.check(0) == "starting"
    assert patient.health.problem == "loading"
    assert patient.asked == ["/start"]
    patient.problems = {"/ready": "warming up"}
    assert patient.health.check(1) == "starting"
    patient.problems = {"/start": "never asked again"}
    assert patient.health.check(2) == "ready"
    assert patient.asked == ["/start", "/start", "/ready", "/ready"]


def test_a_single_failure_does_not_make_it_unready() -> None:
    patient = Patient(readiness=Probe(path="/ready", failure_threshold=2, period_seconds=5))
    assert patient.health.check(0) == "ready"
    patient.problems = {"/ready": "busy"}
    assert patient.health.check(1) == "ready"
    assert patient.asked == ["/ready"]  # not due yet
    assert patient.health.check(5) == "ready"
    assert patient.health.check(6) == "unready"
    patient.problems = {}
    assert patient.health.check(7) == "ready"


def test_liveness_counts_only_after_it_was_ready_once() -> None:
    patient = Patient(
        readiness=Probe(path="/ready"), liveness=Probe(path="/live", failure_threshold=2, period_seconds=1)
    )
    patient.problems = {"/ready": "loading", "/live": "loading"}
    assert [patient.health.check(float(now)) for now in range(5)] == ["starting"] * 5
    patient.problems = {"/live": "stuck"}
    assert patient.health.check(10) == "ready"
    assert patient.health.check(11) == "dead"

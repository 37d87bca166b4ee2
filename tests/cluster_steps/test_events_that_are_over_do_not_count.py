"""A volume that failed and then came is no trouble, of a service's pod nor of the one that reads a claim."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from steps.cluster.claim_pod import ClaimFolder, trouble_of
from steps.cluster.pod_waiting import Object
from steps.describe_claim import ClaimRequest
from steps.serving.cluster.placed_model import PlacedModel
from steps.serving.cluster.pod_trouble import pod_trouble

FOLDER = ClaimFolder("team", "weights", ClaimRequest(uri="pvc://weights/tiny", path="tiny"))
MODEL = PlacedModel(kind="ClusterBaseModel", namespace="", name="tiny", path="/m")
FAILED = ("FailedAttachVolume", 'AttachVolume.Attach failed for volume "pvc-1": no such disk', 5)
MOUNT = ("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[claim]", 5)
Said = tuple[str, str, int]


def pod(**changes: Any) -> Object:
    status: Object = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]}
    return {"metadata": {"name": "p", "namespace": "team", "uid": "u"}, "status": {**status, **changes}}


def event(reason: str, message: str, second: int, **fields: Any) -> Object:
    kind = "Warning" if reason.startswith("Failed") else "Normal"
    made = {"metadata": {}, "involvedObject": {"uid": "u"}, "type": kind, "reason": reason, "message": message}
    return {**made, "lastTimestamp": f"2026-01-01T00:00:{second:02d}Z", **fields}


def causes(of_pod: Object, events: Sequence[Object]) -> tuple[str | None, str | None]:
    """What a service's pod and a claim's suffer from."""
    of_service, of_claim = pod_trouble(of_pod, events, MODEL), trouble_of(of_pod, events, FOLDER)
    return of_service.cause if of_service else None, of_claim.cause if of_claim else None


@pytest.mark.parametrize(
    "said",
    [
        [FAILED, ("SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "pvc-1"', 6)],
        [FAILED, ("SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "pvc-1"', 5)],
        [MOUNT, ("SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "pvc-1"', 6)],
        [FAILED, ("Pulling", "Pulling image", 6)],
        [MOUNT, ("Pulled", "already present", 6)],
        [MOUNT, ("Started", "Started container", 6)],
        [FAILED, MOUNT, ("Pulling", "Pulling image", 6)],
        [("Pulling", "Pulling image", 6), FAILED],
        [("FailedScheduling", "0/3 nodes", 1), FAILED, ("Pulling", "Pulling image", 6)],
    ],
)
def test_what_came_after_all_is_no_trouble(said: list[Said]) -> None:
    assert causes(pod(), [event(*one) for one in said]) == (None, None)


@pytest.mark.parametrize(
    "said",
    [
        [FAILED],
        [MOUNT],
        [("Scheduled", "Assigned", 4), FAILED],
        [FAILED, ("Scheduled", "Assigned", 6)],
        [("SuccessfulAttachVolume", 'succeeded for volume "pvc-1"', 4), MOUNT],
        [FAILED, ("SuccessfulAttachVolume", 'succeeded for volume "pvc-2"', 6)],
        [FAILED, ("Pulling", "Pulling image", 6), (FAILED[0], FAILED[1], 7)],
        [FAILED, ("FailedBinding", "a warning of something else", 6)],
    ],
)
def test_what_fails_still_is(said: list[Said]) -> None:
    assert causes(pod(), [event(*one) for one in said]) == ("volume", "volume")


def test_times_to_the_microsecond_are_compared_by_the_second() -> None:
    attached = event("Pulling", "", 0, lastTimestamp=None, eventTime="2026-01-01T00:00:05.200000Z")
    assert causes(pod(), [event(*FAILED), attached]) == (None, None)


def test_events_of_other_pods_do_not_count() -> None:
    other = event("Pulling", "Pulling image", 6, involvedObject={"uid": "another"})
    assert causes(pod(), [event(*FAILED), other]) == ("volume", "volume")
    assert causes(pod(), [event(*FAILED, involvedObject={"uid": "another"})]) == (None, None)


def test_a_pod_that_runs_has_its_volumes() -> None:
    assert causes(pod(phase="Running"), [event(*FAILED)]) == (None, None)


def test_a_pod_in_a_queue_waits_without_a_limit_of_its_own() -> None:
    gated = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked",
    }
    held = pod(conditions=[gated])
    held["spec"] = {"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}
    assert causes(held, []) == ("queued", "queued")
    found = trouble_of(held, [], FOLDER)
    assert found is not None and found.patience == math.inf
    assert "waits to be admitted by its queue (scheduling gates: kueue.x-k8s.io/admission)" in found.error.message

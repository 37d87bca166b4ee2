"""What a pod that has not started waits for, as its queue, the scheduler and the kubelet wrote it.

Pure. Called by `steps.serving.cluster.pod_trouble` for the pods of a service, and by `steps.cluster.claim_pod` for the
one that reads a claim.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

Object = dict[str, Any]

VOLUME_FAILURES: Final = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
_ATTACHED: Final = ("SuccessfulAttachVolume", "SuccessfulMountVolume")
_MOUNTED: Final = (
    "Pulling", "Pulled", "Created", "Started", "Failed", "BackOff", "Unhealthy", "FailedCreatePodSandBox",
)  # fmt: skip
"""The kubelet turns to a pod's sandbox, images and containers only when all its volumes are mounted."""
_VOLUME = re.compile(r'volume "([^"]+)"')
_GATED: Final = "SchedulingGated"
_QUEUE: Final = "kueue.x-k8s.io/queue-name"
_LONGEST: Final = 500
_SECONDS: Final = len("2026-01-01T00:00:00")


@dataclass(frozen=True, slots=True)
class Unscheduled:
    """A pod that has no node.

    Attributes:
        said: In the scheduler's words.
        is_gated: Whether the scheduler does not look for one yet: a queue must admit the pod first.
    """

    said: str
    is_gated: bool = False


def unscheduled(pod: Object) -> Unscheduled | None:
    """Why a pod has no node; None when it has one, or nobody has said anything."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            if condition.get("reason") == _GATED:
                return Unscheduled(_admission(pod), is_gated=True)
            said = str(condition.get("message") or condition.get("reason") or "not scheduled yet")
            return Unscheduled(" ".join(said.split()))
    return None


def _admission(pod: Object) -> str:
    gates = [str(gate.get("name") or "") for gate in (pod.get("spec") or {}).get("schedulingGates") or ()]
    queue = str((pod["metadata"].get("labels") or {}).get(_QUEUE) or "")
    named = f' "{queue}"' if queue else ""
    return f"waits to be admitted by its queue{named} (scheduling gates: {', '.join(gates) or 'being removed'})"


def events_of(pod: Object, events: Sequence[Object]) -> list[Object]:
    """A pod's events, oldest first."""
    uid = pod["metadata"].get("uid")
    own = [event for event in events if (event.get("involvedObject") or {}).get("uid") == uid]
    return sorted(own, key=_time_of)


def volume_failure(pod: Object, events: Sequence[Object]) -> Object | None:
    """The newest event that a volume of a pod cannot be had, unless a later one shows that this is over.

    Args:
        pod: Whose volumes.
        events: Of the pod, oldest first.
    """
    if (pod.get("status") or {}).get("phase") not in (None, "", "Pending"):
        return None  # a container has run, so the volumes are there
    for event in reversed(events):
        if event.get("reason") in VOLUME_FAILURES and not any(_is_end_of(event, later) for later in events):
            return event
    return None


def words(text: str) -> str:
    """What somebody said, on one line that fits a message."""
    return " ".join(text.split())[:_LONGEST]


def words_of(event: Object) -> str:
    """What an event says."""
    return words(str(event.get("message") or event.get("reason") or ""))


def _is_end_of(failure: Object, later: Object) -> bool:
    """Whether an event shows that a volume's failure is over; within one second the failure came first.

    What comes again has a new time, so what is taken as over too early is soon told again.
    """
    if _time_of(later)[:_SECONDS] < _time_of(failure)[:_SECONDS]:
        return False
    if later.get("reason") in _ATTACHED:
        of_failure, of_later = (_VOLUME.search(str(event.get("message") or "")) for event in (failure, later))
        return of_failure is None or of_later is None or of_failure[1] == of_later[1]
    return later.get("reason") in _MOUNTED


def _time_of(event: Object) -> str:
    series = event.get("series") or {}
    moment = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(moment or event["metadata"].get("creationTimestamp") or "")

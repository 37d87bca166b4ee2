"""Conditions as planners say them, and the status that is written only when it differs.

A condition's `lastTransitionTime` changes only with its status, so that an unchanged state is an unchanged object.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from controller.actions import Action, EmitEvent, Object, WriteStatus
from controller.plans.runs import timestamp

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Said:
    """A condition without its times.

    Attributes:
        holds: None when it is not known yet.
        reason: One CamelCase word.
        message: A sentence for people.
        severity: "Info" for what may be false while the object is ready.
    """

    type: str
    holds: bool | None
    reason: str
    message: str = ""
    severity: Literal["", "Info"] = ""

    @property
    def status(self) -> str:
        """As Kubernetes writes it."""
        return "Unknown" if self.holds is None else str(self.holds)


def conditions(old: Iterable[Mapping[str, Any]], said: Sequence[Said], generation: int, now: datetime) -> list[Object]:
    """Conditions as the API has them; one whose status is as before keeps its time."""
    before = {str(condition.get("type")): condition for condition in old}
    made = []
    for one in said:
        earlier = before.get(one.type) or {}
        is_same = earlier.get("status") == one.status and earlier.get("lastTransitionTime")
        condition: Object = {
            "type": one.type,
            "status": one.status,
            "reason": one.reason,
            "message": one.message[:_LONGEST],
            "observedGeneration": generation,
            "lastTransitionTime": earlier["lastTransitionTime"] if is_same else timestamp(now),
        }
        if one.severity:
            condition["severity"] = one.severity
        made.append(condition)
    return made


def condition_of(resource: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A condition of a resource; {} when it has none of that type."""
    found = (resource.get("status") or {}).get("conditions") or ()
    return next((condition for condition in found if condition.get("type") == name), {})


def is_true(resource: Mapping[str, Any], name: str) -> bool:
    """Whether a resource has that condition and it holds."""
    return condition_of(resource, name).get("status") == "True"


def write_status(resource: Object, status: Object, event: EmitEvent | None = None) -> tuple[Action, ...]:
    """The write, with an event where it is given; nothing when the status is this already."""
    if status == (resource.get("status") or {}):
        return ()
    metadata = resource["metadata"]
    write = WriteStatus(
        kind=resource["kind"],
        namespace=str(metadata.get("namespace") or ""),
        name=metadata["name"],
        resource_version=str(metadata.get("resourceVersion") or ""),
        status=status,
    )
    return (write, event) if event is not None else (write,)


def change_event(resource: Object, said: Sequence[Said], decisive: str) -> EmitEvent | None:
    """An event when the decisive condition says something else than before: it holds now, or for another reason."""
    new = next(one for one in said if one.type == decisive)
    old = condition_of(resource, decisive)
    is_news = (old.get("status"), old.get("reason")) != (new.status, new.reason)
    if not is_news or new.holds is None or (not new.holds and new.reason in _QUIET):
        return None
    return EmitEvent(resource, "Normal" if new.holds else "Warning", new.reason, new.message)


_QUIET = frozenset(
    {"Waiting", "CheckingFit", "Importing", "Deploying", "Pending", "Progressing", "Running", "ModelNotReady"}
)
"""Reasons of the ordinary course of things, which need no event."""

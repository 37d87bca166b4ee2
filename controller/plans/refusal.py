"""What a resource is told when the API server refuses what its plan asks for: a quota, a policy, a missing right.

The reconciler carries it out in place of the plan that ended there. A plan that goes through says its own conditions
again, which take this one's place.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from controller.actions import Action, EmitEvent, Object
from controller.plans.conditions import Said, condition_of, conditions, write_status

REASON: Final = "Refused"
_DEFINITE: Final = frozenset({400, 403, 404, 405, 413, 422})
"""HTTP statuses of an answer that is the same the next time, unless somebody does something about it."""
_DECISIVE: Final[Mapping[str, str]] = {
    "ClusterBaseModel": "Ready",
    "BaseModel": "Ready",
    "InferenceService": "Ready",
    "BenchmarkJob": "Completed",
    "AcceleratorClass": "Available",
}


def is_refusal(status: int) -> bool:
    """Whether the API server has refused a request for good: not busy, not away, and no conflict."""
    return status in _DEFINITE


def plan_refusal(resource: Object, status: int, message: str, now: datetime) -> tuple[Action, ...]:
    """An event, and the decisive condition of what does not hold anyway: a model that is Ready stays so.

    Args:
        resource: As it is.
        status: Of the answer.
        message: The request, and the API server's words.
        now: For a condition that changes.
    """
    text = f"The API server refuses what is due: {_words(status, message)}. {_remedy(message)} It is tried again."
    event = EmitEvent(resource, "Warning", REASON, text)
    decisive = _DECISIVE.get(resource["kind"], "")
    old = resource.get("status") or {}
    is_leaving = "deletionTimestamp" in resource["metadata"]
    if not decisive or (condition_of(resource, decisive).get("status") == "True" and not is_leaving):
        return (event,)
    before = old.get("conditions") or ()
    generation = int(resource["metadata"].get("generation") or 0)
    made = conditions(before, [Said(decisive, False, REASON, text)], generation, now)
    others = [condition for condition in before if condition.get("type") != decisive]
    return (event, *write_status(resource, {**old, "conditions": [*others, *made]}))


def _words(status: int, message: str) -> str:
    request = message.partition(": ")[0]
    if "/secrets" in request:  # what is said of a Secret may have something of it
        return f"{request}: {status}"
    return message.rstrip(".")


def _remedy(message: str) -> str:
    if "exceeded quota" in message:
        return "Raise that ResourceQuota, or delete what takes it up."
    if 'User "' in message and " cannot " in message:
        return "Grant this to the controller's service account: `ome install` puts its roles back as they were."
    if "denied" in message:
        return "Change the policy or webhook that denies it, or what it objects to."
    return "Mend what it says; `ome doctor` says what is missing on this cluster."

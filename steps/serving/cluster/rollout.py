"""What a component's rollout waits for, told from its Deployment, its pods and their events.

Pure. Called by `wait`, which knows how long a trouble lasts. Only pods of the template that was applied count: an old
pod that crashes says nothing of the new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from steps.serving.cluster.metadata import Object
from steps.serving.cluster.placed_model import PlacedModel
from steps.serving.cluster.pod_trouble import Trouble, pod_trouble
from steps.serving.cluster.render import RenderedComponent
from steps.serving.cluster.strategy import TEMPLATE_DIGEST

_REFUSED_REMEDY = (
    "Mend what refuses the pod (a quota, a policy of the namespace such as Pod Security, which must allow hostPath"
    " volumes, an admission webhook), or change the service."
)


@dataclass(frozen=True)
class Seen:
    """What the API server has of a component.

    Attributes:
        deployment: None when it is gone.
        pods: Of the component, of all its templates.
        events: Of pods of the namespace.
    """

    deployment: Object | None
    pods: Sequence[Object] = ()
    events: Sequence[Object] = ()


@dataclass(frozen=True)
class Diagnosis:
    """Where a rollout stands.

    Attributes:
        state: `replaced` when another deploy changed the template meanwhile.
        waiting_for: In a few words.
        trouble: What keeps it, if anything does.
    """

    state: Literal["done", "waiting", "replaced", "deleted"]
    waiting_for: str = ""
    trouble: Trouble | None = None


def diagnose(component: RenderedComponent, seen: Seen, model: PlacedModel) -> Diagnosis:
    """Where the rollout of a component stands.

    It is complete when the Deployment's controller has seen the newest template, all pods are of it, and as many are
    available as are asked for: of an autoscaled Deployment the minimum.
    """
    if seen.deployment is None:
        return Diagnosis("deleted")
    spec, status = seen.deployment["spec"], seen.deployment.get("status") or {}
    if _annotation(spec["template"], TEMPLATE_DIGEST) != component.template_digest:
        return Diagnosis("replaced")
    if int(status.get("observedGeneration") or 0) < int(seen.deployment["metadata"].get("generation") or 0):
        return Diagnosis("waiting", f"{component.name}: waiting for the Deployment controller")
    scaling = component.scaling
    wanted = int(spec.get("replicas", scaling.minimum))
    enough = wanted if scaling.decided_by == "nobody" else min(wanted, scaling.minimum)
    total, updated = int(status.get("replicas") or 0), int(status.get("updatedReplicas") or 0)
    available = int(status.get("availableReplicas") or 0)
    if updated >= wanted and total <= updated and available >= enough:
        return Diagnosis("done")
    count = f"{component.name}: {available} of {enough} pods available"
    trouble = refusal(seen.deployment) or _worst(component, seen, model)
    if trouble is not None:
        return Diagnosis("waiting", f"{count}; {trouble.message}", trouble)
    if available >= enough and total > updated:
        return Diagnosis("waiting", f"{count}, {total - updated} of the old template still there")
    return Diagnosis("waiting", count)


def _worst(component: RenderedComponent, seen: Seen, model: PlacedModel) -> Trouble | None:
    new = [
        pod
        for pod in seen.pods
        if _annotation(pod, TEMPLATE_DIGEST) == component.template_digest
        and "deletionTimestamp" not in pod["metadata"]
    ]
    found = [trouble for pod in new if (trouble := pod_trouble(pod, seen.events, model)) is not None]
    return min(found, key=lambda trouble: trouble.rank, default=None)


def refusal(deployment: Object) -> Trouble | None:
    """Why the API server refuses to make a Deployment's pods (quota, Pod Security, webhooks); None where it does not.

    Also called by the controller.
    """
    for condition in (deployment.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return Trouble("refused", f"its pods are refused: {condition.get('message', '')}", _REFUSED_REMEDY)
    return None


def _annotation(holder: Object, key: str) -> str:
    return str((holder.get("metadata") or {}).get("annotations", {}).get(key, ""))

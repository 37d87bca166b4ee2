"""Why a pod is not ready, in the words of its queue, the scheduler, the kubelet or the container itself.

Pure. Called by `rollout`, and by the controller. The vocabulary is the kubelet's: waiting reasons of containers, and
reasons of events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from steps.cluster.pod_waiting import (
    VOLUME_FAILURES,
    Unscheduled,
    events_of,
    unscheduled,
    volume_failure,
    words_of,
)
from steps.serving.cluster.metadata import Object
from steps.serving.cluster.placed_model import PlacedModel

Cause = Literal[
    "crash", "image-name", "image", "configuration", "refused", "unschedulable", "queued", "volume", "starting"
]

RESTARTS_THAT_FAIL = 3
LAST_LINES = 10
_ORDER: tuple[Cause, ...] = (
    "crash", "image-name", "image", "configuration", "refused", "volume", "unschedulable", "queued", "starting",
)  # fmt: skip
_IMAGE_NAME = ("InvalidImageName", "ErrImageNeverPull")
_IMAGE = ("ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed")
_CONFIGURATION = ("CreateContainerConfigError", "CreateContainerError")
_PASSED = (*VOLUME_FAILURES, "FailedScheduling")
"""Events of what is over when a pod has a node and no volume fails."""
_NODES_COME = ("TriggeredScaleUp", "Nominated")
"""Events of Cluster Autoscaler and of Karpenter: a node for the pod is on its way."""


@dataclass(frozen=True)
class Trouble:
    """Why a pod is not ready.

    Attributes:
        cause: Decides how long it is waited out.
        message: In the words of whoever said it.
        remedy: What a person can do.
        is_final: Whether it is over at once.
        nodes_come: Whether a cluster autoscaler is bringing a node.
    """

    cause: Cause
    message: str
    remedy: str = ""
    is_final: bool = False
    nodes_come: bool = False

    @property
    def rank(self) -> int:
        """0 for the one to be told before all others."""
        return _ORDER.index(self.cause)


def pod_trouble(pod: Object, events: Sequence[Object], model: PlacedModel) -> Trouble | None:
    """Why a pod is not ready, or None when it is, or has said nothing yet.

    Args:
        pod: Of the newest template.
        events: Of pods; only this pod's count.
        model: What it serves, for where it may run.
    """
    status = pod.get("status") or {}
    own = events_of(pod, events)
    if (waiting := unscheduled(pod)) is not None:
        return _unscheduled(pod, waiting, own, model)
    if any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ()):
        return None
    found = [
        trouble
        for kind in ("initContainerStatuses", "containerStatuses")
        for container in status.get(kind) or ()
        if (trouble := _container_trouble(pod, container, own)) is not None
    ]
    if found:
        return min(found, key=lambda trouble: trouble.rank)
    if status.get("phase") == "Failed":
        return Trouble("starting", f"pod {_name(pod)} failed: {status.get('reason', '')} {status.get('message', '')}")
    return _from_events(pod, own)


def _container_trouble(pod: Object, status: dict[str, Any], events: Sequence[Object]) -> Trouble | None:
    state = status.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, said = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason in _IMAGE_NAME or reason in _IMAGE:
        return _image(pod, status, reason, said)
    if reason in _CONFIGURATION:
        return Trouble(
            "configuration",
            f"container {status['name']} of pod {_name(pod)} cannot be made: {said or reason}",
            "Create the Secret or ConfigMap that is missing, or correct the runtime or the service.",
        )
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated")
    restarts = int(status.get("restartCount") or 0)
    is_down = "running" not in state
    is_crash = ended is not None and (restarts > 0 or (is_down and ended.get("exitCode") != 0))
    if is_crash and ended is not None:
        return _crash(pod, status, ended, restarts, events, is_final=is_down and restarts >= RESTARTS_THAT_FAIL)
    return None


def _crash(
    pod: Object,
    status: dict[str, Any],
    ended: dict[str, Any],
    restarts: int,
    events: Sequence[Object],
    *,
    is_final: bool,
) -> Trouble:
    reason = str(ended.get("reason") or "")
    how = f"exit code {ended.get('exitCode')}" + (
        f", {reason}" if reason and reason not in ("Error", "Completed") else ""
    )
    times = "ended" if restarts == 0 else f"ended {restarts + (1 if is_final else 0)} times"
    message = f"container {status['name']} of pod {_name(pod)} {times} ({how})"
    probe = next((event for event in reversed(events) if event.get("reason") == "Unhealthy"), None)
    if probe is not None and str(probe.get("message", "")).startswith(("Liveness", "Startup")):
        message += f"; {words_of(probe)}"
    lines = str(ended.get("message") or "").strip().splitlines()[-LAST_LINES:]
    if lines:
        message += "\n  last lines of its log:" + "".join(f"\n    {line}" for line in lines)
    if reason == "OOMKilled":
        remedy = "Raise resources.limits.memory of the container, or serve with a shorter context or a smaller model."
    else:
        command = f"kubectl logs -n {pod['metadata']['namespace']} {_name(pod)} -c {status['name']} --previous"
        remedy = f"The whole log: {command}. Correct the runtime, the service or the model, and deploy again."
    return Trouble("crash", message, remedy, is_final=is_final)


def _image(pod: Object, status: dict[str, Any], reason: str, said: str) -> Trouble:
    is_name = reason in _IMAGE_NAME
    return Trouble(
        "image-name" if is_name else "image",
        f'image "{status.get("image", "")}" of pod {_name(pod)} cannot be had ({reason}): {said or reason}',
        "Correct the image in the runtime or the service; for a registry that asks who you are give"
        " imagePullSecrets, and check that the nodes can reach it.",
        is_final=is_name,
    )


def _unscheduled(pod: Object, waiting: Unscheduled, events: Sequence[Object], model: PlacedModel) -> Trouble:
    if waiting.is_gated:
        return Trouble(
            "queued",
            f"pod {_name(pod)} {waiting.said}",
            f"See kubectl get workloads -n {pod['metadata']['namespace']}: free or raise the queue's quota, or ask for"
            " less.",
        )
    said = waiting.said
    selector = (pod.get("spec") or {}).get("nodeSelector") or {}
    remedy = "Free or add what no node has, or ask for less: requests, nodeSelector, tolerations."
    if "affinity" in said or "selector" in said:
        wanted = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        remedy = f"The pod asks for nodes with these labels: kubectl get nodes -l {wanted}."
        if model.node_selector:
            remedy += f" Those of models are put on when a node has model {model.name}: see the model's status."
    comes = any(event.get("reason") in _NODES_COME for event in events)
    return Trouble("unschedulable", f"pod {_name(pod)} cannot be scheduled: {said}", remedy, nodes_come=comes)


def _from_events(pod: Object, events: Sequence[Object]) -> Trouble | None:
    """What no container's status says: volumes that cannot be mounted, probes that fail."""
    if (failed := volume_failure(pod, events)) is not None:
        return Trouble(
            "volume",
            f"pod {_name(pod)} gets no volume: {words_of(failed)}",
            "Check that the claim exists and is bound, and that the node still has the model's folder.",
        )
    warnings = [event for event in events if event.get("type") == "Warning" and event.get("reason") not in _PASSED]
    return Trouble("starting", f"pod {_name(pod)}: {words_of(warnings[-1])}") if warnings else None


def _name(pod: Object) -> str:
    return str(pod["metadata"]["name"])

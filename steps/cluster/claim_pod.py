"""The pod that reads a claim, and what its state means: still waiting, in trouble, or ended with a report. Pure.

Called by `steps.cluster.claim_reader`.
"""

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from crds.labels import PART_OF, PRODUCT
from crds.metadata import API_VERSION
from steps.claim_report import ClaimReport, unpacked
from steps.cluster.pod_waiting import events_of, unscheduled, volume_failure, words, words_of
from steps.describe_claim import MOUNT, ClaimRequest
from steps.errors import CLASSES, ClusterError, NotFoundError, OmeError

Object = dict[str, Any]

USER: Final = 65532
"""As every step that is not root."""
_TAINTS: Final = ("nvidia.com/gpu", "amd.com/gpu", "habana.ai/gaudi")
"""Of nodes with accelerators, on whose disks a claim may be."""
_MISSING = re.compile(r'persistentvolumeclaim "[^"]*" not found')
_MISSING_SECONDS: Final = 30.0
_TROUBLE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class ClaimFolder:
    """A folder of a claim.

    Attributes:
        namespace: The claim's, in which the pod runs.
        claim: The PersistentVolumeClaim.
        request: What the pod is to describe.
    """

    namespace: str
    claim: str
    request: ClaimRequest

    @property
    def place(self) -> str:
        """Namespace, claim and path."""
        return f"{self.namespace}:{self.claim}/{self.request.path}"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a pod does not start.

    Attributes:
        cause: Each has its own time.
        error: It ends with.
        patience: How long that may last, in seconds.
    """

    cause: Literal["missing", "queued", "unschedulable", "image", "volume"]
    error: OmeError
    patience: float = _TROUBLE_SECONDS


def pod_name(workflow: str) -> str:
    """The same for each attempt of a workflow, so that one that is tried again takes up the pod that is there."""
    return f"ome-claim-{hashlib.sha256(workflow.encode()).hexdigest()[:16]}"


def claim_pod(folder: ClaimFolder, workflow: str, image: str, model: Object | None, seconds: int) -> Object:
    """The pod: it mounts the claim to read, knows no token, and may write nowhere.

    Args:
        folder: What it reads.
        workflow: Uid of the workflow that it is for, which cannot own a pod of another namespace.
        image: Of the steps.
        model: That it is for, which can, and takes a pod along that nobody has deleted; None before there is one.
        seconds: After which the kubelet ends it.
    """
    container: Object = {
        "name": "reader",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "steps.describe_claim", folder.request.model_dump_json(by_alias=True)],
        "env": [{"name": "HF_HUB_OFFLINE", "value": "1"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "claim", "mountPath": MOUNT, "readOnly": True}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(workflow),
            "namespace": folder.namespace,
            "labels": {PART_OF: PRODUCT, "app.kubernetes.io/component": "claim-reader"},
            "ownerReferences": [_owner(model)] if model is not None else [],
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": seconds,
            "terminationGracePeriodSeconds": 5,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "tolerations": [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in _TAINTS],
            "volumes": [{"name": "claim", "persistentVolumeClaim": {"claimName": folder.claim}}],
        },
    }


def report_of(pod: Object, folder: ClaimFolder) -> ClaimReport | None:
    """The report of a pod that has ended; None while it has not.

    Raises:
        OmeError: of the class that the pod's own error had, or ClusterError when it ended without a word.
    """
    status = pod.get("status") or {}
    if status.get("phase") not in ("Succeeded", "Failed"):
        return None
    ended: Object = next(
        (c["state"]["terminated"] for c in _containers(pod) if "terminated" in (c.get("state") or {})), {}
    )
    message = str(ended.get("message") or "")
    if status["phase"] == "Succeeded":
        return unpacked(message)
    raise _told(message) or ClusterError(
        f"the pod that reads claim {folder.place} ended without a word: "
        f"{ended.get('reason') or status.get('reason') or 'no reason given'} {status.get('message') or ''}".strip(),
        remedy="Run again; if it comes again, see the node's log. OOMKilled: the parser's memory is limited to 1 GiB.",
    )


def trouble_of(pod: Object, events: Sequence[Object], folder: ClaimFolder) -> Trouble | None:
    """Why a pod has not started, in the scheduler's or the kubelet's words; None when nothing is wrong yet."""
    look = f"See kubectl describe pvc {folder.claim} -n {folder.namespace}."
    waiting = unscheduled(pod)
    if waiting is not None and waiting.is_gated:
        text = f"the pod that reads claim {folder.place} {waiting.said}"
        remedy = f"See kubectl get workloads -n {folder.namespace}: free the queue, or raise its quota."
        return Trouble("queued", ClusterError(text, remedy=remedy), math.inf)
    if waiting is not None and _MISSING.search(waiting.said):
        return Trouble("missing", _missing(folder, waiting.said), _MISSING_SECONDS)
    if waiting is not None:
        text = f"the pod that reads claim {folder.place} cannot be scheduled: {waiting.said}"
        remedy = f"Bind the claim, or free a node that can mount it. {look}"
        return Trouble("unschedulable", ClusterError(text, remedy=remedy))
    for container in _containers(pod):
        state = (container.get("state") or {}).get("waiting") or {}
        reason = str(state.get("reason") or "")
        if reason and reason not in ("ContainerCreating", "PodInitializing"):
            said = words(state.get("message") or reason)
            text = f"the pod that reads claim {folder.place} cannot start ({reason}): {said}"
            remedy = f"Let the nodes, and namespace {folder.namespace}, have the image {container.get('image', '')}."
            return Trouble("image", ClusterError(text, remedy=remedy))
    if (failed := volume_failure(pod, events_of(pod, events))) is not None:
        text = f"claim {folder.place} cannot be mounted: {words_of(failed)}"
        return Trouble("volume", ClusterError(text, remedy=f"Mend the volume. {look}"))
    return None


def _owner(model: Object) -> Object:
    metadata = model["metadata"]
    return {"apiVersion": API_VERSION, "kind": model["kind"], "name": metadata["name"], "uid": metadata["uid"]}


def _missing(folder: ClaimFolder, said: str) -> NotFoundError:
    return NotFoundError(
        f'claim "{folder.claim}" does not exist in namespace {folder.namespace}: {said}',
        remedy="Make the PersistentVolumeClaim and set the annotation ome.io/retry, or correct storageUri; see "
        f"kubectl get pvc -n {folder.namespace}.",
    )


def _told(message: str) -> OmeError | None:
    """The error that the pod's own command wrote."""
    try:
        found = json.loads(message)
        kind = next((each for each in CLASSES if each.code == found["code"]), OmeError)
        return kind(str(found["message"]), remedy=str(found["remedy"]))
    except (ValueError, KeyError, TypeError):
        return None


def _containers(pod: Object) -> Sequence[Object]:
    return (pod.get("status") or {}).get("containerStatuses") or ()

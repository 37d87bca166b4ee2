"""Reading a claim: a pod in the claim's namespace mounts it, says what is in the model's folder, and is deleted.

Called by `steps.read_claim`. What the pod is and what its state means, `steps.cluster.claim_pod` says.
"""

import sys
import time
from dataclasses import dataclass

from steps.claim_report import ClaimReport
from steps.cluster.api import ClusterApi
from steps.cluster.claim_pod import ClaimFolder, Object, report_of, trouble_of
from steps.cluster.refusals import ConflictError
from steps.cluster.resource_types import EVENT, POD
from steps.errors import ClusterError, OmeError


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        whole: For the report.
        trouble: Share of the time that each trouble may last; tests are in a hurry.
        poll: Between two looks.
    """

    whole: float = 1500.0
    trouble: float = 1.0
    poll: float = 1.0


def read_claim(api: ClusterApi, folder: ClaimFolder, pod: Object, patience: Patience) -> ClaimReport:
    """Run the pod to its end and delete it, whatever comes; one that an earlier attempt left is taken up.

    Raises:
        NotFoundError: when the claim or the folder is not there.
        ClusterError: when the pod cannot start, with the words of who says so, or is not done in time.
        OmeError: of the class that the pod's parser had.
    """
    name, namespace = pod["metadata"]["name"], folder.namespace
    deadline = time.monotonic() + patience.whole
    try:
        _start(api, pod, deadline, patience)
        return _report(api, name, folder, deadline, patience)
    finally:
        try:
            api.delete(POD, name, namespace)
        except OmeError as error:  # what it was for is told, and not hidden behind this
            sys.stderr.write(f"pod {namespace}/{name} could not be deleted: {error.message}\n")


def _start(api: ClusterApi, pod: Object, deadline: float, patience: Patience) -> None:
    """Make the pod, behind one of the same name that is going; one that is there is this workflow's own."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    while True:
        try:
            api.create(POD, pod)
            return
        except ConflictError:
            found = api.find(POD, name, namespace)
        if found is not None and "deletionTimestamp" not in found["metadata"]:
            return
        if time.monotonic() > deadline:
            raise ClusterError(
                f"pod {namespace}/{name} of an earlier attempt does not go away",
                remedy=f"Delete it: kubectl delete pod {name} -n {namespace} --force.",
            )
        time.sleep(patience.poll)


def _report(api: ClusterApi, name: str, folder: ClaimFolder, deadline: float, patience: Patience) -> ClaimReport:
    since: dict[str, float] = {}
    told = ""
    while True:
        pod = api.find(POD, name, folder.namespace)
        if pod is None:
            raise ClusterError(f"pod {folder.namespace}/{name} was deleted while it read the claim")
        if (report := report_of(pod, folder)) is not None:
            return report
        is_starting = (pod.get("status") or {}).get("phase") in (None, "", "Pending")
        fields = f"involvedObject.name={name},involvedObject.uid={pod['metadata']['uid']}"
        events = list(api.list(EVENT, folder.namespace, fields=fields)) if is_starting else []
        now = time.monotonic()
        trouble = trouble_of(pod, events, folder)
        if trouble is None:
            since.clear()
        else:
            since = {trouble.cause: since.get(trouble.cause, now)}
            if trouble.error.message != told:
                told = trouble.error.message
                sys.stderr.write(f"waiting: {told}\n")
            if now - since[trouble.cause] >= trouble.patience * patience.trouble:
                raise trouble.error
        if now > deadline:
            raise (
                trouble.error
                if trouble is not None
                else ClusterError(
                    f"claim {folder.place} was not read within {patience.whole:g} s",
                    remedy="A slow volume takes long to list: name a folder that holds the model alone.",
                )
            )
        time.sleep(patience.poll)

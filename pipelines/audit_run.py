"""A run of the pipeline `audit-cache` on a cluster: submitted, followed to its end, and read node by node.

Called by `ome cache verify --cluster` and `ome cache prune --cluster`. A run that is at work for the same arguments is
followed and not doubled, so that a command which was cut off goes on when it is typed again.
"""

import base64
import contextlib
import gzip
import json
import re
import secrets
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from crds.labels import PART_OF, PIPELINE, PRODUCT
from pipelines.install.connection import RESOURCE_TYPES, InstallApi
from pipelines.install.options import NAMESPACE
from steps.cluster.refusals import ConflictError
from steps.errors import CLASSES, ClusterError, NotFoundError, OmeError
from steps.frozen import Frozen

Object = dict[str, Any]

TEMPLATE: Final = "audit-cache"
_PHASES: Final = {"failed": "Failed", "error": "Failed", "succeeded": "Succeeded", "running": "Running"}
_ENDED: Final = ("Succeeded", "Failed", "Error")
_POLL_SECONDS: Final = 1.0
_NOT_TAKEN_UP_SECONDS: Final = 120.0
_STEP = re.compile(r"audit\(\d+:(.*?)\)(\(\d+\))?")


class AuditError(Frozen):
    """Why the audit of a node failed, as its step said."""

    code: str
    message: str
    remedy: str = ""

    def as_error(self, more: str = "") -> OmeError:
        """The error of the class that its code names, with more words behind its message."""
        error = next((each for each in CLASSES if each.code == self.code), ClusterError)
        return error(self.message + more, remedy=self.remedy)


class NodeAudit(Frozen):
    """What an audit has done on a node so far.

    Attributes:
        phase: Pending, Running, Succeeded or Failed.
        completed, total: Bytes that are hashed or mended; total 0 while that is not known.
        models: That were verified; this and what follows is known once it has succeeded.
        faults: Files that were damaged, missing or foreign.
        mended: Of these.
    """

    node: str
    phase: str
    completed: int = 0
    total: int = 0
    models: int | None = None
    hashed_bytes: int | None = None
    faults: int | None = None
    mended: int | None = None
    fetched_bytes: int | None = None
    freed_bytes: int | None = None
    error: AuditError | None = None


class AuditRun(Frozen):
    """A run.

    Attributes:
        run: Its name.
        phase: As Argo names it; Pending before Argo has taken it up.
        message: Argo's; "" for none.
        nodes: Those that it has gone to, by name.
        error: Why it came to no node: the nodes could not be found.
    """

    run: str
    phase: str
    message: str = ""
    nodes: tuple[NodeAudit, ...] = ()
    error: AuditError | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.phase in _ENDED


def submit_audit(api: InstallApi, arguments: Mapping[str, str]) -> tuple[str, bool]:
    """The name of a run with these arguments, and whether it was at work before.

    Args:
        api: The cluster.
        arguments: Of the template; what is left out is its default.

    Raises:
        NotFoundError: when the cluster does not have the pipeline.
        OmeError: of the class that fits, such as for want of a right.
    """
    if api.find(RESOURCE_TYPES["WorkflowTemplate"], TEMPLATE, NAMESPACE) is None:
        raise NotFoundError(
            f"this cluster has no WorkflowTemplate {NAMESPACE}/{TEMPLATE}",
            remedy="`ome install` puts it there, and leaves an installation's settings as they are.",
        )
    for run in api.list(RESOURCE_TYPES["Workflow"], NAMESPACE, labels=f"{PIPELINE}={TEMPLATE}"):
        if _given(run) == dict(arguments) and not read_audit(run).is_over and not _is_going(run):
            return str(run["metadata"]["name"]), True
    name = f"{TEMPLATE}-{secrets.token_hex(4)}"
    parameters = [{"name": key, "value": value} for key, value in arguments.items()]
    body: Object = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {PART_OF: PRODUCT, PIPELINE: TEMPLATE}},
        "spec": {"workflowTemplateRef": {"name": TEMPLATE}, "arguments": {"parameters": parameters}},
    }
    with contextlib.suppress(ConflictError):  # the first attempt of this very request, whose answer was lost
        api.create(RESOURCE_TYPES["Workflow"], body)
    return name, False


def follow_audit(api: InstallApi, name: str, listen: Callable[[AuditRun], None]) -> AuditRun:
    """Wait for the end of a run.

    Args:
        api: The cluster.
        name: Of the run.
        listen: Told how it is, every few seconds.

    Raises:
        NotFoundError: when somebody deleted it.
        ClusterError: when nothing takes it up.
    """
    began = time.monotonic()
    while True:
        found = api.find(RESOURCE_TYPES["Workflow"], name, NAMESPACE)
        if found is None:
            raise NotFoundError(f"run {name} was deleted before it ended", remedy="Run the command again.")
        run = read_audit(found)
        listen(run)
        if run.is_over:
            return run
        is_taken_up = bool((found.get("status") or {}).get("phase"))
        if not is_taken_up and time.monotonic() - began > _NOT_TAKEN_UP_SECONDS:
            raise ClusterError(
                f"nothing has taken up run {name} in {_NOT_TAKEN_UP_SECONDS:.0f} s",
                remedy=f"Argo Workflows has to watch the namespace {NAMESPACE}: `ome doctor` says what is wrong.",
            )
        time.sleep(_POLL_SECONDS)


def read_audit(workflow: Object) -> AuditRun:
    """A run as it is. Pure."""
    status = workflow.get("status") or {}
    groups: dict[str, list[Object]] = {}
    nodes = _nodes(status)
    for node in nodes:
        match = _STEP.fullmatch(str(node.get("displayName") or ""))
        if match is not None and node.get("type") in ("Retry", "Pod"):
            groups.setdefault(match[1], []).append(node)
    return AuditRun(
        run=str(workflow["metadata"]["name"]),
        phase=str(status.get("phase") or "Pending"),
        message=" ".join(str(status.get("message") or "").split()),
        nodes=tuple(_audit(item, group) for item, group in sorted(groups.items())),
        error=next((_error(str(n["message"])) for n in nodes if _is_failed_search(n)), None),
    )


def _is_failed_search(node: Object) -> bool:
    is_search = re.fullmatch(r"find(\(\d+\))?", str(node.get("displayName") or "")) is not None
    return is_search and node.get("type") == "Pod" and node.get("phase") in ("Failed", "Error") and "message" in node


def _audit(item: str, group: list[Object]) -> NodeAudit:
    """One node's step: the retries around it, and the pods that it was tried with."""
    pods = sorted((n for n in group if n["type"] == "Pod"), key=lambda n: str(n.get("startedAt") or "9"))
    last = pods[-1] if pods else group[-1]
    whole = next((node for node in group if node["type"] == "Retry"), last)
    phase = _PHASES.get(str(whole.get("phase") or "").lower(), "Pending")
    outputs = _parameters(whole.get("outputs")) or _parameters(last.get("outputs"))
    completed, _, total = str(last.get("progress") or "").partition("/")
    is_told = completed.isdecimal() and total.isdecimal() and int(total) > 1  # 0/1 is a pod that has said nothing
    failed = [str(pod["message"]) for pod in pods if pod.get("message")]
    numbers = {key: int(value) for key, value in outputs.items() if value.isdecimal()}
    return NodeAudit(
        node=outputs.get("node") or item or str(last.get("hostNodeName") or ""),
        phase=phase,
        completed=int(completed) if is_told else 0,
        total=int(total) if is_told else 0,
        models=numbers.get("models"),
        hashed_bytes=numbers.get("hashed_bytes"),
        faults=numbers.get("faults"),
        mended=numbers.get("mended"),
        fetched_bytes=numbers.get("fetched_bytes"),
        freed_bytes=numbers.get("freed_bytes"),
        error=_error((failed or [str(whole.get("message") or "")])[-1]) if phase == "Failed" else None,
    )


def _error(message: str) -> AuditError:
    """What a failed step's message says: `Error (exit code 14): {"code": …}`, or what ended its pod."""
    start = message.find("{")
    try:
        told = json.JSONDecoder().raw_decode(message, start)[0] if start >= 0 else {}
    except ValueError:
        told = {}
    if isinstance(told, dict) and told.get("code"):
        return AuditError(
            code=str(told["code"]), message=str(told.get("message", "")), remedy=str(told.get("remedy", ""))
        )
    words = " ".join(message.split()) or "its pod ended without a word"
    return AuditError(code=ClusterError.code, message=words, remedy="See the events and the log of its pod.")


def _nodes(status: Object) -> list[Object]:
    """Of a large run Argo writes them packed."""
    found: Any = status.get("nodes") or {}
    if not found and (packed := status.get("compressedNodes")):
        try:
            found = json.loads(gzip.decompress(base64.b64decode(packed)))
        except (OSError, EOFError, zlib.error, ValueError):
            found = {}
    return [node for node in found.values() if isinstance(node, dict)] if isinstance(found, dict) else []


def _parameters(holder: Any) -> dict[str, str]:
    return {str(p["name"]): str(p.get("value", "")) for p in (holder or {}).get("parameters") or ()}


def _given(run: Object) -> dict[str, str]:
    arguments = (run.get("spec") or {}).get("arguments") or {}
    return {str(p.get("name")): str(p.get("value", "")) for p in arguments.get("parameters") or ()}


def _is_going(run: Object) -> bool:
    return "deletionTimestamp" in run["metadata"]

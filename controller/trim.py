"""What the store keeps of an object: all that planners look at, without what only takes room.

A Node lists its images, a finished run carries copies of its templates: with 10,000 models that is hundreds of
megabytes. Everything else stays as the API server gave it.
"""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Callable

from controller.actions import Object
from steps.serving.cluster.companions import COMPANION_KINDS

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_NODE_STATUS = ("conditions", "capacity", "allocatable", "addresses", "nodeInfo")
_RUN_STATUS = (
    "phase", "message", "startedAt", "finishedAt", "progress", "outputs", "nodes", "offloadNodeStatusVersion",
    "conditions",
)  # fmt: skip
_NODE_OF_RUN = (
    "id", "name", "displayName", "type", "templateName", "phase", "message", "startedAt", "finishedAt", "progress",
    "inputs", "outputs", "hostNodeName", "boundaryID",
)  # fmt: skip

_OF_COMPANION = ("name", "namespace", "uid", "labels", "deletionTimestamp")


def trim(kind: str, item: Object) -> Object:
    """Take from an object what planners do not look at; the object itself is changed, and given back."""
    metadata = item["metadata"]
    metadata.pop("managedFields", None)
    metadata.pop("selfLink", None)
    annotations = metadata.get("annotations")
    if annotations and annotations.pop(LAST_APPLIED, None) is not None and not annotations:
        del metadata["annotations"]
    if shorten := _TRIMMED.get(kind):
        shorten(item)
    return item


def _trim_node(node: Object) -> None:
    node["status"] = _only(node.get("status") or {}, _NODE_STATUS)


def _trim_run(run: Object) -> None:
    status = run.get("status")
    if not status:
        return
    kept = _only(status, _RUN_STATUS)
    template = status.get("storedWorkflowTemplateSpec") or {}
    if "arguments" in template:
        kept["storedWorkflowTemplateSpec"] = {"arguments": template["arguments"]}
    nodes = kept.get("nodes") or _expanded(status.get("compressedNodes") or "")
    if nodes:
        kept["nodes"] = {key: _only(node, _NODE_OF_RUN) for key, node in nodes.items() if isinstance(node, dict)}
    run["status"] = kept


def _expanded(packed: str) -> Object:
    """The nodes of a large run, which Argo writes compressed; none when they cannot be read."""
    try:
        found = json.loads(gzip.decompress(base64.b64decode(packed))) if packed else {}
    except (binascii.Error, OSError, EOFError, zlib.error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _only(found: Object, keys: tuple[str, ...]) -> Object:
    return {key: found[key] for key in keys if key in found}


def _trim_companion(item: Object) -> None:
    """Only that it is there counts, and whose it is; not its version, which an autoscaler changes all the time."""
    item["metadata"] = _only(item["metadata"], _OF_COMPANION)


_TRIMMED: dict[str, Callable[[Object], None]] = {"Node": _trim_node, "Workflow": _trim_run} | {
    kind.kind: _trim_companion for kind in COMPANION_KINDS
}

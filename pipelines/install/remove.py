"""Takes an installation away: first what people made with it, then itself. Called by `ome uninstall`.

Models are deleted while the controller still runs, since it is what takes their files off the nodes. It gets a bounded
time; then their finalizers are removed, and what is left on which nodes is said. Nothing here waits without an end.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crds.kinds import KINDS
from crds.labels import FINALIZERS
from crds.metadata import GROUP
from pipelines.install import argo
from pipelines.install.accounts import access_objects
from pipelines.install.apply import is_available, name_of
from pipelines.install.argo_definitions import removable_definitions
from pipelines.install.connection import RESOURCE_TYPES, InstallApi, Object, type_of
from pipelines.install.controller import CONTROLLER, namespace
from pipelines.install.objects import is_ours
from pipelines.install.options import NAMESPACE, Options
from steps.errors import NotFoundError

_ORDER = ("BenchmarkJob", "InferenceService", "FineTunedWeight", "BaseModel", "ClusterBaseModel")
_RELEASED = frozenset({*FINALIZERS.values(), "workflows.argoproj.io/artifact-gc"})
"""Finalizers that are taken off: ours, and Argo's own on a workflow, which would wait for the Argo that goes too."""
_NODE_LABEL = re.compile(r"models\.ome(\.io)?/")
_RUNS = ("Workflow", "CronWorkflow")
_IN_NAMESPACE = ("Deployment", "WorkflowTemplate", "Service", "Lease", "ConfigMap")
_POLL_SECONDS = 0.5
_DEFINITION_SECONDS = 20.0

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Installed:
    """What is on the cluster.

    Attributes:
        resources: Objects of the eight kinds, those first that need others.
        has_controller: Whether a controller is there that can undo models.
        argo_definitions: Names of Argo's definitions that came with this installation and nobody else uses.
    """

    resources: Sequence[Object]
    has_controller: bool
    argo_definitions: Sequence[str]


def look(api: InstallApi) -> Installed:
    """Find what an uninstallation would take away."""
    kinds = [*_ORDER, *(kind for kind in KINDS if kind not in _ORDER)]
    resources = [each for kind in kinds for each in api.all(kind)]
    return Installed(resources, is_available(api, NAMESPACE, CONTROLLER), removable_definitions(api))


def remove_resources(api: InstallApi, found: Installed, report: Report, *, seconds: float) -> None:
    """Delete every resource of the eight kinds.

    Args:
        api: The cluster.
        found: As `look` gives it.
        report: Gets a line for each thing done or left.
        seconds: How long the controller may take for all of them.
    """
    for each in found.resources:
        api.delete(type_of(each), each["metadata"]["name"], each["metadata"].get("namespace", ""))
    left = _left(api, found.resources)
    if left and found.has_controller:
        report(f"waiting for the controller to undo {len(left)} resources, {seconds:.0f} s at most")
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            left = _left(api, left)
    for each in left:
        _release(api, each)
        nodes = ", ".join(_nodes_of(each))
        where = f" on {nodes}" if nodes else ""
        held = ", ".join(kept_finalizers(each))
        said = f"held by {held}" if held else f"given up; what it has{where} stays in its folder"
        report(f"{each['kind']} {name_of(each)}: {said}")
    if found.resources:
        report(f"resources: {len(found.resources)} deleted")


def remove_installation(api: InstallApi, found: Installed, report: Report, *, keep_definitions: bool) -> None:
    """Delete all that `ome install` makes, and what the controller wrote on nodes."""
    # The controller goes first: it would submit again what goes now.
    count = int(api.delete(RESOURCE_TYPES["Deployment"], CONTROLLER, NAMESPACE))
    for kind in _RUNS:
        for each in filter(is_ours, api.all(kind, NAMESPACE)):
            _release(api, each)
            count += api.delete(RESOURCE_TYPES[kind], each["metadata"]["name"], NAMESPACE)
    for kind in _IN_NAMESPACE:
        for each in api.all(kind, NAMESPACE):
            if is_ours(each) or kind in ("Lease", "ConfigMap"):
                count += api.delete(RESOURCE_TYPES[kind], each["metadata"]["name"], NAMESPACE)
    report(f"controller, templates, runs and what they kept: {_deleted(count)}")
    _unlabel_nodes(api, report)
    report(f"accounts and their rights: {_deleted(_delete(api, [*access_objects(), *_argo_access()]))}")
    if not keep_definitions:
        _delete_definitions(api, found, report)
    report(f"namespace {NAMESPACE}: {_deleted(_delete(api, [namespace()]))}")


def kept_finalizers(each: Object) -> list[str]:
    """An object's finalizers without ours and Argo's."""
    there = each["metadata"].get("finalizers") or ()
    return [name for name in there if name not in _RELEASED]


def node_patch(node: Object) -> Object | None:
    """The patch that takes the labels of models off a node, or None when it has none."""
    ours = [name for name in node["metadata"].get("labels") or {} if _NODE_LABEL.match(name)]
    return {"metadata": {"labels": dict.fromkeys(ours)}} if ours else None


def _delete(api: InstallApi, objects: Sequence[Object]) -> int:
    """Delete objects from the last to the first; how many were there."""
    return sum(
        api.delete(type_of(each), each["metadata"]["name"], each["metadata"].get("namespace", ""))
        for each in reversed(objects)
    )


def _delete_definitions(api: InstallApi, found: Installed, report: Report) -> None:
    """Delete definitions and wait until they are gone, so that another installation does not meet them half gone."""
    kind = RESOURCE_TYPES["CustomResourceDefinition"]
    names = [*(f"{each.plural}.{GROUP}" for each in KINDS.values()), *found.argo_definitions]
    left = [name for name in names if api.delete(kind, name)]
    report(f"definitions: {_deleted(len(left))}")
    deadline = time.monotonic() + _DEFINITION_SECONDS
    while left := [name for name in left if api.find(kind, name) is not None]:
        if time.monotonic() >= deadline:
            report(f"still there until their last object is gone: {', '.join(left)}")
            return
        time.sleep(_POLL_SECONDS)


def _deleted(count: int) -> str:
    return f"{count} deleted" if count else "none were there"


def _unlabel_nodes(api: InstallApi, report: Report) -> None:
    count = 0
    for node in api.all("Node"):
        patch = node_patch(node)
        if patch is not None:
            api.patch(RESOURCE_TYPES["Node"], node["metadata"]["name"], "", patch)
            count += 1
    if count:
        report(f"labels of models: taken off {count} nodes")


def _release(api: InstallApi, each: Object) -> None:
    """Take our finalizers off an object; that it is gone is as good."""
    kept = kept_finalizers(each)
    if kept == list(each["metadata"].get("finalizers") or ()):
        return
    metadata = each["metadata"]
    patch = {"metadata": {"finalizers": kept or None}}
    try:
        api.patch(type_of(each), metadata["name"], metadata.get("namespace", ""), patch)
    except NotFoundError:
        return


def _left(api: InstallApi, resources: Sequence[Object]) -> list[Object]:
    """Those of the resources that are still there, as they are now; one made anew under a name is another."""
    found = []
    for each in resources:
        metadata = each["metadata"]
        now = api.find(type_of(each), metadata["name"], metadata.get("namespace", ""))
        if now is not None and now["metadata"]["uid"] == metadata["uid"]:
            found.append(now)
    return found


def _nodes_of(each: Object) -> list[str]:
    status = each.get("status") or {}
    return [str(name) for name in (status.get("nodesReady") or ())]


def _argo_access() -> list[Object]:
    kinds = ("ServiceAccount", "Role", "RoleBinding")
    return [each for each in argo.argo_objects(Options()) if each["kind"] in kinds]

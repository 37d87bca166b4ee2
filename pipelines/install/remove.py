"""Takes an installation away: first what people made with it, then itself. Called by `ome uninstall`.

Models are deleted while the controller still runs, since it is what takes their files off the nodes. It gets a bounded
time and is ended; then finalizers are removed, and what is left on which nodes is said. Nothing here waits without an
end.
"""

import re
import time
from collections.abc import Container, Sequence
from dataclasses import dataclass

from crds.kinds import KINDS
from crds.metadata import GROUP
from pipelines.install import argo
from pipelines.install.apply import is_available
from pipelines.install.argo_definitions import removable_definitions
from pipelines.install.connection import RESOURCE_TYPES, InstallApi, Object, type_of
from pipelines.install.controller import CONTROLLER
from pipelines.install.left_over import labelled_access
from pipelines.install.objects import NAME, OURS, is_of_resource, is_ours
from pipelines.install.options import NAMESPACE
from pipelines.install.remove_resources import Report, delete_resources, find_resources, give_up, release

_NODE_LABEL = re.compile(r"models\.ome(\.io)?/")
_RUNS = ("Workflow", "CronWorkflow")
_HELM = "owner=helm"
"""Label of the Secrets in which Helm keeps what it knows of releases; `name` is the release's."""
_IN_NAMESPACE = ("Deployment", "WorkflowTemplate", "Service", "NetworkPolicy", "Secret", "ConfigMap")
_POLL_SECONDS = 0.5
_POD_SECONDS = 60.0
"""For the controller's pods to end: twice what they get for an end in order."""
_DEFINITION_SECONDS = 60.0
"""For the API server to clean up after definitions, a few at a time; seconds where it has nothing else to do."""


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
    return Installed(find_resources(api), is_available(api, NAMESPACE, CONTROLLER), removable_definitions(api))


def remove(api: InstallApi, found: Installed, report: Report, *, keep_definitions: bool, seconds: float) -> None:
    """Take everything away, or leave what people made and what it needs to stay.

    Args:
        api: The cluster.
        found: As `look` gives it.
        report: Gets a line for each thing done or left.
        keep_definitions: Whether definitions, resources and the namespace with what is in it stay.
        seconds: How long the controller may take to undo all resources.
    """
    left: list[Object] = []
    if not keep_definitions:
        has_controller = found.has_controller
        left = delete_resources(api, found.resources, report, has_controller=has_controller, seconds=seconds)
    count = _end_controller(api, report)
    held = give_up(api, left, report)
    if found.resources and not keep_definitions:
        report(f"resources: {len(found.resources)} deleted")
    count += _delete_made(api)
    report(f"controller, templates, runs and what they kept: {_deleted(count)}")
    _unlabel_nodes(api, report)
    report(f"accounts and their rights: {_deleted(_delete(api, labelled_access(api)))}")
    if keep_definitions:
        report(f"namespace {NAMESPACE}: stays, with all in it that is not of the installation")
        return
    _delete_definitions(api, found, held, report)
    _delete_namespace(api, report)


def node_patch(node: Object) -> Object | None:
    """The patch that takes the labels of models off a node, or None when it has none."""
    ours = [name for name in node["metadata"].get("labels") or {} if _NODE_LABEL.match(name)]
    return {"metadata": {"labels": dict.fromkeys(ours)}} if ours else None


def _end_controller(api: InstallApi, report: Report) -> int:
    """Delete the controller and wait for its pods: until they end they submit again and label again what goes now."""
    count = int(api.delete(RESOURCE_TYPES["Deployment"], CONTROLLER, NAMESPACE))
    deadline = time.monotonic() + _POD_SECONDS
    is_told = False
    while names := [each["metadata"]["name"] for each in _controller_pods(api)]:
        if time.monotonic() >= deadline:
            report(f"still there, and what follows may come again through it: {', '.join(names)}")
            break
        if not is_told:
            report(f"waiting for {', '.join(names)} to end, {_POD_SECONDS:.0f} s at most")
            is_told = True
        time.sleep(_POLL_SECONDS)
    return count + api.delete(RESOURCE_TYPES["Lease"], CONTROLLER, NAMESPACE)


def _controller_pods(api: InstallApi) -> list[Object]:
    return list(api.list(RESOURCE_TYPES["Pod"], NAMESPACE, labels=f"{NAME}={CONTROLLER}"))


def _delete_made(api: InstallApi) -> int:
    """Delete from the namespace what came with the installation and what its controller and runs made; how much."""
    count = 0
    for kind in _RUNS:
        for each in filter(is_ours, api.all(kind, NAMESPACE)):
            release(api, each)
            count += api.delete(RESOURCE_TYPES[kind], each["metadata"]["name"], NAMESPACE)
    for kind in _IN_NAMESPACE:
        for each in api.all(kind, NAMESPACE, OURS):
            if not is_of_resource(each):
                count += api.delete(RESOURCE_TYPES[kind], each["metadata"]["name"], NAMESPACE)
    return count


def _delete_namespace(api: InstallApi, report: Report) -> None:
    """Delete the namespace with what others left in it; one that did not come with the installation stays."""
    there = api.find(RESOURCE_TYPES["Namespace"], NAMESPACE, "")
    if there is None or is_ours(there):
        _empty_namespace(api)
        report(f"namespace {NAMESPACE}: {_deleted(_delete(api, [there] if there else []))}")
        return
    releases = {str((s["metadata"].get("labels") or {}).get("name", "")) for s in api.all("Secret", NAMESPACE, _HELM)}
    forget = "".join(f"`helm uninstall {name} --namespace {NAMESPACE}`, then " for name in sorted(releases))
    report(
        f"namespace {NAMESPACE}: stays, since it did not come with the installation; "
        f"when nothing else needs it: {forget}`kubectl delete namespace {NAMESPACE}`"
    )


def _empty_namespace(api: InstallApi) -> None:
    """Delete the leases and ConfigMaps that others left in it, Argo's for one; the namespace takes the rest along."""
    for kind in ("Lease", "ConfigMap"):
        for each in api.all(kind, NAMESPACE):
            api.delete(RESOURCE_TYPES[kind], each["metadata"]["name"], NAMESPACE)


def _delete(api: InstallApi, objects: Sequence[Object]) -> int:
    """Delete objects, from the first to the last; how many there were."""
    return sum(
        api.delete(type_of(each), each["metadata"]["name"], each["metadata"].get("namespace", "")) for each in objects
    )


def _delete_definitions(api: InstallApi, found: Installed, held: Container[str], report: Report) -> None:
    """Delete definitions and wait until they are gone, so that another installation does not meet them half gone.

    Those of which an object is held by others are not waited for.
    """
    kind = RESOURCE_TYPES["CustomResourceDefinition"]
    names = [*(f"{each.plural}.{GROUP}" for each in KINDS.values()), *found.argo_definitions]
    for each in (*KINDS, *(each.kind for each in argo.DEFINITIONS)):
        # A kind that nobody asked for yet has no storage, and the API server could not see that none of it is left.
        api.has_any(each)
    left = [name for name in names if api.delete(kind, name)]
    waiting = {f"{each.plural}.{GROUP}" for name, each in KINDS.items() if name in held}
    report(f"definitions: {_deleted(len(left))}")
    deadline = time.monotonic() + _DEFINITION_SECONDS
    while left := [name for name in left if api.find(kind, name) is not None]:
        if time.monotonic() >= deadline or all(name in waiting for name in left):
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

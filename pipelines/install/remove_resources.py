"""Takes off a cluster what people made with an installation: models, services, benchmarks. Part of `ome uninstall`.

The controller undoes them while it runs. What it could not do in its time is given up only when it is gone, since it
would write its finalizers and labels anew.
"""

import time
from collections.abc import Callable, Sequence

from crds.kinds import KINDS
from crds.labels import FINALIZERS
from pipelines.install.connection import InstallApi, Object, type_of
from pipelines.install.objects import title_of
from steps.errors import NotFoundError

Report = Callable[[str], None]

_ORDER = ("BenchmarkJob", "InferenceService", "FineTunedWeight", "BaseModel", "ClusterBaseModel")
_RELEASED = frozenset({*FINALIZERS.values(), "workflows.argoproj.io/artifact-gc"})
"""Finalizers that are taken off: ours, and Argo's own on a workflow, which would wait for the Argo that goes too."""
_POLL_SECONDS = 0.5


def find_resources(api: InstallApi) -> list[Object]:
    """Objects of the eight kinds, those first that need others."""
    kinds = [*_ORDER, *(kind for kind in KINDS if kind not in _ORDER)]
    return [each for kind in kinds for each in api.all(kind)]


def delete_resources(
    api: InstallApi, resources: Sequence[Object], report: Report, *, has_controller: bool, seconds: float
) -> list[Object]:
    """Delete resources, and let the controller undo them.

    Args:
        api: The cluster.
        resources: As `find_resources` gives them.
        report: Gets a line for what is waited for.
        has_controller: Whether one is there to be waited for.
        seconds: How long it may take for all of them.

    Returns:
        Those that are still there.
    """
    for each in resources:
        api.delete(type_of(each), each["metadata"]["name"], each["metadata"].get("namespace", ""))
    left = _left(api, resources)
    if left and has_controller:
        report(f"waiting for the controller to undo {len(left)} resources, {seconds:.0f} s at most")
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            left = _left(api, left)
    return left


def give_up(api: InstallApi, left: Sequence[Object], report: Report) -> set[str]:
    """Take our finalizers off what was deleted and is still there, and say what stays of it on which nodes.

    Returns:
        Kinds of which something is held by others.
    """
    kinds = set()
    for each in _left(api, left):
        release(api, each)
        nodes = ", ".join(_nodes_of(each))
        where = f" on {nodes}" if nodes else ""
        held = ", ".join(kept_finalizers(each))
        if held:
            kinds.add(each["kind"])
        said = f"held by {held}" if held else f"given up; what it has{where} stays in its folder"
        report(f"{title_of(each)}: {said}")
    return kinds


def release(api: InstallApi, each: Object) -> None:
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


def kept_finalizers(each: Object) -> list[str]:
    """An object's finalizers without ours and Argo's."""
    there = each["metadata"].get("finalizers") or ()
    return [name for name in there if name not in _RELEASED]


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

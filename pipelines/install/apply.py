"""Applies an installation to a cluster part by part, waiting for what the next part needs. Called by `ome install`.

Every object is applied server-side: what a person added beside our fields stays, and a second run changes nothing.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from pipelines.install.argo_definitions import is_of_another_argo
from pipelines.install.bundle import Part
from pipelines.install.connection import RESOURCE_TYPES, InstallApi, Object, type_of
from pipelines.install.objects import condition, name_of
from pipelines.install.pod_words import waiting
from steps.errors import AuthError, ClusterError

Action = Literal["create", "change", "keep", "leave"]
_POLL_SECONDS = 0.3
_UNSTABLE = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid")


@dataclass(frozen=True, slots=True)
class Change:
    """What applying an object does.

    Attributes:
        action: Create it, change it, keep it since it is so already, or leave it since it is another's.
        kind: The object's kind.
        name: Its name, with its namespace where it has one.
    """

    action: Action
    kind: str
    name: str


def plan(api: InstallApi, parts: Sequence[Part]) -> Iterator[tuple[Part, list[Change]]]:
    """What an installation would do to the cluster, part by part; nothing is changed."""
    for part in parts:
        yield part, [change_of(api, body) for body in part.objects]


def change_of(api: InstallApi, body: Object) -> Change:
    """What applying one object would do, as the API server itself says by a dry run."""
    metadata = body["metadata"]
    old = api.find(type_of(body), metadata["name"], metadata.get("namespace", ""))
    if old is None:
        return Change("create", body["kind"], name_of(body))
    if is_of_another_argo(old):
        return Change("leave", body["kind"], name_of(body))
    new = api.apply_installed(body, dry_run=True)
    return Change("keep" if _stable(old) == _stable(new) else "change", body["kind"], name_of(body))


def apply(api: InstallApi, parts: Sequence[Part], report: Callable[[str], None], *, seconds: float) -> None:
    """Apply every part in order. Definitions are waited for, since the API server refuses objects before them.

    Args:
        api: The cluster.
        parts: As `pipelines.install.bundle.bundle` gives them.
        report: Gets a line a part.
        seconds: How long to wait for definitions, and for a namespace that an uninstallation left going.

    Raises:
        OmeError: of the class that fits, at the first object that is refused.
    """
    for part in parts:
        changes = []
        for body in part.objects:
            if body["kind"] == "Namespace":
                name = body["metadata"]["name"]
                wait_until(partial(is_settled, api, name), seconds, f"namespace {name} is still being deleted")
            changes.append(change_of(api, body))
            if changes[-1].action in ("create", "change"):
                api.apply_installed(body)
        for name in [body["metadata"]["name"] for body in part.objects if body["kind"] == "CustomResourceDefinition"]:
            wait_until(partial(is_established, api, name), seconds, f"definition {name} is not established")
        report(f"{part.name}: {summary(changes)}")


def has_argo(api: InstallApi) -> bool:
    """Whether the cluster knows Argo's workflow templates."""
    return api.find(RESOURCE_TYPES["CustomResourceDefinition"], "workflowtemplates.argoproj.io") is not None


def wait_for_deployments(api: InstallApi, namespace: str, names: Sequence[str], seconds: float) -> None:
    """Wait until Deployments are rolled out.

    Raises:
        ClusterError: when one is not in time, with what its pods say.
    """
    for name in names:
        problem = f"Deployment {namespace}/{name} is not rolled out"
        wait_until(
            partial(_has_rolled_out, api, namespace, name), seconds, problem, partial(_said, api, namespace, name)
        )


def wait_until(done: Callable[[], bool], seconds: float, problem: str, said: Callable[[], str] = lambda: "") -> None:
    """Ask until it is so.

    Args:
        done: Whether it is.
        seconds: For how long.
        problem: What is wrong when it is not.
        said: Asked then for more about it, "" for nothing.

    Raises:
        ClusterError: with the problem when it is not so in time.
    """
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= deadline:
            words = "; ".join(filter(None, (f"{problem} after {seconds:.0f} s", said())))
            raise ClusterError(words, remedy="`ome doctor` says what is wrong.")
        time.sleep(_POLL_SECONDS)


def is_established(api: InstallApi, name: str) -> bool:
    """Whether the API server serves a definition."""
    found = api.find(RESOURCE_TYPES["CustomResourceDefinition"], name)
    return found is not None and condition(found, "Established") == "True"


def is_settled(api: InstallApi, namespace: str) -> bool:
    """Whether a namespace is there or not, rather than going away."""
    found = api.find(RESOURCE_TYPES["Namespace"], namespace)
    return found is None or "deletionTimestamp" not in found["metadata"]


def is_available(api: InstallApi, namespace: str, name: str) -> bool:
    """Whether a Deployment has pods that work, be they of its present template or of the one before."""
    found = api.find(RESOURCE_TYPES["Deployment"], name, namespace)
    return found is not None and condition(found, "Available") == "True"


def is_rolled_out(deployment: Object) -> bool:
    """Whether all pods of a Deployment are of its present template and available, as `kubectl rollout status` judges.

    That it is available is not enough: the pods of the template before are, while the new ones wait for their image.
    """
    status = deployment.get("status") or {}
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return False
    updated = status.get("updatedReplicas", 0)
    return bool(
        updated >= deployment["spec"].get("replicas", 1)
        and status.get("replicas", 0) == updated
        and status.get("availableReplicas", 0) >= updated
    )


def _has_rolled_out(api: InstallApi, namespace: str, name: str) -> bool:
    found = api.find(RESOURCE_TYPES["Deployment"], name, namespace)
    return found is not None and is_rolled_out(found)


def _said(api: InstallApi, namespace: str, name: str) -> str:
    """What the pods of a Deployment wait for; "" where this user may not know."""
    found = api.find(RESOURCE_TYPES["Deployment"], name, namespace)
    chosen = ((found or {}).get("spec") or {}).get("selector", {}).get("matchLabels") or {}
    labels = ",".join(f"{key}={value}" for key, value in sorted(chosen.items()))
    try:
        pods = list(api.list(RESOURCE_TYPES["Pod"], namespace, labels=labels)) if labels else []
    except AuthError:
        return ""
    return "; ".join(filter(None, map(waiting, pods)))


DONE: Mapping[Action, str] = {
    "create": "created", "change": "changed", "keep": "as they were", "leave": "of another Argo left alone",
}  # fmt: skip
TO_DO: Mapping[Action, str] = {
    "create": "to create", "change": "to change", "keep": "as they are", "leave": "of another Argo to leave alone",
}  # fmt: skip


def summary(changes: Sequence[Change], words: Mapping[Action, str] = DONE) -> str:
    """How many objects each action is for: `3 created, 1 changed, 12 as they were`."""
    counts = [(sum(change.action == action for change in changes), said) for action, said in words.items()]
    return ", ".join(f"{count} {said}" for count, said in counts if count) or "nothing"


def _stable(found: Object) -> Object:
    """An object without what each write changes and without its status."""
    metadata = {name: value for name, value in found["metadata"].items() if name not in _UNSTABLE}
    return {**{name: value for name, value in found.items() if name != "status"}, "metadata": metadata}

"""Whether an Argo Workflows runs what is submitted in the system namespace. Pure; part of `ome doctor`."""

import re
from collections.abc import Iterator
from datetime import datetime

from pipelines.install.finding import Finding, well
from pipelines.install.objects import Object, condition
from pipelines.install.options import NAMESPACE
from pipelines.install.snapshot import Snapshot

OLDEST = (3, 7)
_KINDS = ("workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults")
_BRING = "Install Argo Workflows 3.7 or newer, or run `ome install --argo bundled`."
_UNSEEN_SECONDS = 60


def argo_findings(seen: Snapshot) -> Iterator[Finding]:
    """Definitions, controllers that watch the namespace, their version and their pace."""
    missing = [name for name in _KINDS if f"{name}.argoproj.io" not in seen.definitions]
    if missing:
        yield Finding("argo definitions", "error", f"not there: {', '.join(missing)} of argoproj.io", _BRING)
        return
    yield well("argo definitions", f"{len(_KINDS)} kinds of argoproj.io")
    controllers = list(filter(is_controller, seen.deployments))
    watching = [each for each in controllers if watches(each, NAMESPACE)]
    idle = _waiting_workflows(seen)
    if idle:
        names = ", ".join(idle[:3])
        yield Finding(
            "argo controller", "error", f"nobody has taken up {len(idle)} workflows in {NAMESPACE}: {names}",
            f"Let Argo's controller watch the namespace {NAMESPACE}, and see its log.",
        )  # fmt: skip
    elif not controllers:
        yield _none_seen(seen)
    elif not watching:
        where = ", ".join(f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in controllers)
        yield Finding(
            "argo controller", "error", f"{where} watches other namespaces only",
            f"Add --managed-namespace={NAMESPACE} to its arguments, install it without --namespaced, "
            "or run `ome install --argo bundled`.",
        )  # fmt: skip
    elif len(watching) > 1:
        where = " and ".join(f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in watching)
        yield Finding(
            "argo controller", "error", f"{where} both watch {NAMESPACE}: each would run every workflow",
            "Keep one: `ome install --argo existing` after deleting the bundled Deployment, or limit the other one.",
        )  # fmt: skip
    for each in watching:
        yield from _of(each)


def is_controller(deployment: Object) -> bool:
    """Whether a Deployment is of a workflow-controller, whoever installed it and under which name."""
    return _program(deployment, "workflow-controller") is not None


def watches(deployment: Object, namespace: str) -> bool:
    """Whether a workflow-controller's Deployment watches a namespace, by its arguments."""
    container = _program(deployment, "workflow-controller") or {}
    arguments = [*(container.get("command") or ()), *(container.get("args") or ())]
    joined = " ".join(map(str, arguments))
    if not re.search(r"--namespaced(?!=false)", joined):
        return True
    managed = re.search(r"--managed-namespace[= ](\S+)", joined)
    return namespace == (managed[1] if managed else deployment["metadata"]["namespace"])


def version_of(image: str) -> tuple[int, int] | None:
    """Major and minor version that an image's tag says, or None when it says none."""
    found = re.search(r":v?(\d+)\.(\d+)", image)
    return (int(found[1]), int(found[2])) if found else None


def _of(deployment: Object) -> Iterator[Finding]:
    name = f"{deployment['metadata']['namespace']}/{deployment['metadata']['name']}"
    container = _program(deployment, "workflow-controller") or {}
    image = str(container.get("image", ""))
    version = version_of(image)
    if condition(deployment, "Available") != "True":
        yield Finding(
            "argo controller", "error", f"{name} is not available",
            f"kubectl describe deployment -n {deployment['metadata']['namespace']} {deployment['metadata']['name']}",
        )  # fmt: skip
    elif version is not None and version < OLDEST:
        yield Finding("argo controller", "error", f"{name} runs {image}", "Upgrade Argo Workflows to 3.7 or newer.")
    else:
        yield well("argo controller", f"{name} runs {image} and watches {NAMESPACE}")
    environment = {each["name"]: each.get("value", "") for each in container.get("env") or ()}
    if "DEFAULT_REQUEUE_TIME" not in environment:
        yield Finding(
            "argo pace", "warning", f"{name} waits its default of 10 s between steps",
            "Set the environment variable DEFAULT_REQUEUE_TIME=1s on it: short steps then take seconds.",
        )  # fmt: skip
    else:
        yield well("argo pace", f"DEFAULT_REQUEUE_TIME={environment['DEFAULT_REQUEUE_TIME']}")


def _none_seen(seen: Snapshot) -> Finding:
    if any((each.get("status") or {}).get("phase") for each in seen.workflows):
        return well("argo controller", f"no Deployment of it is seen, but workflows in {NAMESPACE} run")
    return Finding(
        "argo controller", "warning", "no Deployment of a workflow-controller is seen in any namespace",
        f"{_BRING} One that runs outside of the cluster has to watch the namespace {NAMESPACE}.",
    )  # fmt: skip


def _waiting_workflows(seen: Snapshot) -> list[str]:
    """Workflows that nobody has taken up for a minute."""
    return [
        each["metadata"]["name"]
        for each in seen.workflows
        if not (each.get("status") or {}).get("phase")
        and not (each.get("spec") or {}).get("suspend")
        and (seen.now - _time(each["metadata"]["creationTimestamp"])).total_seconds() > _UNSEEN_SECONDS
    ]


def _program(deployment: Object, name: str) -> Object | None:
    """The container of a Deployment whose image is called so."""
    containers = deployment["spec"]["template"]["spec"].get("containers") or []
    return next((each for each in containers if re.search(rf"(^|/){name}(:|@|$)", each.get("image", ""))), None)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)

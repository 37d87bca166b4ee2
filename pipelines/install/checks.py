"""What `ome doctor` checks, each a pure function from a snapshot of the cluster to findings with remedies."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from crds.definition import definitions
from crds.kinds import KINDS
from pipelines.export import templates
from pipelines.install.argo_checks import argo_findings
from pipelines.install.controller import CONTROLLER, POD_SECURITY_LEVEL
from pipelines.install.finding import INSTALL, UPGRADE, Finding, well
from pipelines.install.object_checks import object_findings
from pipelines.install.objects import VERSION, Object, condition, title_of
from pipelines.install.options import NAMESPACE, Options
from pipelines.install.pod_words import container_statuses, waiting
from pipelines.install.snapshot import Snapshot

OLDEST_KUBERNETES = (1, 30)
_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_STUCK = timedelta(minutes=5)
_MODEL_LABEL = "models.ome.io/"
"""A model on a node has this label and one by its uid, `models.ome/<uid>`: the first alone is counted."""


def findings(seen: Snapshot) -> list[Finding]:
    """Every finding, in the order in which problems should be mended."""
    checks = (
        api_findings, permission_findings, definition_findings, namespace_findings, object_findings, argo_findings,
        template_findings, controller_findings, image_findings, node_findings, import_findings, deletion_findings,
    )  # fmt: skip
    return [found for check in checks for found in check(seen)]


def api_findings(seen: Snapshot) -> Iterator[Finding]:
    """The API server and its version."""
    version = re.match(r"v?(\d+)\.(\d+)", seen.version)
    if version and (int(version[1]), int(version[2])) < OLDEST_KUBERNETES:
        remedy = "Upgrade to Kubernetes 1.30 or newer."
        yield Finding("kubernetes", "error", f"{seen.server} runs {seen.version}", remedy)
    else:
        yield well("kubernetes", f"{seen.server} runs {seen.version}")


def permission_findings(seen: Snapshot) -> Iterator[Finding]:
    """What this user may not do or read."""
    if seen.refused:
        yield Finding(
            "permissions", "warning", f"you may not {', '.join(seen.refused)}",
            "To install or upgrade, sign in as a cluster administrator.",
        )  # fmt: skip
    else:
        yield well("permissions", "you may install and upgrade")
    if seen.unreadable:
        yield Finding(
            "permissions", "warning", f"you may not read {', '.join(seen.unreadable)}: what follows is without them",
            "Sign in as a user who may read the whole cluster.",
        )  # fmt: skip


def definition_findings(seen: Snapshot) -> Iterator[Finding]:
    """The eight kinds: there, served, and as this version has them."""
    wanted = {each["metadata"]["name"]: each for each in definitions()}
    missing = [name for name in wanted if name not in seen.definitions]
    if missing:
        yield Finding("definitions", "error", f"not there: {', '.join(missing)}", INSTALL)
        return
    unserved = [name for name in wanted if condition(seen.definitions[name], "Established") != "True"]
    if unserved:
        remedy = f"kubectl describe crd {unserved[0]}"
        yield Finding("definitions", "error", f"not established: {', '.join(unserved)}", remedy)
        return
    others = [name for name, each in wanted.items() if _schema(seen.definitions[name]) != _schema(each)]
    if others:
        yield Finding("definitions", "warning", f"of another version: {', '.join(others)}", UPGRADE)
    else:
        yield well("definitions", f"{len(wanted)} kinds of ome.io")


def namespace_findings(seen: Snapshot) -> Iterator[Finding]:
    """A level of Pod Security on the namespace that refuses the pods which mount a node's models."""
    level = ((seen.namespace or {}).get("metadata") or {}).get("labels", {}).get(POD_SECURITY_LEVEL, "privileged")
    if level != "privileged":
        yield Finding(
            "namespace", "error", f"{NAMESPACE} enforces Pod Security {level}: no pod may mount a node's models",
            f"kubectl label --overwrite namespace {NAMESPACE} {POD_SECURITY_LEVEL}=privileged",
        )  # fmt: skip


def template_findings(seen: Snapshot) -> Iterator[Finding]:
    """The workflow templates: there, and of this version."""
    there = {each["metadata"]["name"]: each for each in seen.templates}
    wanted = templates()
    missing = [name for name in wanted if name not in there]
    if missing:
        yield Finding("workflow templates", "error", f"not in namespace {NAMESPACE}: {', '.join(missing)}", INSTALL)
        return
    others = [name for name, each in wanted.items() if _version(there[name]) != _version(each)]
    if others:
        yield Finding("workflow templates", "warning", f"of another version: {', '.join(others)}", UPGRADE)
    else:
        yield well("workflow templates", f"{len(wanted)} of version {Options().tag}")


def controller_findings(seen: Snapshot) -> Iterator[Finding]:
    """The controller: there, available, one of them leading."""
    found = [each for each in seen.deployments if each["metadata"]["name"] == CONTROLLER]
    found = [each for each in found if each["metadata"]["namespace"] == NAMESPACE]
    leader = _leader(seen)
    if not found and leader:
        yield well("controller", f"no Deployment, but {leader} leads")
        return
    if not found:
        yield Finding("controller", "error", f"no Deployment {NAMESPACE}/{CONTROLLER}", INSTALL)
        return
    image = found[0]["spec"]["template"]["spec"]["containers"][0]["image"]
    if condition(found[0], "Available") != "True":
        said = "; ".join(waiting(pod) for pod in seen.pods if _is_of(pod, CONTROLLER) and waiting(pod))
        yield Finding(
            "controller", "error", f"{NAMESPACE}/{CONTROLLER} ({image}) is not available{': ' + said if said else ''}",
            f"kubectl logs -n {NAMESPACE} deployment/{CONTROLLER}; kubectl describe pods -n {NAMESPACE}",
        )  # fmt: skip
    elif not leader:
        yield Finding(
            "controller", "error", f"{NAMESPACE}/{CONTROLLER} runs, and nobody leads",
            f"kubectl logs -n {NAMESPACE} deployment/{CONTROLLER}; kubectl get lease -n {NAMESPACE} {CONTROLLER}",
        )  # fmt: skip
    else:
        yield well("controller", f"{image}, led by {leader}")


def image_findings(seen: Snapshot) -> Iterator[Finding]:
    """Images that nodes cannot get."""
    failing: dict[str, str] = {}
    for pod in seen.pods:
        for container in container_statuses(pod):
            state = (container.get("state") or {}).get("waiting") or {}
            if state.get("reason") in _NO_IMAGE:
                failing[container["image"]] = str(state.get("message") or state["reason"])
    for image, said in sorted(failing.items()):
        yield Finding(
            "images", "error", f"{image} cannot be pulled: {said[:300]}",
            "Check registry, name and credentials; another registry: `ome install --image-registry …`.",
        )  # fmt: skip
    if not failing:
        yield well("images", f"no pod in {NAMESPACE} waits for an image")


def node_findings(seen: Snapshot) -> Iterator[Finding]:
    """Nodes that cannot take models, and how many models the others hold."""
    if not seen.nodes:
        yield Finding("nodes", "warning", "no nodes are seen", "Add a node, or sign in as a user who may list nodes.")
        return
    unready = [each["metadata"]["name"] for each in seen.nodes if condition(each, "Ready") != "True"]
    if unready:
        yield Finding("nodes", "warning", f"not ready: {', '.join(unready)}", f"kubectl describe node {unready[0]}")
    pressed = [each["metadata"]["name"] for each in seen.nodes if condition(each, "DiskPressure") == "True"]
    if pressed:
        yield Finding("nodes", "error", f"short of disk: {', '.join(pressed)}", "Free space, or delete models.")
    root = ((seen.settings or {}).get("data") or {}).get("OME_MODELS_ROOT", Options().models_root)
    held = Counter(
        str(value)
        for each in seen.nodes
        for name, value in (each["metadata"].get("labels") or {}).items()
        if name.startswith(_MODEL_LABEL)
    )
    labels = ", ".join(f"{count} {state}" for state, count in sorted(held.items())) or "none"
    ready = len(seen.nodes) - len(unready)
    yield well("nodes", f"{ready} ready; models are kept in {root}; models on nodes: {labels}")
    known = {each["metadata"]["name"] for each in seen.nodes}
    gone = [each["metadata"]["name"] for each in seen.node_status if each["metadata"]["name"] not in known]
    if gone:
        yield Finding(
            "nodes", "warning", f"ConfigMaps of nodes that are gone: {', '.join(gone)}",
            "Kubernetes removes what belongs to a node soon after it; if they stay: "
            f"kubectl delete configmap -n {NAMESPACE} {' '.join(gone)}",
        )  # fmt: skip


def import_findings(seen: Snapshot) -> Iterator[Finding]:
    """Why the latest import failed, where it did: the hub out of reach, a token refused, a disk full."""
    imports = [each for each in seen.workflows if each["metadata"]["name"].startswith("import-")]
    ended = [each for each in imports if (each.get("status") or {}).get("finishedAt")]
    if not ended:
        return
    latest = max(ended, key=lambda each: str(each["status"]["finishedAt"]))
    if latest["status"].get("phase") in ("Failed", "Error"):
        yield Finding(
            "imports", "warning", f"{latest['metadata']['name']}: {latest['status'].get('message', 'failed')}",
            f"See the model's conditions: kubectl describe cbm; steps: kubectl get pods -n {NAMESPACE}",
        )  # fmt: skip
    else:
        yield well("imports", f"{latest['metadata']['name']} succeeded")


def deletion_findings(seen: Snapshot) -> Iterator[Finding]:
    """Resources that were deleted minutes ago and are still there."""
    for each in seen.resources:
        since = each["metadata"].get("deletionTimestamp")
        if since and seen.now - datetime.fromisoformat(since) > _STUCK:
            held = ", ".join(each["metadata"].get("finalizers") or ("nothing",))
            kind = KINDS[each["kind"]].singular
            where = f" -n {each['metadata']['namespace']}" if each["metadata"].get("namespace") else ""
            yield Finding(
                "deletions", "error", f"{title_of(each)} was deleted at {since} and is held by {held}",
                "The controller undoes a model first: see that it runs. To give up what is on nodes: kubectl patch "
                f"{kind}{where} {each['metadata']['name']} --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'",
            )  # fmt: skip


def _leader(seen: Snapshot) -> str:
    """Who holds a Lease that has not run out; "" when nobody does."""
    spec = (seen.lease or {}).get("spec") or {}
    if not spec.get("holderIdentity") or not spec.get("renewTime"):
        return ""
    age = seen.now - datetime.fromisoformat(spec["renewTime"])
    return str(spec["holderIdentity"]) if age <= timedelta(seconds=spec.get("leaseDurationSeconds", 15)) else ""


def _schema(definition: Object) -> object:
    version = definition["spec"]["versions"][0]
    return version["schema"], version.get("additionalPrinterColumns")


def _version(each: Object) -> str:
    return str((each["metadata"].get("labels") or {}).get(VERSION, ""))


def _is_of(pod: Object, name: str) -> bool:
    return bool((pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name") == name)

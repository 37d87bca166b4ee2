"""The hand that plays Argo: what it writes into a workflow's status, node by node, as it does for our templates.

Each step has a retry node and a pod under it; a failed pod's message carries what the step wrote about its failure.
"""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

from controller.actions import Object
from controller.execute import merge_patch
from controller.index import arguments_of
from controller.plans.runs import timestamp
from steps.errors import CLASSES
from steps.facts import Facts, ParameterCount
from tests.controller.plans.cluster import Cluster

DIGEST = "ab" * 32
REVISION = "c0ffee" + "0" * 34
FACTS = Facts(
    model_type="llama",
    architecture="LlamaForCausalLM",
    parameters=ParameterCount(total=134_515_008, active=134_515_008, source="safetensors headers"),
    parameter_size="134.52M",
    format="safetensors",
    format_version="1.0.0",
    framework="transformers",
    framework_version="4.42.3",
    dtype="bfloat16",
    context_length=8192,
    capabilities=("TEXT_TO_TEXT",),
)
_EXIT_CODES = {c.code: c.exit_code for c in CLASSES}


def told(code: str, message: str = "it went wrong", remedy: str = "Mend it.") -> str:
    """The message of a pod whose step failed with that class."""
    text = json.dumps({"code": code, "message": message, "remedy": remedy})
    return f"Error (exit code {_EXIT_CODES.get(code, 1)}): {text}"


def step(
    task: str,
    phase: str = "Succeeded",
    *,
    item: int | None = None,
    node: str = "",
    message: str = "",
    outputs: Mapping[str, str] | None = None,
    progress: str = "0/1",
    order: int = 0,
) -> dict[str, Any]:
    """The nodes of one step: its retries and the pod."""
    display = task if item is None else f"{task}({item}:{node})"
    inputs = [{"name": "node", "value": node}] if item is not None else []
    common: dict[str, Any] = {
        "phase": phase,
        "startedAt": f"2026-11-21T12:00:{order:02d}Z",
        "inputs": {"parameters": inputs},
        "outputs": {"parameters": [{"name": name, "value": value} for name, value in (outputs or {}).items()]},
        "progress": progress,
    }
    retries = {**common, "id": f"r-{display}", "name": display, "displayName": display, "type": "Retry"}
    pod = {**common, "id": f"p-{display}", "name": f"{display}(0)", "displayName": f"{display}(0)", "type": "Pod"}
    if phase == "Failed":
        retries["message"] = "retryStrategy.expression evaluated to false"
    return {retries["id"]: retries, pod["id"]: {**pod, "message": message, "hostNodeName": node}}


def write(
    cluster: Cluster,
    name: str,
    phase: str,
    nodes: Mapping[str, Any] | None = None,
    *,
    outputs: Mapping[str, str] | None = None,
    message: str = "",
    is_compressed: bool = False,
) -> Object:
    """A workflow's status; the spec's arguments are stored in it as Argo does."""
    namespace = cluster.settings.namespace
    old = cluster.get("Workflow", namespace, name).get("status") or {}
    status: Object = {"phase": phase, "startedAt": old.get("startedAt") or timestamp(cluster.now), "message": message}
    if phase in ("Succeeded", "Failed", "Error"):
        status["finishedAt"] = timestamp(cluster.now)
    every = {name: _entry(name, phase, outputs or {}), **(nodes or {})}
    if is_compressed:
        packed = gzip.compress(json.dumps(every).encode(), mtime=0)
        status["compressedNodes"] = base64.b64encode(packed).decode()
    else:
        status["nodes"] = every
    return cluster.change("Workflow", namespace, name, {"status": merge_patch(old, status)})


def _entry(name: str, phase: str, outputs: Mapping[str, str]) -> dict[str, Any]:
    """The node of the graph that a run begins with; what the run gives stands here, and not in `status.outputs`."""
    parameters = [{"name": key, "value": value} for key, value in outputs.items()]
    common = {"id": name, "name": name, "displayName": name, "type": "DAG", "phase": phase}
    return {**common, "outputs": {"parameters": parameters}} if parameters else common


def importing(
    cluster: Cluster,
    name: str,
    *,
    cached: Mapping[str, str] | None = None,
    parsed: str = "Succeeded",
    resolved: str = "Succeeded",
    digest: str = DIGEST,
    revision: str = REVISION,
    facts: Facts = FACTS,
    file_count: int = 3,
    is_over: bool = True,
    is_compressed: bool = False,
) -> Object:
    """An import run.

    Args:
        cluster: Where.
        name: Of the workflow.
        cached: By node, a phase or the code of a failure; None for a success on every node that was asked for.
        parsed: A phase, or the code of a failure.
        resolved: The same.
        digest: Of the manifest.
        revision: That was resolved.
        facts: That were parsed.
        file_count: Files of the manifest.
        is_over: Whether the run has ended.
        is_compressed: Whether its nodes are packed.
    """
    workflow = cluster.get("Workflow", cluster.settings.namespace, name)
    asked = json.loads(arguments_of(workflow)["nodes"])
    outcomes = dict.fromkeys(asked, "Succeeded") if cached is None else cached
    given = {"manifest": digest, "revision": revision, "total_bytes": "1000", "file_count": str(file_count)}
    nodes = _step("resolve", resolved, given, order=1)
    if resolved == "Succeeded":
        nodes |= _step("parse", parsed, {"facts": facts.model_dump_json(by_alias=True)}, order=2)
        for index, (node, outcome) in enumerate(outcomes.items()):
            nodes |= _step("cache", outcome, {"path": "/mnt/models/m", "node": node}, item=index, node=node, order=3)
    phases = {resolved, parsed, *outcomes.values()}
    phase = "Running" if not is_over else "Succeeded" if phases == {"Succeeded"} else "Failed"
    if phase == "Succeeded":
        nodes |= step("publish", outputs={"model": arguments_of(workflow)["name"]}, order=4)
    shown = {**given, "facts": facts.model_dump_json(by_alias=True)} if phase == "Succeeded" else {}
    return write(cluster, name, phase, nodes, outputs=shown, is_compressed=is_compressed)


def reading(
    cluster: Cluster, name: str, outcome: str = "Succeeded", *, digest: str = DIGEST, facts: Facts = FACTS
) -> Object:
    """A run that reads a claim and has ended: well, or with the code of a failure."""
    given = {"manifest": digest, "revision": REVISION, "total_bytes": "1000", "file_count": "3"}
    given["facts"] = facts.model_dump_json(by_alias=True)
    is_well = outcome == "Succeeded"
    nodes = _step("read", outcome, given, order=1)
    return write(cluster, name, outcome if is_well else "Failed", nodes, outputs=given if is_well else {})


def checking(
    cluster: Cluster, name: str, outcome: str = "Succeeded", *, revision: str, digest: str = DIGEST
) -> Object:
    """A run that asks a source what it names and has ended: well, or with the code of a failure."""
    given = {"revision": revision, "manifest": digest}
    is_well = outcome == "Succeeded"
    nodes = _step("check", outcome, given, order=1)
    return write(cluster, name, outcome if is_well else "Failed", nodes, outputs=given if is_well else {})


def evicting(cluster: Cluster, name: str, outcomes: Mapping[str, str] | None = None) -> Object:
    """An evict run that has ended: by node, a phase or the code of a failure; None for success everywhere."""
    workflow = cluster.get("Workflow", cluster.settings.namespace, name)
    asked = json.loads(arguments_of(workflow)["nodes"])
    found = dict.fromkeys(asked, "Succeeded") if outcomes is None else outcomes
    nodes: dict[str, Any] = {}
    for index, (node, outcome) in enumerate(found.items()):
        nodes |= _step("evict", outcome, {"node": node}, item=index, node=node, order=1)
    phase = "Succeeded" if set(found.values()) <= {"Succeeded"} else "Failed"
    return write(cluster, name, phase, nodes)


def submitted_by_a_person(
    cluster: Cluster, template: str, name: str, arguments: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> Object:
    """A run as the Argo UI submits it: labels of the template only, defaults in the stored template."""
    body: Object = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": name,
            "namespace": cluster.settings.namespace,
            "labels": {"app.kubernetes.io/part-of": "ome-pipelines", "ome.io/pipeline": template},
        },
        "spec": {"workflowTemplateRef": {"name": template}, "arguments": {"parameters": _parameters(arguments)}},
        "status": {
            "phase": "Running",
            "startedAt": timestamp(cluster.now),
            "storedWorkflowTemplateSpec": {"arguments": {"parameters": _parameters(defaults or {})}},
        },
    }
    return cluster.add(body)


def runs_of(cluster: Cluster, template: str) -> Sequence[str]:
    """Names of the workflows made from a template."""
    return [
        item["metadata"]["name"]
        for item in cluster.of_kind("Workflow")
        if item["metadata"]["labels"]["ome.io/pipeline"] == template
    ]


def only_run(cluster: Cluster, template: str) -> str:
    """The name of the one workflow made from a template that is not over yet."""
    names = [
        name
        for name in runs_of(cluster, template)
        if "finishedAt" not in (cluster.get("Workflow", cluster.settings.namespace, name).get("status") or {})
    ]
    assert len(names) == 1, names
    return names[0]


def _step(
    task: str, outcome: str, outputs: Mapping[str, str], *, order: int, item: int | None = None, node: str = ""
) -> dict[str, Any]:
    if outcome == "Succeeded":
        return step(task, item=item, node=node, outputs=outputs, order=order, progress="500/500")
    if outcome in ("Running", "Pending"):
        return step(task, outcome, item=item, node=node, order=order, progress="200/500")
    return step(task, "Failed", item=item, node=node, order=order, message=told(outcome))


def _parameters(arguments: Mapping[str, str]) -> list[Object]:
    return [{"name": name, "value": value} for name, value in arguments.items()]

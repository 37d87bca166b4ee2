"""The workflow that a planner submits: a template's name, arguments, labels, an owner where it may have one."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from controller.actions import CreateObject, DeleteObject, EmitEvent, Object
from controller.plans.deadlines import DEADLINES
from controller.plans.failures import failure
from controller.plans.runs import Run
from crds import labels
from crds.metadata import API_VERSION

ARGO: Final = "argoproj.io/v1alpha1"
_UNOWNED: Final = frozenset({"evict-model"})
"""A run that undoes must outlive its owner's deletion in the foreground, which takes what is owned first."""


def submit(
    template: str, name: str, resource: Object, arguments: Mapping[str, str], inputs: str, namespace: str, **more: str
) -> CreateObject:
    """A run of `template` for a resource.

    Args:
        template: The WorkflowTemplate.
        name: Of the workflow.
        resource: What it is for.
        arguments: Parameters that differ from the template's defaults.
        inputs: What it is submitted for: kept in an annotation.
        namespace: The system namespace.
        **more: Further annotations, by the part after `ome.io/`.
    """
    metadata: Object = {
        "name": name,
        "namespace": namespace,
        "labels": {labels.PIPELINE: template, **resource_labels(resource)},
        "annotations": {labels.INPUTS: inputs, **{f"ome.io/{key}": value for key, value in more.items()}},
    }
    owner = resource["metadata"]
    if not owner.get("namespace") and template not in _UNOWNED:
        metadata["ownerReferences"] = [owner_reference(resource)]
    body: Object = {
        "apiVersion": ARGO,
        "kind": "Workflow",
        "metadata": metadata,
        "spec": {
            "workflowTemplateRef": {"name": template},
            "arguments": {"parameters": parameters(arguments)},
            "activeDeadlineSeconds": DEADLINES[template],
        },
    }
    return CreateObject(body)


def vanished(resource: Object, lost: str) -> list[EmitEvent]:
    """The event of a run that was deleted while it was waited for; none when `lost`, its name, is ""."""
    if not lost:
        return []
    gone = failure("vanished", f"run {lost} was deleted before it ended")
    return [EmitEvent(resource, "Warning", gone.reason, gone.sentence)]


def forget_failures(
    runs: Iterable[Run], template: str, most: int, needed: Collection[str] = frozenset()
) -> list[DeleteObject]:
    """Delete failed runs of ours that nobody looks at any more: all but the newest of a template.

    Args:
        runs: Oldest first.
        template: Whose runs.
        most: How many stay.
        needed: Names of others that stay.
    """
    failed = [run for run in runs if run.is_ours and run.phase == "Failed" and run.pipeline == template]
    return [DeleteObject("Workflow", run.namespace, run.name) for run in failed[:-most] if run.name not in needed]


def parameters(arguments: Mapping[str, str]) -> list[Object]:
    """Arguments as Argo has them."""
    return [{"name": name, "value": value} for name, value in arguments.items()]


def resource_labels(resource: Object) -> dict[str, str]:
    """Labels by which what is kept in the system namespace is found for a resource."""
    metadata = resource["metadata"]
    found = {
        labels.PART_OF: labels.PRODUCT,
        labels.KIND: resource["kind"],
        labels.NAME: labels.label_value(metadata["name"]),
    }
    if metadata.get("namespace"):
        found[labels.NAMESPACE] = labels.label_value(metadata["namespace"])
    return found


def owner_reference(resource: Object) -> Object:
    """The resource as owner; only for objects that it may own: cluster-scoped ones own anything."""
    metadata = resource["metadata"]
    return {
        "apiVersion": API_VERSION,
        "kind": resource["kind"],
        "name": metadata["name"],
        "uid": str(metadata.get("uid") or ""),
        "controller": True,
        "blockOwnerDeletion": False,
    }

"""A planner that uses every action, and a controller process that runs it (`-m tests.controller.engine.trivial`).

A ClusterBaseModel gets a finalizer, a workflow, a ConfigMap when that succeeds, and a status; a model that goes takes
its workflow and ConfigMap with it.
"""

import sys

from controller.actions import (
    Action,
    ApplyObject,
    CreateObject,
    DeleteObject,
    EmitEvent,
    Object,
    PatchObject,
    Plan,
    WriteStatus,
)
from controller.main import main
from controller.observed import Context
from crds import labels

FINALIZER = "tests.ome.io/cleanup"


def plan_model(model: Object, context: Context) -> Plan:
    """What to do about a model."""
    metadata = model["metadata"]
    name, version, finalizers = metadata["name"], metadata["resourceVersion"], metadata.get("finalizers", [])
    namespace = context.settings.namespace
    if "deletionTimestamp" in metadata:
        gone = [
            DeleteObject("Workflow", namespace, run["metadata"]["name"])
            for run in context.observed.runs("import-model", "ClusterBaseModel", "", name)
            if "deletionTimestamp" not in run["metadata"]
        ]
        free = PatchObject("ClusterBaseModel", "", name, {"metadata": {"finalizers": []}}, version)
        return Plan((*gone, DeleteObject("ConfigMap", namespace, name), free))
    if FINALIZER not in finalizers:
        return Plan((PatchObject("ClusterBaseModel", "", name, {"metadata": {"finalizers": [FINALIZER]}}, version),))
    runs = context.observed.runs("import-model", "ClusterBaseModel", "", name)
    actions: list[Action] = []
    if not runs:
        actions.append(CreateObject(workflow(namespace, name)))
        actions.append(EmitEvent(model, "Normal", "Submitted", f"submitted import-{name}"))
    phase = (runs[0].get("status") or {}).get("phase", "") if runs else ""
    if phase == "Succeeded" and context.observed.get("ConfigMap", namespace, name) is None:
        actions.append(ApplyObject(config_map(namespace, name)))
    status = {"phase": "Ready" if phase == "Succeeded" else "Importing", "generation": metadata["generation"]}
    if model.get("status") != status:
        actions.append(WriteStatus("ClusterBaseModel", "", name, version, status))
    return Plan(tuple(actions))


def workflow(namespace: str, name: str) -> Object:
    """The run that imports a model."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": f"import-{name}",
            "namespace": namespace,
            "labels": {labels.PIPELINE: "import-model"},
        },
        "spec": {
            "workflowTemplateRef": {"name": "import-model"},
            "arguments": {
                "parameters": [{"name": "scope", "value": "ClusterBaseModel"}, {"name": "name", "value": name}]
            },
        },
    }


def config_map(namespace: str, name: str) -> Object:
    """What a node would say of a model."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {labels.NODE_STATUS: "true"}},
        "data": {labels.config_map_key("ClusterBaseModel", "", name): "Ready"},
    }


def model(name: str, **spec: object) -> Object:
    """A model to apply."""
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name},
        "spec": {"storage": {"storageUri": f"hf://acme/{name}"}, **spec},
    }


if __name__ == "__main__":
    sys.exit(main(planners={"ClusterBaseModel": plan_model}))

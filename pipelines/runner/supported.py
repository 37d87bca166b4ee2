"""Every field of a workflow that the local runner knows, and what becomes of it: one table a kind of object.

`HONOURED` fields do here what they do in Argo. `CLUSTER` fields say how a pod is placed, secured or kept, which means
nothing on one machine, and are passed over knowingly. `Refused` ones would change what a workflow does, so a workflow
with one is refused by name before anything starts; so is every field that is not in the table.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from steps.errors import InvalidInputError, UnsupportedError

HONOURED = "honoured"
CLUSTER = "matters only on a cluster"


class Refused(str):
    """Why a field cannot be honoured on one machine; completes the sentence "…, which …"."""


_ARTIFACT_STORE = Refused("needs an artifact store; here artifacts travel by path between steps of one run")

WORKFLOW: Mapping[str, str] = {
    "arguments": HONOURED, "entrypoint": HONOURED, "templates": HONOURED, "onExit": HONOURED, "hooks": HONOURED,
    "activeDeadlineSeconds": HONOURED, "parallelism": HONOURED, "workflowTemplateRef": HONOURED,
    "synchronization": HONOURED,
    "affinity": CLUSTER, "archiveLogs": CLUSTER, "artifactGC": CLUSTER, "artifactRepositoryRef": CLUSTER,
    "automountServiceAccountToken": CLUSTER, "dnsConfig": CLUSTER, "dnsPolicy": CLUSTER, "executor": CLUSTER,
    "hostAliases": CLUSTER, "hostNetwork": CLUSTER, "imagePullSecrets": CLUSTER, "metrics": CLUSTER,
    "nodeSelector": CLUSTER, "podDisruptionBudget": CLUSTER, "podGC": CLUSTER, "podMetadata": CLUSTER,
    "podPriorityClassName": CLUSTER, "podSpecPatch": CLUSTER, "priority": CLUSTER, "schedulerName": CLUSTER,
    "securityContext": CLUSTER, "serviceAccountName": CLUSTER, "tolerations": CLUSTER, "ttlStrategy": CLUSTER,
    "volumeClaimGC": CLUSTER, "volumes": CLUSTER, "workflowMetadata": CLUSTER,
    "retryStrategy": Refused("retries a whole workflow; put retryStrategy on its templates"),
    "templateDefaults": Refused("changes every template; write its fields on the templates"),
    "shutdown": Refused("is set on running workflows"),
    "suspend": Refused("is set on running workflows"),
    "volumeClaimTemplates": Refused("needs a cluster's volumes"),
}  # fmt: skip

TEMPLATE: Mapping[str, str] = {
    "name": HONOURED, "inputs": HONOURED, "outputs": HONOURED, "metadata": HONOURED, "annotations": HONOURED,
    "script": HONOURED, "container": HONOURED, "dag": HONOURED, "steps": HONOURED, "retryStrategy": HONOURED,
    "activeDeadlineSeconds": HONOURED, "timeout": HONOURED, "synchronization": HONOURED,
    "affinity": CLUSTER, "archiveLocation": CLUSTER, "automountServiceAccountToken": CLUSTER, "executor": CLUSTER,
    "hostAliases": CLUSTER, "metrics": CLUSTER, "nodeSelector": CLUSTER, "podSpecPatch": CLUSTER,
    "priorityClassName": CLUSTER, "schedulerName": CLUSTER, "securityContext": CLUSTER, "serviceAccountName": CLUSTER,
    "tolerations": CLUSTER, "volumes": CLUSTER,
    "resource": Refused("creates Kubernetes objects, and there is no Kubernetes here"),
    "suspend": Refused("waits for a person in the Argo UI"),
    "http": Refused("needs Argo's agent"),
    "plugin": Refused("needs Argo's agent"),
    "data": Refused("needs an artifact store"),
    "containerSet": Refused("needs a pod with several containers"),
    "daemon": Refused("keeps a pod running beside later steps"),
    "sidecars": Refused("needs a pod with several containers"),
    "initContainers": Refused("needs a pod with several containers"),
    "memoize": Refused("keeps results in a ConfigMap"),
    "failFast": Refused("is not built for one machine"),
    "parallelism": Refused("is not built for one machine; use the workflow's parallelism"),
}  # fmt: skip

CONTAINER: Mapping[str, str] = {
    "command": HONOURED, "args": HONOURED, "source": HONOURED, "env": HONOURED,
    "name": CLUSTER, "image": CLUSTER, "imagePullPolicy": CLUSTER, "resources": CLUSTER, "securityContext": CLUSTER,
    "volumeMounts": CLUSTER, "terminationMessagePath": CLUSTER, "terminationMessagePolicy": CLUSTER, "ports": CLUSTER,
    "workingDir": Refused("names a folder inside an image"),
    "envFrom": Refused("reads ConfigMaps or Secrets of a cluster"),
    "lifecycle": Refused("is for a container runtime"),
    "livenessProbe": Refused("is for a container runtime"),
    "readinessProbe": Refused("is for a container runtime"),
    "startupProbe": Refused("is for a container runtime"),
    "volumeDevices": Refused("needs a cluster's volumes"),
}  # fmt: skip

VARIABLE: Mapping[str, str] = {
    "name": HONOURED, "value": HONOURED,
    "valueFrom": CLUSTER,  # a Secret or field of the pod there; here the variable of this machine, when it is set
}  # fmt: skip

DAG: Mapping[str, str] = {"tasks": HONOURED, "target": HONOURED, "failFast": HONOURED}

TASK: Mapping[str, str] = {
    "name": HONOURED, "template": HONOURED, "templateRef": HONOURED, "arguments": HONOURED, "depends": HONOURED,
    "dependencies": HONOURED, "when": HONOURED, "withItems": HONOURED, "withParam": HONOURED, "continueOn": HONOURED,
    "onExit": HONOURED, "hooks": HONOURED,
    "inline": Refused("is not built for one machine; name a template"),
    "withSequence": Refused("is not built for one machine; use withItems"),
}  # fmt: skip

TEMPLATE_REF: Mapping[str, str] = {"name": HONOURED, "template": HONOURED, "clusterScope": CLUSTER}
HOOK: Mapping[str, str] = {
    "template": HONOURED, "templateRef": HONOURED, "arguments": HONOURED,
    "expression": Refused("is not built for one machine; only an exit hook without a condition is"),
}  # fmt: skip
PARAMETER: Mapping[str, str] = {
    "name": HONOURED, "value": HONOURED, "default": HONOURED, "description": HONOURED, "enum": HONOURED,
    "valueFrom": HONOURED, "globalName": HONOURED,
}  # fmt: skip
VALUE_FROM: Mapping[str, str] = {
    "path": HONOURED, "default": HONOURED, "parameter": HONOURED, "expression": HONOURED,
    "configMapKeyRef": Refused("reads a ConfigMap of a cluster"),
    "supplied": Refused("waits for a person in the Argo UI"),
    "event": Refused("needs Argo's events"),
    "jqFilter": Refused("is for resource templates"),
    "jsonPath": Refused("is for resource templates"),
}  # fmt: skip
ARTIFACT: Mapping[str, str] = {
    "name": HONOURED, "path": HONOURED, "from": HONOURED, "optional": HONOURED, "description": HONOURED,
    "archive": CLUSTER, "artifactGC": CLUSTER, "deleted": CLUSTER, "mode": CLUSTER,
    "s3": _ARTIFACT_STORE, "gcs": _ARTIFACT_STORE, "azure": _ARTIFACT_STORE, "oss": _ARTIFACT_STORE,
    "hdfs": _ARTIFACT_STORE, "http": _ARTIFACT_STORE, "git": _ARTIFACT_STORE, "artifactory": _ARTIFACT_STORE,
    "plugin": _ARTIFACT_STORE,
    "raw": Refused("is not built for one machine; pass a parameter"),
    "fromExpression": Refused("is not built for one machine; use `from`"),
    "globalName": Refused("is not built for one machine"),
    "subPath": Refused("is not built for one machine"),
    "recurseMode": Refused("is not built for one machine"),
}  # fmt: skip
RETRY: Mapping[str, str] = {
    "limit": HONOURED, "retryPolicy": HONOURED, "expression": HONOURED, "backoff": HONOURED, "affinity": CLUSTER,
}  # fmt: skip
BACKOFF: Mapping[str, str] = {"duration": HONOURED, "factor": HONOURED, "maxDuration": HONOURED, "cap": HONOURED}
CONTINUE_ON: Mapping[str, str] = {"failed": HONOURED, "error": HONOURED}
SYNCHRONIZATION: Mapping[str, str] = {
    "mutexes": HONOURED,
    "semaphores": Refused("reads its size from a ConfigMap of a cluster"),
    "mutex": Refused("was removed in Argo 4; use mutexes"),
    "semaphore": Refused("was removed in Argo 4; use semaphores"),
}  # fmt: skip
MUTEX: Mapping[str, str] = {"name": HONOURED, "namespace": CLUSTER, "database": CLUSTER}


def check_fields(where: str, value: object, table: Mapping[str, str]) -> Mapping[str, Any]:
    """The object, when every field of it is honoured or passed over knowingly.

    Fields that are not set (None) and refused switches that are off (False) do not count.

    Args:
        where: What it is, for messages: `template "fetch"`.
        value: The object, as parsed from YAML.
        table: One of this module's tables.

    Raises:
        UnsupportedError: names the field and why it is refused.
        InvalidInputError: when it is not an object.
    """
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{where}: is {value!r}, and should be an object")
    for field, content in value.items():
        fate = table.get(field)
        if (
            content is None
            or content is False
            and isinstance(fate, Refused)
            or fate in (HONOURED, CLUSTER)
            and not isinstance(fate, Refused)
        ):
            continue
        why = fate or "the local runner does not know"
        raise UnsupportedError(f'{where} uses "{field}", which {why}', remedy="Run it on a cluster with Argo.")
    return value


def check_list(where: str, value: object, table: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
    """The objects of a list (None is an empty one), each checked and named by its `name`."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInputError(f"{where}: is {value!r}, and should be a list")
    for number, item in enumerate(value):
        name = item.get("name", number) if isinstance(item, Mapping) else number
        check_fields(f'{where} "{name}"', item, table)
    return value

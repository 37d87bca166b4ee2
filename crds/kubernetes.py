"""Kubernetes' own types (Container, Affinity, Volume …): open dictionaries whose top-level fields are known.

The API server checks them in depth when they are applied; here their top-level names are enough to catch a typing
error and to list them in the CRD schema.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, JsonValue
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class KnownFields:
    """Marks a dictionary that stays as given, and lists the names it may have at its top level.

    Attributes:
        names: JSON names, blank-separated.
        texts: Those of them that rules look into, and that are text.
    """

    names: str
    texts: str = ""

    def __contains__(self, name: object) -> bool:
        return name in self.names.split()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(dict[str, JsonValue])

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        open_field = {"x-kubernetes-preserve-unknown-fields": True}
        return {
            "type": "object",
            "properties": {
                name: {"type": "string"} if name in self.texts.split() else dict(open_field)
                for name in self.names.split()
            },
            "x-kubernetes-preserve-unknown-fields": True,
        }


FreeObject = dict[str, JsonValue]
"""Any JSON object: hyper-parameters, a model's configuration."""

CONTAINER_FIELDS = (
    "name image command args workingDir ports envFrom env resources resizePolicy restartPolicy restartPolicyRules"
    " volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath"
    " terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty"
)
Container = Annotated[dict[str, Any], KnownFields(CONTAINER_FIELDS, texts="name image")]
Volume = Annotated[
    dict[str, Any],
    KnownFields(
        "name hostPath emptyDir gcePersistentDisk awsElasticBlockStore gitRepo secret nfs iscsi glusterfs"
        " persistentVolumeClaim rbd flexVolume cinder cephfs flocker downwardAPI fc azureFile configMap vsphereVolume"
        " quobyte azureDisk photonPersistentDisk projected portworxVolume scaleIO storageos csi ephemeral image"
    ),
]
VolumeMount = Annotated[
    dict[str, Any],
    KnownFields("name readOnly recursiveReadOnly mountPath subPath mountPropagation subPathExpr"),
]
Affinity = Annotated[dict[str, Any], KnownFields("nodeAffinity podAffinity podAntiAffinity")]
NodeAffinity = Annotated[
    dict[str, Any],
    KnownFields("requiredDuringSchedulingIgnoredDuringExecution preferredDuringSchedulingIgnoredDuringExecution"),
]
Toleration = Annotated[dict[str, Any], KnownFields("key operator value effect tolerationSeconds")]
LocalObjectReference = Annotated[dict[str, Any], KnownFields("name")]
EnvVar = Annotated[dict[str, Any], KnownFields("name value valueFrom")]
EnvFromSource = Annotated[dict[str, Any], KnownFields("prefix configMapRef secretRef")]
ResourceRequirements = Annotated[dict[str, Any], KnownFields("limits requests claims")]
DeploymentStrategy = Annotated[dict[str, Any], KnownFields("type rollingUpdate")]
PodSecurityContext = Annotated[
    dict[str, Any],
    KnownFields(
        "seLinuxOptions windowsOptions runAsUser runAsGroup runAsNonRoot supplementalGroups supplementalGroupsPolicy"
        " fsGroup sysctls fsGroupChangePolicy seccompProfile appArmorProfile seLinuxChangePolicy"
    ),
]
OwnerReference = Annotated[dict[str, Any], KnownFields("apiVersion kind name uid controller blockOwnerDeletion")]
Addressable = Annotated[dict[str, Any], KnownFields("name url CACerts audience")]
TrafficTarget = Annotated[dict[str, Any], KnownFields("tag revisionName configurationName latestRevision percent url")]
OpenObject = Annotated[dict[str, Any], KnownFields("")]
"""A core type that is passed through whole; none of its names is checked."""

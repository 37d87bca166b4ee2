"""The fields of a pod that components and runtimes carry inline, beside their own."""

from typing import Any

from pydantic import Field

from crds.base import ApiType, Flag, Int32, Int64
from crds.kubernetes import (
    Affinity,
    Container,
    LocalObjectReference,
    OpenObject,
    PodSecurityContext,
    Toleration,
    Volume,
)


class RuntimePodFields(ApiType):
    """The part of a pod that a runtime of OME's older form gives at its top level."""

    containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    node_selector: dict[str, str] = {}
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()
    scheduler_name: str = ""
    host_ipc: Flag | None = Field(default=None, alias="hostIPC")
    dns_policy: str = ""
    host_network: Flag | None = None


class PodFields(ApiType):
    """A whole PodSpec, inline. Kubernetes checks it in depth; see `pod_spec`."""

    volumes: tuple[Volume, ...] = ()
    init_containers: tuple[Container, ...] = ()
    containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[OpenObject, ...] = ()
    restart_policy: str = ""
    termination_grace_period_seconds: Int64 | None = None
    active_deadline_seconds: Int64 | None = None
    dns_policy: str = ""
    node_selector: dict[str, str] = {}
    service_account_name: str = ""
    service_account: str = ""
    automount_service_account_token: Flag | None = None
    node_name: str = ""
    host_network: Flag | None = None
    host_pid: Flag | None = Field(default=None, alias="hostPID")
    host_ipc: Flag | None = Field(default=None, alias="hostIPC")
    share_process_namespace: Flag | None = None
    security_context: PodSecurityContext | None = None
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()
    hostname: str = ""
    subdomain: str = ""
    affinity: Affinity | None = None
    scheduler_name: str = ""
    tolerations: tuple[Toleration, ...] = ()
    host_aliases: tuple[OpenObject, ...] = ()
    priority_class_name: str = ""
    priority: Int32 | None = None
    dns_config: OpenObject | None = None
    readiness_gates: tuple[OpenObject, ...] = ()
    runtime_class_name: str = ""
    enable_service_links: Flag | None = None
    preemption_policy: str = ""
    overhead: OpenObject | None = None
    topology_spread_constraints: tuple[OpenObject, ...] = ()
    set_hostname_as_fqdn: Flag | None = Field(default=None, alias="setHostnameAsFQDN")
    os: OpenObject | None = None
    host_users: Flag | None = None
    scheduling_gates: tuple[OpenObject, ...] = ()
    resource_claims: tuple[OpenObject, ...] = ()
    resources: OpenObject | None = None

    def pod_spec(self) -> dict[str, Any]:
        """Only the pod's own fields, as they were given, by their JSON names."""
        return self.model_dump(by_alias=True, exclude_unset=True, mode="json", include=set(PodFields.model_fields))

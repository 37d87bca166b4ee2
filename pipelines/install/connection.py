"""The cluster that a person's kubeconfig names, for `ome install`, `ome doctor` and `ome uninstall`.

The same calls as the steps make (`steps.cluster.api`), with less patience, since somebody waits, and with dry runs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crds.kinds import KINDS
from crds.metadata import API_VERSION
from steps.cluster.api import ClusterApi
from steps.cluster.connections import Patience, connections_of, headers_of
from steps.cluster.kubeconfig import read_kubeconfig
from steps.cluster.resource_types import ResourceType, object_path
from steps.errors import InvalidInputError, NotFoundError

Object = dict[str, Any]

FIELD_MANAGER = "ome-install"
"""Whose the fields of installed objects are; the controller's own is another."""

PATIENCE = Patience(retries=2, backoff=0.2, read_seconds=30.0, statuses=(429, 502, 503, 504))
"""Somebody waits."""

_RBAC, _ARGO = "rbac.authorization.k8s.io/v1", "argoproj.io/v1alpha1"

RESOURCE_TYPES: Mapping[str, ResourceType] = {
    kind.kind: kind
    for kind in (
        ResourceType("v1", "Namespace", "namespaces", is_namespaced=False),
        ResourceType("v1", "Node", "nodes", is_namespaced=False),
        ResourceType("v1", "ServiceAccount", "serviceaccounts"),
        ResourceType("v1", "ConfigMap", "configmaps"),
        ResourceType("v1", "Service", "services"),
        ResourceType("v1", "Secret", "secrets"),
        ResourceType("v1", "Pod", "pods"),
        ResourceType("apps/v1", "Deployment", "deployments"),
        ResourceType("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
        ResourceType("coordination.k8s.io/v1", "Lease", "leases"),
        ResourceType(_RBAC, "ClusterRole", "clusterroles", is_namespaced=False),
        ResourceType(_RBAC, "ClusterRoleBinding", "clusterrolebindings", is_namespaced=False),
        ResourceType(_RBAC, "Role", "roles"),
        ResourceType(_RBAC, "RoleBinding", "rolebindings"),
        ResourceType(_ARGO, "Workflow", "workflows"),
        ResourceType(_ARGO, "CronWorkflow", "cronworkflows"),
        ResourceType(_ARGO, "WorkflowTemplate", "workflowtemplates"),
        ResourceType(_ARGO, "ClusterWorkflowTemplate", "clusterworkflowtemplates", is_namespaced=False),
        ResourceType(_ARGO, "WorkflowEventBinding", "workfloweventbindings"),
        ResourceType(_ARGO, "WorkflowTaskSet", "workflowtasksets"),
        ResourceType(_ARGO, "WorkflowTaskResult", "workflowtaskresults"),
        ResourceType(_ARGO, "WorkflowArtifactGCTask", "workflowartifactgctasks"),
        ResourceType(
            "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", is_namespaced=False
        ),
        ResourceType(
            "authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", is_namespaced=False
        ),
        *(ResourceType(API_VERSION, kind.name, kind.plural, kind.is_namespaced) for kind in KINDS.values()),
    )
}
"""The kinds that an installation has or looks at."""


def type_of(body: Object) -> ResourceType:
    """The resource type of an object of an installation."""
    return RESOURCE_TYPES[body["kind"]]


class InstallApi(ClusterApi):
    """One cluster, with what an installer asks beside the steps' calls."""

    def apply_installed(self, body: Object, *, dry_run: bool = False) -> Object:
        """Server-side apply with the installer's field manager.

        Args:
            body: The object.
            dry_run: Only say what would be stored.
        """
        metadata = body["metadata"]
        path = object_path(type_of(body), metadata.get("namespace", ""), metadata["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true", **({"dryRun": "All"} if dry_run else {})}
        return self._call("PATCH", path, query, body, "application/apply-patch+yaml")

    def all(self, kind: str, namespace: str = "", labels: str = "") -> tuple[Object, ...]:
        """All objects of a kind, or those that a label selector chooses; none where the kind is not there."""
        try:
            return tuple(self.list(RESOURCE_TYPES[kind], namespace, labels=labels))
        except NotFoundError:
            return ()

    def has_any(self, kind: str) -> bool:
        """Whether there is an object of a kind, in any namespace."""
        try:
            return next(self.list(RESOURCE_TYPES[kind]), None) is not None
        except NotFoundError:
            return False

    def server_version(self) -> str:
        """The API server's version, such as `v1.34.3`."""
        return str(self._call("GET", "/version")["gitVersion"])

    def may(self, verb: str, group: str, resource: str, namespace: str = "") -> bool:
        """Whether this user may do that."""
        attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "metadata": {},
            "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
        }
        return bool(self.create(RESOURCE_TYPES["SelfSubjectAccessReview"], body)["status"]["allowed"])


def connect(kubeconfig: Path | None = None, context: str = "") -> InstallApi:
    """The cluster of a kubeconfig's context.

    Args:
        kubeconfig: The file; by default `$KUBECONFIG`, else `~/.kube/config`.
        context: Its context; "" for the current one.

    Raises:
        InvalidInputError: when the file or the context is not there or cannot be used.
    """
    if kubeconfig is not None and not kubeconfig.is_file():
        raise InvalidInputError(f"--kubeconfig: {kubeconfig} is not a file", remedy="Give the path of a kubeconfig.")
    found = read_kubeconfig(kubeconfig, context)
    return InstallApi(found.host, connections_of(found, PATIENCE), headers=headers_of(found))

"""What a router has beside its Deployment: the right to see the pods it routes to, and its configuration.

Pure. Called by `render`.
"""

from typing import Any

from steps.serving.cluster.environment import with_variables
from steps.serving.cluster.metadata import Object, texts_of
from steps.serving.component import Component

_RBAC = "rbac.authorization.k8s.io"


def with_configuration(container: dict[str, Any], component: Component) -> dict[str, Any]:
    """The router's container with `config` as environment variables, as OME gives them."""
    return with_variables(container, texts_of(component.pod, "config", "spec.router"))


def router_rights(metadata: Object) -> tuple[Object, ...]:
    """A service account that may look at the pods of its namespace: routers find engines by labels."""
    name, namespace = metadata["name"], metadata["namespace"]
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
    )

"""The kinds that steps read or write on a cluster, and where the API server has their objects. Pure."""

from typing import NamedTuple
from urllib.parse import quote

from crds.kinds import NAMESPACED, PLURALS
from crds.metadata import API_VERSION
from steps.errors import InvalidInputError


class ResourceType(NamedTuple):
    """A kind as the API server knows it.

    Attributes:
        api_version: Such as `v1` and `apps/v1`.
        kind: Such as Deployment.
        plural: Such as deployments.
        is_namespaced: Whether each object belongs to a namespace.
    """

    api_version: str
    kind: str
    plural: str
    is_namespaced: bool = True


CONFIG_MAP = ResourceType("v1", "ConfigMap", "configmaps")
NODE = ResourceType("v1", "Node", "nodes", is_namespaced=False)
POD = ResourceType("v1", "Pod", "pods")
SERVICE = ResourceType("v1", "Service", "services")
EVENT = ResourceType("v1", "Event", "events")
DEPLOYMENT = ResourceType("apps/v1", "Deployment", "deployments")
AUTOSCALER = ResourceType("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
DISRUPTION_BUDGET = ResourceType("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
WORKFLOW = ResourceType("argoproj.io/v1alpha1", "Workflow", "workflows")


def resource_type(kind: str) -> ResourceType:
    """One of the eight kinds of this API.

    Raises:
        InvalidInputError: names the kind and those there are.
    """
    if kind not in PLURALS:
        raise InvalidInputError(f'kind: "{kind}" is unknown', remedy=f"Known kinds: {', '.join(PLURALS)}.")
    return ResourceType(API_VERSION, kind, PLURALS[kind], kind in NAMESPACED)


def object_path(kind: ResourceType, namespace: str = "", name: str = "") -> str:
    """URL path of an object, or of all objects: of a namespace, or with "" of all namespaces.

    Raises:
        InvalidInputError: when one object is asked for and its namespace is missing.
    """
    path = f"/apis/{kind.api_version}" if "/" in kind.api_version else f"/api/{kind.api_version}"
    if kind.is_namespaced and namespace:
        path += f"/namespaces/{quote(namespace, safe='')}"
    elif kind.is_namespaced and name:
        raise InvalidInputError(f'{kind.kind} "{name}": its namespace is not given')
    return f"{path}/{kind.plural}" + (f"/{quote(name, safe='')}" if name else "")

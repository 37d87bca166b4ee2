"""Whose Argo's definitions on a cluster are: those of another Argo are neither written over nor taken away.

The bundled definitions are small, as this use of Argo needs them; written over another Argo's they would take its
schemas away, and deleted they would take its workflows along. Called by `ome install` and `ome uninstall`.
"""

from pipelines.install import argo
from pipelines.install.argo_checks import is_controller
from pipelines.install.connection import RESOURCE_TYPES, InstallApi
from pipelines.install.objects import Object, is_ours
from pipelines.install.options import NAMESPACE

_WORK = ("Workflow", "WorkflowTemplate", "CronWorkflow", "WorkflowEventBinding")
"""Namespaced kinds that people make; Argo's controller makes the other ones of these."""


def is_of_another_argo(there: Object) -> bool:
    """Whether an object on the cluster is a definition of Argo that did not come with us."""
    is_argos = there["kind"] == "CustomResourceDefinition" and there["spec"]["group"] == argo.GROUP
    return is_argos and not is_ours(there)


def removable_definitions(api: InstallApi) -> list[str]:
    """Names of Argo's definitions that came with this installation; none while anybody else uses Argo."""
    kind = RESOURCE_TYPES["CustomResourceDefinition"]
    there = [api.find(kind, f"{each.plural}.{argo.GROUP}") for each in argo.DEFINITIONS]
    ours = [each["metadata"]["name"] for each in there if each is not None and is_ours(each)]
    return ours if ours and not _is_used_by_others(api) else []


def _is_used_by_others(api: InstallApi) -> bool:
    controllers = filter(is_controller, api.all("Deployment"))
    return (
        any(each["metadata"]["namespace"] != NAMESPACE or not is_ours(each) for each in controllers)
        or api.has_any("ClusterWorkflowTemplate")
        or any(each["metadata"]["namespace"] != NAMESPACE for kind in _WORK for each in api.all(kind))
    )

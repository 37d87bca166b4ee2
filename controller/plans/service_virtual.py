"""A service with OME's VirtualDeployment: ready with an address, and nothing behind it that we make.

One that was deployed before it became virtual has objects that are its own, and stay until they or the service are
deleted. The controller may not delete them; the condition names them and the command.
"""

from collections.abc import Sequence
from typing import Final

from controller.actions import DeleteObject, Object, Plan
from controller.observed import Context
from controller.plans.conditions import Said, change_event, conditions, write_status
from controller.plans.runs import Run
from crds import labels
from crds.metadata import DEPLOYMENT_MODE

MODE: Final = "VirtualDeployment"
_KINDS: Final = "deployments,services,horizontalpodautoscalers,poddisruptionbudgets"


def is_virtual(service: Object) -> bool:
    """Whether a service asks for nothing but a status."""
    return bool((service["metadata"].get("annotations") or {}).get(DEPLOYMENT_MODE) == MODE)


def plan_virtual(service: Object, runs: Sequence[Run], context: Context) -> Plan:
    """End what would deploy it, then write its status.

    Args:
        service: With that mode.
        runs: That the controller submitted to deploy it.
        context: What else there is.
    """
    if active := [run for run in runs if run.is_active]:
        return Plan(tuple(DeleteObject("Workflow", run.namespace, run.name) for run in active))
    metadata, old = service["metadata"], service.get("status") or {}
    generation = int(metadata.get("generation") or 0)
    url = f"http://{metadata['name']}.{metadata['namespace']}.svc.cluster.local"
    said = [
        Said("Ready", True, MODE, f"A VirtualDeployment: it has a status and nothing else.{_left(service, context)}")
    ]
    status: Object = {
        "observedGeneration": generation,
        "conditions": conditions(old.get("conditions") or (), said, generation, context.now),
        "url": url,
        "address": {"url": url},
    }
    return Plan(write_status(service, status, change_event(service, said, "Ready")))


def _left(service: Object, context: Context) -> str:
    """What it was deployed with before, and goes on using accelerators; "" for nothing."""
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    found = [
        item["metadata"]["name"]
        for item in context.observed.owned("Deployment", namespace, name)
        if "deletionTimestamp" not in item["metadata"]
    ]
    if not found:
        return ""
    selector = f"{labels.INFERENCE_SERVICE}={labels.label_value(name)}"
    command = f"kubectl delete {_KINDS} -n {namespace} -l {selector}"
    return f" From before there are still, with their pods: {', '.join(sorted(found))}. To remove them: {command}"

"""Publishing on a cluster: the model's resource asks for what the run was asked; its status is the controller's.

Called by `steps.publish_model`. A run that the controller submitted was asked for by the resource itself, so it never
changes it: whoever edited or deleted the model meanwhile meant it.
"""

import sys

from crds.labels import INPUTS
from steps.cluster.api import open_api
from steps.cluster.pod import system_namespace, workflow_name
from steps.cluster.resource_types import WORKFLOW
from steps.cluster.resources import ClusterResources
from steps.model_owner import ModelOwner
from steps.requested_model import ModelRequest, requested_model, with_request
from steps.resources import Resource


def publish_request(owner: ModelOwner, request: ModelRequest) -> None:
    """Create the model's resource when there is none; change what a person's run asks otherwise.

    Raises:
        InvalidInputError: when the API server refuses the resource, in its own words.
        OmeError: of the class that fits, when it cannot be written.
    """
    resources = ClusterResources()
    found = resources.find(owner.kind, owner.name, owner.namespace)
    unpinned = request.model_copy(update={"manifest_digest": ""})
    if found is not None and with_request(found, request) == found:
        sys.stderr.write(f"{owner} asks for this already\n")
        return
    if _is_controllers_run():
        if found is not None and with_request(found, unpinned) == found:
            return  # the controller pins a later node's files to those of the others
        what = "is gone" if found is None else "asks for something else"
        sys.stderr.write(f"{owner} {what} since this run began; it is left so\n")
        return

    def change(old: Resource | None) -> Resource:
        return requested_model(owner, request) if old is None else with_request(old, request)

    resources.update(owner.kind, owner.name, owner.namespace, change)
    sys.stderr.write(f"{owner} {'created' if found is None else 'changed'}: {request.uri}\n")


def _is_controllers_run() -> bool:
    """Whether the controller submitted this workflow: it marks its own with the digest of what they are for."""
    if not workflow_name():
        return False
    workflow = open_api().find(WORKFLOW, workflow_name(), system_namespace()) or {}
    return INPUTS in ((workflow.get("metadata") or {}).get("annotations") or {})

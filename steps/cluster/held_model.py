"""A run that belongs to a model's resource puts files on nodes only once the model has the controller's finalizer.

The controller submits a run first and writes the finalizer after it, so that a burst of new models costs it one write
less before each run. A model that is deleted in between takes its run along; a pod that had begun to write by then
would leave files that nobody knows of. Called by `steps.cache_model`.
"""

import sys
import time
from typing import Final

from crds.labels import FINALIZERS
from crds.metadata import API_VERSION
from steps.cluster.api import ClusterApi, Object, open_api
from steps.cluster.pod import system_namespace, workflow_name
from steps.cluster.resource_types import WORKFLOW, resource_type
from steps.errors import ClusterError, NotFoundError

_KIND: Final = "ClusterBaseModel"
"""The only one that owns its runs: a BaseModel is of another namespace, and has its finalizer before its first run."""
_LONGEST_SECONDS: Final = 120.0
"""For the finalizer. The controller leaves it for 30 s where many new models come at once; a retry waits again."""
_PAUSE_SECONDS: Final = 0.5


def wait_until_held() -> None:
    """Return once the model that owns this run has the controller's finalizer; at once where no model owns it.

    Raises:
        NotFoundError: when the run, or the model that it is for, was deleted.
        ClusterError: when the controller does not take the model up.
    """
    if not workflow_name():
        return
    api = open_api()
    owner = _owner(api)
    if owner is None:
        return
    finalizer, until, is_told = FINALIZERS[_KIND], time.monotonic() + _LONGEST_SECONDS, False
    while True:
        model = api.find(resource_type(_KIND), owner["name"])
        metadata = (model or {}).get("metadata") or {}
        is_held = finalizer in (metadata.get("finalizers") or ())
        if metadata.get("uid") != owner["uid"] or ("deletionTimestamp" in metadata and not is_held):
            raise NotFoundError(
                f"{_KIND} {owner['name']}, which this run is for, was deleted: nothing is put on this node",
                remedy="Apply the model again: it gets a run of its own.",
            )
        if is_held:
            return
        if time.monotonic() >= until:
            raise ClusterError(
                f"{_KIND} {owner['name']} has no finalizer {finalizer} after {_LONGEST_SECONDS:.0f} s, without "
                "which nothing is put on this node: nobody would remove it again",
                remedy="See whether the controller runs: ome doctor.",
            )
        if not is_told:
            sys.stderr.write(f"waiting until {_KIND} {owner['name']} has the finalizer {finalizer}\n")
            is_told = True
        time.sleep(_PAUSE_SECONDS)


def _owner(api: ClusterApi) -> Object | None:
    """The model that owns this run."""
    workflow = api.find(WORKFLOW, workflow_name(), system_namespace())
    if workflow is None:
        raise NotFoundError(
            f"workflow {workflow_name()}, which this step is of, was deleted: nothing is put on this node",
            remedy="Apply the model again, or submit another run.",
        )
    owners = workflow["metadata"].get("ownerReferences") or ()
    return next((o for o in owners if o.get("apiVersion") == API_VERSION and o.get("kind") == _KIND), None)

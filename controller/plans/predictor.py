"""Brings a service of OME's older form (`spec.predictor`) into that of today, before anything else is planned for it.

Called by `controller.plans.service`. What becomes of which field says `crds.predictor`.
"""

from controller.actions import Action, EmitEvent, Object, PatchObject
from crds.load import load
from crds.predictor import migrated, unplaced
from crds.problems import InvalidResourceError


def migration(service: Object) -> tuple[Action, ...]:
    """The patch that replaces `spec.predictor`, and an event that says so; () where there is none.

    A form that the API server would refuse is not asked for: the service then waits, and says what is missing.
    """
    spec, metadata = service.get("spec") or {}, service["metadata"]
    if spec.get("predictor") is None or "deletionTimestamp" in metadata:
        return ()
    wanted = migrated(spec)
    try:
        load({**service, "spec": wanted})
    except InvalidResourceError:
        return ()
    changed = {name: value for name, value in wanted.items() if value != spec.get(name)}
    patch = {"spec": {**changed, "predictor": None}}
    version = str(metadata.get("resourceVersion") or "")
    lost = unplaced(spec)
    text = "spec.predictor, OME's older form, became model, runtime and engine: change the manifest too."
    text += f" Without a place there: {', '.join(lost)}." if lost else ""
    return (
        PatchObject("InferenceService", metadata["namespace"], metadata["name"], patch, version),
        EmitEvent(service, "Normal", "Migrated", text),
    )

"""What a FineTunedWeight's status says: that nothing is fetched or served for it, and what to do in place of it."""

from controller.actions import Object, Plan
from controller.observed import Context
from controller.plans.conditions import Said, change_event, conditions, write_status
from crds.model import object_or_json_text
from crds.problems import FieldError


def plan_fine_tuned_weight(resource: Object, context: Context) -> Plan:
    """What to do about a fine-tuned weight now: tell it."""
    if "deletionTimestamp" in resource["metadata"]:
        return Plan()
    generation = int(resource["metadata"].get("generation") or 0)
    said = [Said("Ready", False, "Unsupported", _words(resource))]
    old = (resource.get("status") or {}).get("conditions") or ()
    status: Object = {
        "observedGeneration": generation,
        "conditions": conditions(old, said, generation, context.now),
        "state": "Failed",
    }
    return Plan(write_status(resource, status, change_event(resource, said, "Ready")))


def _words(weight: Object) -> str:
    spec = weight.get("spec") or {}
    base = str((spec.get("baseModelRef") or {}).get("name") or "")
    uri = str((spec.get("storage") or {}).get("storageUri") or "")
    if _is_merged(spec.get("configuration")):
        return (
            "spec.configuration.merged_weights: true: a whole model, which this version serves as one of its own. "
            f"Apply a BaseModel or ClusterBaseModel with storageUri {uri}."
        )
    return (
        f'spec.modelType: "{spec.get("modelType", "")}" on top of {base} is an adapter, which this version neither '
        "fetches nor serves. Merge it into its base model, and apply the result as a BaseModel or ClusterBaseModel."
    )


def _is_merged(configuration: object) -> bool:
    try:
        found = object_or_json_text(configuration or None)
    except FieldError:
        return False
    return isinstance(found, dict) and found.get("merged_weights") is True

"""What of `spec.podOverride` the pod that measures gets, as a patch of its spec; the rest of it is not honoured.

The pod runs in the system namespace. What says where it runs and how much it takes is a person's to say; an image, or
variables and volumes out of that namespace's Secrets, are not.
"""

from collections.abc import Mapping
from typing import Any, Final

from controller.actions import Object
from controller.plans.placement import TOLERATED

HONOURED: Final = ("nodeSelector", "tolerations", "affinity", "resources")
_CONTAINER: Final = "main"
"""Argo's name of the container of a step."""


def pod_patch(override: Mapping[str, Any], label: str) -> Object:
    """The patch; {} where the pod stays as it is.

    Args:
        override: `spec.podOverride`.
        label: Of the nodes that have the model, whose tokenizer is read there; "" for none.
    """
    patch: Object = {}
    if override.get("nodeSelector"):
        patch["nodeSelector"] = dict(override["nodeSelector"])
    if override.get("tolerations"):
        own = [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in sorted(TOLERATED)]
        patch["tolerations"] = [*own, *override["tolerations"]]  # a patch of tolerations takes the place of all
    if override.get("affinity"):
        patch["affinity"] = override["affinity"]
    if override.get("resources"):
        patch["containers"] = [{"name": _CONTAINER, "resources": override["resources"]}]
    if patch and label:
        patch["nodeSelector"] = {**patch.get("nodeSelector", {}), label: "Ready"}
    return patch


def not_honoured(override: Mapping[str, Any]) -> list[str]:
    """The fields of an override that have no effect."""
    return [f"podOverride.{name}" for name, value in override.items() if value and name not in HONOURED]

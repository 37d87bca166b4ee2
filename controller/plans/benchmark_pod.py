"""What of `spec.podOverride` the pod that measures gets; the rest of it is not honoured.

The pod runs in the system namespace. What says where it runs and how much it takes is a person's to say; an image, or
variables and volumes out of that namespace's Secrets, are not.
"""

from collections.abc import Mapping
from typing import Any, Final

from controller.actions import Object
from controller.plans.placement import TOLERATED

HONOURED: Final = ("nodeSelector", "tolerations", "affinity", "resources")


def pod_fields(override: Mapping[str, Any], label: str) -> Object:
    """All honoured fields, as the template takes them; {} where the pod stays as it is.

    Args:
        override: `spec.podOverride`.
        label: Of the nodes that have the model, whose tokenizer is read there; "" for none.
    """
    if not any(override.get(name) for name in HONOURED):
        return {}
    own = [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in sorted(TOLERATED)]
    return {
        "nodeSelector": {**(override.get("nodeSelector") or {}), **({label: "Ready"} if label else {})},
        "tolerations": [*own, *(override.get("tolerations") or ())],  # a patch of them takes the place of all
        "affinity": override.get("affinity") or {},
        "resources": override.get("resources") or {},
    }


def not_honoured(override: Mapping[str, Any]) -> list[str]:
    """The fields of an override that have no effect."""
    return [f"podOverride.{name}" for name, value in override.items() if value and name not in HONOURED]

"""What is wrong with a service that the API server cannot refuse: its rules see no annotations."""

from controller.actions import Object
from controller.plans.conditions import Said
from crds.problems import FieldError
from crds.service_annotations import check_service_annotations


def service_mistake(service: Object) -> Said | None:
    """The condition that names a wrong annotation, its value and what is accepted; None when all are right.

    While one is wrong nothing is deployed anew; what is deployed goes on, as if the change had been refused.
    """
    try:
        check_service_annotations(service["metadata"].get("annotations") or {})
    except FieldError as error:
        text = f"{error.field}: {error}. Correct it; until then nothing is deployed anew."
        return Said("SpecValid", False, "InvalidSpec", text, "Info")
    return None

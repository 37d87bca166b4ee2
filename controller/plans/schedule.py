"""Whether the schedule of a benchmark can come: what the rules of its definition cannot tell, and what Argo says."""

from collections.abc import Mapping
from typing import Any, Final

from controller.actions import Object
from controller.plans.conditions import Said, condition_of
from crds.cron import checked_schedule, checked_time_zone
from crds.problems import FieldError

_REMEDY: Final = "Correct it; until then no run is started."


def schedule_mistake(spec: Mapping[str, Any]) -> Said | None:
    """The condition Completed of a job whose schedule or time zone is wrong; None when both can be kept."""
    for field, check in (("schedule", checked_schedule), ("timeZone", checked_time_zone)):
        text = str(spec.get(field) or "")
        try:
            if text:
                check(text)
        except FieldError as error:
            return Said("Completed", False, "InvalidSpec", f"spec.{field}: {error}. {_REMEDY}")
    return None


def refused_by_argo(cron: Object | None) -> Said | None:
    """The condition Completed of a job whose CronWorkflow Argo cannot keep, in Argo's words."""
    if cron is None:
        return None
    for name, reason, what in (
        ("SpecError", "InvalidSpec", "Argo does not take spec.schedule or spec.timeZone"),
        ("SubmissionError", "ClusterFailed", "Argo could not start a run when the schedule came"),
    ):
        told = condition_of(cron, name)
        if told.get("status") == "True":
            where = f"CronWorkflow {cron['metadata']['name']} in namespace {cron['metadata']['namespace']}"
            text = f"{what}: {told.get('message', '')}. See kubectl describe of {where}."
            return Said("Completed", False, reason, text)
    return None

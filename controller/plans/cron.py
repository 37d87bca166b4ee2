"""The CronWorkflow of a benchmark with a schedule: a plain dictionary, and whether the one that is there equals it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from controller.actions import Object
from controller.plans.benchmark_inputs import Measured
from controller.plans.deadlines import DEADLINES
from controller.plans.history import DEFAULT_LIMIT, REVISION
from controller.plans.naming import cron_name
from controller.plans.submission import ARGO, parameters, resource_labels
from crds import labels

TEMPLATE: Final = "benchmark-endpoint"


def cron_workflow(job: Object, measured: Measured, namespace: str) -> Object:
    """The CronWorkflow as it should be; each firing's run is labelled and marked as one that the controller submitted.

    Args:
        job: A benchmark with a schedule.
        measured: Its endpoint, which is known.
        namespace: The system namespace.
    """
    metadata = job["metadata"]
    found = resource_labels(job)
    marks = {labels.INPUTS: measured.inputs}
    marks |= {f"ome.io/{REVISION}": measured.revision} if measured.revision else {}
    made: Object = {
        **timing(job["spec"]),
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 60,
        "workflowMetadata": {"labels": {labels.PIPELINE: TEMPLATE, **found}, "annotations": marks},
        "workflowSpec": {
            "workflowTemplateRef": {"name": TEMPLATE},
            "arguments": {"parameters": parameters(measured.arguments)},
            "activeDeadlineSeconds": DEADLINES[TEMPLATE],
        },
    }
    return {
        "apiVersion": ARGO,
        "kind": "CronWorkflow",
        "metadata": {
            "name": cron_name(metadata["namespace"], metadata["name"]),
            "namespace": namespace,
            "labels": found,
        },
        "spec": made,
    }


def timing(spec: Mapping[str, Any]) -> Object:
    """What a CronWorkflow has of a job's spec alone, whatever becomes of its endpoint: when it fires, and what stays.

    As many runs are kept as the history has entries, those that failed too, at least one, so that none goes before it
    was read.
    """
    limit = spec.get("historyLimit")
    kept = max(DEFAULT_LIMIT if limit is None else int(limit), 1)
    return {
        "schedules": [spec["schedule"]],
        "timezone": spec.get("timeZone") or "UTC",
        "suspend": bool(spec.get("suspend")),
        "successfulJobsHistoryLimit": kept,
        "failedJobsHistoryLimit": kept,
    }


def says_the_same(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; what the API server or Argo adds does not matter."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            says_the_same(found.get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        is_list = isinstance(found, Sequence) and not isinstance(found, str)
        return is_list and len(found) == len(wanted) and all(map(says_the_same, found, wanted))
    return bool(found == wanted) or (wanted is False and found is None)

"""The step upload-report: puts a benchmark's report where spec.outputLocation says.

Run by the template `benchmark-endpoint` after the measurement, in a pod of its own: the store's keys do not reach the
pod that puts on the load. That it fails loses nothing of what was measured.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import Field

from steps.cluster.pod import workflow_name
from steps.contract import StepInputs, StepOutputs, step
from steps.errors import NotFoundError, OmeError
from steps.source_credentials import require_credentials
from steps.sources.destination import destination_of, open_destination

KINDS: Final[Mapping[str, str]] = {
    "results.json": "application/json",
    "results.csv": "text/csv; charset=utf-8",
    "report.html": "text/html; charset=utf-8",
}
"""The files of a report and what they are; the page comes last, so that where it is the others are too."""


class UploadInputs(StepInputs):
    """Which report, and where to."""

    report_folder: str = Field(
        default="",
        description="Report to upload: its folder; on a cluster configmap/<name>, as benchmark-endpoint says.",
    )
    output_uri: str = Field(
        default="",
        description="Where the report is put too: s3://bucket/prefix, or gs://, az:// or oci://; empty for nowhere.",
    )
    result_folder: str = Field(default="", description="Name of its folder there; empty for the run's name.")
    output_parameters: dict[str, str] = Field(
        default={}, description="How to reach that store, as a JSON object: endpoint, region, auth."
    )
    secret: str = Field(default="", description="Secret with the keys of that store, if it needs any.")


class UploadOutputs(StepOutputs):
    """Where it is now."""

    report_uri: str = Field(description="Folder of the uploaded report in the store.")
    left_out: str = Field(description="Files of it that are not there, as a ConfigMap has no room for them.")


@step(
    "upload-report",
    title="Upload the report",
    description="Puts the report's page and results into a folder of an object store.",
)
def upload_report(inputs: UploadInputs) -> UploadOutputs:
    """Upload a report's files; those of an earlier attempt are replaced.

    Raises:
        OmeError: of the class that fits, with a remedy; what was measured stands all the same.
    """
    try:
        files = _files(inputs.report_folder)
        folder = inputs.result_folder or workflow_name() or Path(inputs.report_folder).name
        destination = destination_of(inputs.output_uri, folder)
        require_credentials(inputs.output_uri, inputs.secret, "")
        store = open_destination(destination, inputs.output_parameters)
        for name, kind in KINDS.items():
            if name in files:
                store.put(name, files[name].encode(), kind)
    except OmeError as error:
        error.remedy = error.remedy.replace("spec.storage", "spec.outputLocation")
        raise
    sys.stdout.write(f"{', '.join(name for name in KINDS if name in files)} are in {destination}\n")
    return UploadOutputs(report_uri=str(destination), left_out=", ".join(name for name in KINDS if name not in files))


def _files(place: str) -> dict[str, str]:
    """The report's files by name."""
    kind, _, name = place.partition("/")
    if kind == "configmap":
        from steps.benchmark.report import csv_of
        from steps.cluster.reports import read_report

        files = read_report(name)
        return files | ({"results.csv": csv_of(files["results.json"])} if "results.json" in files else {})
    files = {name: Path(place, name).read_text() for name in KINDS if place and Path(place, name).is_file()}
    if not files:
        raise NotFoundError(
            f'report_folder: "{place}" has no report',
            remedy="The log of the step benchmark-endpoint says why it was not kept.",
        )
    return files

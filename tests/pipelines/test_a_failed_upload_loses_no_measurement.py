"""The graph of benchmark-endpoint, with a measurement that takes no time: the upload follows it, and may fail."""

import copy
from pathlib import Path
from typing import Any

import pytest

from pipelines import local
from pipelines.export import templates
from pipelines.run_record import RunRecord
from tests.pipelines.workflows import script

MEASURED = """
import pathlib
folder = pathlib.Path("{report}")
folder.mkdir()
(folder / "report.html").write_text("<p>12 ms</p>")
pathlib.Path("/tmp/ome/outputs/report").write_text("figures")
pathlib.Path("/tmp/ome/outputs/report_folder").write_text(str(folder))
"""


@pytest.fixture
def measure(tmp_path: Path, home: Path) -> Any:
    """Run the template, its own but for the step that measures."""
    found = copy.deepcopy(templates())
    steps = found["ome-steps"]["spec"]["templates"]
    (number,) = [number for number, each in enumerate(steps) if each["name"] == "benchmark-endpoint"]
    quick = script("benchmark-endpoint", MEASURED.format(report=tmp_path / "nightly"))
    quick |= {name: steps[number][name] for name in ("inputs", "outputs")}
    steps[number] = quick

    def run(**given: str) -> RunRecord:
        return local.run("benchmark-endpoint", given, templates=found)

    return run


def test_a_run_whose_upload_fails_ends_well_and_says_why(measure: Any) -> None:
    record = measure(output_uri="s3://results/a", output_parameters='{"auth": "magic"}')
    assert record.phase == "Succeeded", record.message
    assert {step.path: step.phase for step in record.steps} == {"benchmark": "Succeeded", "upload": "Failed"}
    assert (record.outputs["report"], record.outputs["report_uri"]) == ("figures", "")
    (upload,) = [step for step in record.steps if step.path == "upload"]
    assert upload.error is not None and 'parameters.auth: "magic"' in upload.error.message


def test_a_run_whose_measurement_fails_fails(measure: Any, tmp_path: Path) -> None:
    (tmp_path / "nightly").mkdir()  # which the measurement does not expect
    record = measure(output_uri="s3://results/a")
    assert record.phase == "Failed"
    assert {step.path: step.phase for step in record.steps} == {"benchmark": "Failed", "upload": "Omitted"}


def test_a_run_without_a_place_uploads_nothing(measure: Any) -> None:
    record = measure()
    assert record.phase == "Succeeded", record.message
    assert {step.path: step.phase for step in record.steps} == {"benchmark": "Succeeded", "upload": "Skipped"}

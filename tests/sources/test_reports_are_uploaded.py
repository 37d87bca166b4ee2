"""The step upload-report: what a report's folder has goes to the store, as often as asked, or says why it does not."""

from pathlib import Path

import pytest

from steps.errors import AuthError, InvalidInputError, NotFoundError, OmeError, UnsupportedError
from steps.sources import ResolveOptions, open_source
from steps.upload_report import UploadInputs, upload_report
from tests.sources.harness import SourceHarness

FILES = {"report.html": "<p>12 ms · 3 tokens</p>", "results.csv": "scenario\n", "results.json": "{}"}

pytestmark = pytest.mark.parametrize("harness", ["s3"], indirect=True)


@pytest.fixture
def report(tmp_path: Path) -> str:
    """A report's folder, as the benchmark leaves it on one machine."""
    folder = tmp_path / "nightly-20261123"
    folder.mkdir()
    for name, content in {**FILES, "genai-bench.log": "not a part of it"}.items():
        (folder / name).write_text(content)
    return str(folder)


def stored(uri: str) -> dict[str, str]:
    source = open_source(uri, {})
    files = source.resolve(ResolveOptions()).files
    return {file.path: source.read(file, 0, file.size).decode() for file in files}


@pytest.mark.parametrize(("named", "folder"), [("", "nightly-20261123"), ("release 1", "release 1")])
def test_a_report_is_put_into_its_folder_and_again_in_its_place(
    harness: SourceHarness, report: str, named: str, folder: str
) -> None:
    inputs = UploadInputs(report_folder=report, output_uri=f"{harness.uri}/", result_folder=named)
    for _ in range(2):
        assert upload_report(inputs).report_uri == f"{harness.uri}/{folder}"
    assert stored(harness.uri) == {f"{folder}/{name}": content for name, content in FILES.items()}


def test_in_a_workflow_the_folder_has_its_name(
    harness: SourceHarness, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_WORKFLOW", "benchmark-nightly-1a2b3c4d-1")
    found = upload_report(UploadInputs(report_folder=report, output_uri=harness.uri))
    assert found.report_uri == f"{harness.uri}/benchmark-nightly-1a2b3c4d-1"


def test_the_keys_are_those_of_the_secret(
    harness: SourceHarness, report: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        (secret / name.lower()).write_text(harness.environment[name])
        monkeypatch.setenv(name, "of somebody else")
    monkeypatch.setenv("OME_SOURCE_SECRET", str(secret))
    upload_report(UploadInputs(report_folder=report, output_uri=harness.uri, result_folder="r", secret="keys"))  # noqa: S106
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, harness.environment[name])
    assert "r/report.html" in stored(harness.uri)


def test_how_the_store_is_reached_is_a_parameter(
    harness: SourceHarness, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = harness.environment["AWS_ENDPOINT_URL"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    parameters = {"endpoint": endpoint, "region": "eu-west-3"}
    upload_report(UploadInputs(report_folder=report, output_uri=harness.uri, output_parameters=parameters))
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert "nightly-20261123/report.html" in stored(harness.uri)


def failed(inputs: UploadInputs, kind: type[OmeError]) -> str:
    with pytest.raises(kind) as error:
        upload_report(inputs)
    assert "spec.storage" not in f"{error.value.message} {error.value.remedy}"
    return f"{error.value.message} {error.value.remedy}"


def test_a_wrong_key_is_told_with_the_field_that_names_another(
    harness: SourceHarness, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in harness.deny().items():
        monkeypatch.setenv(name, value)
    told = failed(UploadInputs(report_folder=report, output_uri=harness.uri), AuthError)
    assert "AWS_SECRET_ACCESS_KEY" in told and "spec.outputLocation.key" in told


def test_a_bucket_that_is_not_there_is_told(harness: SourceHarness, report: str) -> None:
    told = failed(UploadInputs(report_folder=report, output_uri=harness.missing_uri), NotFoundError)
    assert "nobody-made-this" in told and "the bucket does not exist" in told


def test_a_secret_that_did_not_come_is_told(
    harness: SourceHarness, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("OME_CLUSTER_NAMESPACE", "ome")
    inputs = UploadInputs(report_folder=report, output_uri=harness.uri, secret="keys")  # noqa: S106
    assert 'Secret "keys" of namespace ome does not exist' in failed(inputs, AuthError)


@pytest.mark.parametrize(
    ("inputs", "kind", "told"),
    [
        ({"result_folder": "../other"}, InvalidInputError, 'result_folder: "../other" is not a folder\'s name'),
        ({"output_uri": "pvc://claim/results"}, UnsupportedError, "Accepted: s3://"),
        ({"report_folder": "/not/there"}, NotFoundError, 'report_folder: "/not/there" has no report'),
        ({"report_folder": ""}, NotFoundError, "has no report"),
        ({"output_parameters": {"auth": "magic"}}, InvalidInputError, 'parameters.auth: "magic"'),
    ],
)
def test_what_cannot_be_uploaded_is_refused_before_anything_is_written(
    harness: SourceHarness, report: str, inputs: dict[str, object], kind: type[OmeError], told: str
) -> None:
    given = {"report_folder": report, "output_uri": harness.uri, **inputs}
    assert told in failed(UploadInputs.model_validate(given), kind)
    with pytest.raises(NotFoundError):
        stored(harness.uri)

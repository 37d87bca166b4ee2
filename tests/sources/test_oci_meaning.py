"""`oci://` means what the setting says, object storage where none is, and a URI of the other meaning is told so."""

from pathlib import Path

import pytest

from steps.errors import InvalidInputError
from steps.sources import ResolveOptions, open_source
from tests.sources.harness import SourceHarness

DIGEST = "sha256:" + "0a" * 32
FILES = {"config.json": b"{}"}


@pytest.mark.parametrize("uri", ["oci://localhost:5000/acme/model:v1", f"oci://ghcr.io/acme/model@{DIGEST}"])
@pytest.mark.parametrize("setting", ["", "object-storage"])
def test_an_artifact_where_objects_are_meant_names_the_setting(
    uri: str, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_OCI_URI", setting)
    with pytest.raises(InvalidInputError, match="names an artifact of a registry") as caught:
        open_source(uri)
    assert "OME_OCI_URI, to modelpack" in caught.value.remedy and "ociUri" in caught.value.remedy


@pytest.mark.parametrize(("host", "is_told"), [("ghcr.io", True), ("models", False)])
def test_what_may_be_either_says_so_where_objects_cannot_be_asked_for(
    host: str, is_told: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OCI_CONFIG_FILE", str(tmp_path / "nothing"))
    with pytest.raises(InvalidInputError, match="OCI's configuration cannot be used") as caught:
        open_source(f"oci://{host}/acme/model:v1", {"auth": "UserPrincipal"})
    assert ("to modelpack." in caught.value.remedy) is is_told
    assert "OCI_CONFIG_FILE" in caught.value.remedy


@pytest.mark.parametrize(
    "uri",
    ["oci://n/ns/b/models/o/llama", "oci://models/llama", "oci://ghcr.io/acme/model", "oci://ns@region/models/a"],
)
def test_objects_where_artifacts_are_meant_name_the_setting(uri: str) -> None:
    with pytest.raises(InvalidInputError, match="names no artifact") as caught:
        open_source(uri, {"ociUri": "modelpack"})
    assert "set parameters.ociUri to object-storage" in caught.value.remedy
    assert "oci://<host>[:<port>]/<repository>:<tag>" in caught.value.remedy


def test_a_setting_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match='parameters.ociUri: "modelpak" .*did you mean modelpack') as caught:
        open_source("oci://ghcr.io/acme/model:v1", {"ociUri": "modelpak"})
    assert "Accepted: object-storage, modelpack." in caught.value.remedy
    monkeypatch.setenv("OME_OCI_URI", "artifacts")
    with pytest.raises(InvalidInputError, match='OME_OCI_URI: "artifacts"'):
        open_source("oci://ghcr.io/acme/model:v1")


@pytest.mark.parametrize("harness", ["artifact"], indirect=True)
def test_the_parameter_goes_before_the_variable_and_with_the_manifest(
    harness: SourceHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.put(FILES)
    monkeypatch.setenv("OME_OCI_URI", "object-storage")
    manifest = open_source(harness.uri, {"ociUri": "modelpack"}).resolve(ResolveOptions())
    (file,) = manifest.files
    assert open_source(manifest.uri, manifest.parameters).read(file, 0, 9) == b"{}"
    monkeypatch.setenv("OME_OCI_URI", "modelpack")
    assert open_source(harness.uri).resolve(ResolveOptions()) == manifest
    with pytest.raises(InvalidInputError):
        open_source(harness.uri, {"ociUri": "object-storage"})

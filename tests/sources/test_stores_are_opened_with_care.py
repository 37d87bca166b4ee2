"""What a model's author writes about a store cannot send another's token elsewhere, and slips get clear errors."""

import base64
from pathlib import Path

import pytest

from steps.credentials import credentials_together
from steps.errors import AuthError, IntegrityError, InvalidInputError
from steps.manifest import FileEntry
from steps.sources import open_source
from steps.sources.http_answers import path_of
from steps.sources.listing import manifest_without_revisions
from steps.sources.patterns import Kept

URIS = {"s3": "s3://models/llama", "gs": "gs://models/llama", "az": "az://account/models/llama"}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without credentials."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("OME_SOURCE_SECRET", raising=False)


@pytest.mark.parametrize("uri", URIS.values(), ids=URIS)
@pytest.mark.parametrize("endpoint", ["minio:9000", "ftp://minio", "https://", "http://me@minio", "http://a b"])
def test_an_endpoint_that_is_no_server_is_refused(uri: str, endpoint: str) -> None:
    with pytest.raises(InvalidInputError, match="parameters.endpoint") as caught:
        open_source(uri, {"endpoint": endpoint})
    assert "https://" in caught.value.remedy


def test_an_endpoint_of_the_environment_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "minio:9000")
    with pytest.raises(InvalidInputError, match='^AWS_ENDPOINT_URL: "minio:9000"'):
        open_source(URIS["s3"])


def test_googles_emulator_is_named_without_a_scheme_as_its_clients_take_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:9023")
    open_source(URIS["gs"])


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_the_token_of_a_machine_goes_to_the_stores_own_servers_only(scheme: str) -> None:
    with pytest.raises(InvalidInputError, match="with the identity of this machine"):
        open_source(URIS[scheme], {"auth": "instance", "endpoint": "https://elsewhere.example"})


def test_the_token_of_whoever_is_logged_in_does_not_either(tmp_path: Path) -> None:
    own = tmp_path / ".config/gcloud/application_default_credentials.json"
    own.parent.mkdir(parents=True)
    own.write_text("{}")
    with pytest.raises(InvalidInputError, match="with the identity of this machine"):
        open_source(URIS["gs"], {"endpoint": "https://elsewhere.example"})


def test_credentials_that_cannot_be_read_are_told_with_their_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "no base64 at all")
    with pytest.raises(AuthError, match="credentials cannot be used") as caught:
        open_source(URIS["az"])
    assert "AZURE_STORAGE_ACCOUNT_KEY" in caught.value.remedy
    broken = tmp_path / "key.json"
    broken.write_text("{")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(broken))
    with pytest.raises(AuthError, match="credentials cannot be used"):
        open_source(URIS["gs"])


def test_right_credentials_of_the_model_may_go_to_its_own_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", base64.b64encode(b"key").decode())
    open_source(URIS["az"], {"endpoint": "https://azurite.example:10000/account"})


def test_a_session_token_goes_with_the_key_of_its_own_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of the environment")
    assert credentials_together(*names) == ("", "", "")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/AWS_ACCESS_KEY_ID").write_text("key\n")
    (tmp_path / "secret/aws_secret_access_key").write_text("secret")
    monkeypatch.setenv("OME_SOURCE_SECRET", str(tmp_path / "secret"))
    assert credentials_together(*names) == ("key", "secret", "")
    monkeypatch.delenv("OME_SOURCE_SECRET")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    assert credentials_together(*names) == ("other", "", "of the environment")


@pytest.mark.parametrize("location", ["@elsewhere.example/x", ".elsewhere.example/x", "//elsewhere.example/x", ""])
def test_a_manifest_cannot_name_another_server(location: str) -> None:
    file = FileEntry(path="config.json", size=1, algorithm="sha256", digest="0" * 64, location=location)
    with pytest.raises(IntegrityError, match=r"config\.json: the manifest says"):
        path_of(file)
    for uri in ("hf://acme/model", "github://acme/model"):
        with pytest.raises(IntegrityError):
            open_source(uri).address(file)


def test_a_manifest_made_with_another_endpoint_or_identity_is_another() -> None:
    file = FileEntry(path="config.json", size=1, algorithm="md5", digest="0" * 32, location="x")
    made = {
        manifest_without_revisions(uri, parameters, Kept((file,), ())).digest
        for uri in (URIS["s3"], "s3://other/llama")
        for parameters in ({}, {"auth": "instance"}, {"endpoint": "https://minio.example"})
    }
    assert len(made) == 6

"""`gs://` reads with a service account's key file: every request has the account's signature."""

import json
from pathlib import Path

import pytest

from steps.cache import import_model
from steps.errors import AuthError
from tests.importing.models import contents
from tests.sources.conformance import entry, noise, resolve
from tests.sources.gs_account import make_key_file
from tests.sources.gs_harness import GcsHarness
from tests.sources.harness import SourceHarness

FILES = {"config.json": b"{}", "model.safetensors": noise(3_000_000, 7)}

pytestmark = pytest.mark.parametrize("harness", ["gs"], indirect=True)


@pytest.fixture
def model(harness: SourceHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GcsHarness:
    """A bucket that is open to one account alone, and its key file."""
    assert isinstance(harness, GcsHarness)
    harness.put(FILES)
    path, key = make_key_file(tmp_path)
    harness.open_for(key)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    return harness


def test_the_accounts_key_lists_reads_and_tells_digests(model: GcsHarness) -> None:
    manifest = resolve(model)
    assert {file.algorithm for file in manifest.files} == {"md5"}, "HEAD was answered: its URL is signed well"
    assert contents(import_model(manifest, "model").path) == FILES
    assert model.refused == []


def test_the_key_is_taken_from_a_secret(model: GcsHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (tmp_path / "key.json").rename(secret / "GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("OME_SOURCE_SECRET", str(secret))
    assert entry(resolve(model), "config.json").algorithm == "md5"


@pytest.mark.parametrize("identity", ["another key", "nobody"])
def test_another_identity_is_refused_with_the_remedy(
    model: GcsHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, identity: str
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    if identity == "another key":
        path, _ = make_key_file(tmp_path, "another.json")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(AuthError) as caught:
        resolve(model)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.remedy
    secret = json.loads((tmp_path / "key.json").read_text())["private_key"]
    assert secret not in f"{caught.value.message}{caught.value.remedy}"
    assert model.refused

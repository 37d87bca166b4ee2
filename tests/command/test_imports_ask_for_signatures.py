"""`--signed-by`: who must have signed a model, from the command line to the model's resource, and over a bundle."""

import hashlib
import json
from pathlib import Path

import pytest

from steps.resources import ResourceFolder
from tests.command.run_ome import ome
from tests.command.test_bundles_carry_models import tiny_model
from tests.importing.signed import Key, make_key


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Key:
    """Its public half is in `key.pub`."""
    monkeypatch.setenv("OME_DISK_RESERVE", "1Mi")
    key = make_key(tmp_path / "key")
    (tmp_path / "key.pub").write_text(key.public)
    return key


def test_a_signed_model_says_by_whom_and_one_of_another_is_refused(tmp_path: Path, key: Key) -> None:
    uri = tiny_model(tmp_path / "source")
    key.sign(tmp_path / "source", "ours.sig")
    command = ("import", uri, "--name", "tiny", "--signature", "ours.sig", "--signed-by")

    (tmp_path / "other.pub").write_text(make_key(tmp_path / "other").public)
    refused = ome(*command, str(tmp_path / "other.pub"))
    assert refused.returncode == 23, refused.stderr
    assert "error (signature): Cache the model: " in refused.stderr and "is no signature by sha256:" in refused.stderr
    assert "--signed-by" in refused.stderr and "Traceback" not in refused.stderr
    assert ome("get", "models", "tiny").returncode == 11

    done = ome(*command, str(tmp_path / "key.pub"))
    assert done.returncode == 0, done.stderr
    digest = f"sha256:{hashlib.sha256((tmp_path / 'key.pub').read_bytes()).hexdigest()}"
    assert f"signed by       {digest}" in done.stdout
    model = ResourceFolder().get("ClusterBaseModel", "tiny")
    assert model["status"]["artifact"]["signedBy"] == digest
    assert model["spec"]["storage"]["parameters"] == {"signedBy": key.public, "signature": "ours.sig"}

    unasked = ome("import", uri, "--name", "tiny", "--output", "json")
    assert unasked.returncode == 0, unasked.stderr
    again = json.loads(unasked.stdout)
    assert "signedBy" not in again["status"]["artifact"], "nobody asked who had signed it"
    assert again["spec"]["storage"].get("parameters", {}) == {}


def test_a_bundle_carries_the_signature_to_where_it_is_verified(
    tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = tiny_model(tmp_path / "source")
    key.sign(tmp_path / "source")
    assert ome("import", uri, "--name", "tiny").returncode == 0
    bundle = str(tmp_path / "tiny.tar")
    assert ome("bundle", "export", "tiny", bundle).returncode == 0
    (tmp_path / "other.pub").write_text(make_key(tmp_path / "other").public)

    monkeypatch.setenv("OME_HOME", str(tmp_path / "elsewhere"))
    refused = ome("bundle", "import", bundle, "--signed-by", str(tmp_path / "other.pub"))
    assert refused.returncode == 23, refused.stderr
    assert ome("get", "models", "tiny").returncode == 11
    done = ome("bundle", "import", bundle, "--signed-by", str(tmp_path / "key.pub"), "--output", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"]["artifact"]["signedBy"].startswith("sha256:")


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("nowhere.pub", 11, "nowhere.pub does not exist"),
        ("key/private.pem", 16, "private.pem holds a private key"),
        ("key", 16, "cannot be read"),
        ("text", 16, "text is no PEM"),
    ],
)
def test_what_says_nothing_of_a_signer_is_refused_before_anything_starts(
    tmp_path: Path, ome_home: Path, key: Key, name: str, code: int, words: str
) -> None:
    (tmp_path / "text").write_text("key")
    result = ome("import", "local:///models/x", "--signed-by", str(tmp_path / name))
    assert result.returncode == code, result.stderr
    assert words in result.stderr and "Traceback" not in result.stderr
    assert not (ome_home / "runs").exists()

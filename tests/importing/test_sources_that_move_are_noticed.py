"""What a URI names now is told without keeping anything of it, and other files than were asked for are refused."""

from pathlib import Path

import pytest

from steps.check_revision import CheckInputs, check_revision
from steps.errors import IntegrityError, InvalidInputError, NotFoundError
from steps.home import home
from steps.resolve_model import ResolveInputs, resolve_model
from tests.hub.fixture import RunningHub

FILES = {"config.json": b"{}", "model.safetensors": b"weights"}


def test_a_branch_that_moves_is_told_and_nothing_is_stored(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    before = check_revision(CheckInputs(uri="hf://acme/model@main"))
    assert not (home() / "manifests").exists()
    assert before.revision == resolve_model(ResolveInputs(uri="hf://acme/model")).revision
    hub.add("acme/model", {"config.json": b'{"newer": true}'})
    after = check_revision(CheckInputs(uri="hf://acme/model@main"))
    assert after.revision != before.revision and after.manifest != before.manifest
    assert check_revision(CheckInputs(uri=f"hf://acme/model@{before.revision}")) == before


def test_a_branch_that_is_gone_has_the_class_of_what_is_not_found(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    with pytest.raises(NotFoundError):
        check_revision(CheckInputs(uri="hf://acme/model@gone"))


def test_files_that_are_those_that_were_asked_for_are_taken(tmp_path: Path) -> None:
    uri = _folder(tmp_path)
    digest = check_revision(CheckInputs(uri=uri)).manifest
    for wanted in (digest, f"sha256:{digest}"):
        assert resolve_model(ResolveInputs(uri=uri, manifest_digest=wanted)).manifest == digest


def test_other_files_are_refused_with_both_digests_and_the_remedy(tmp_path: Path) -> None:
    uri = _folder(tmp_path)
    asked = check_revision(CheckInputs(uri=uri)).manifest
    (tmp_path / "model" / "config.json").write_bytes(b'{"newer": true}')
    found = check_revision(CheckInputs(uri=uri)).manifest
    with pytest.raises(IntegrityError) as caught:
        resolve_model(ResolveInputs(uri=uri, manifest_digest=asked))
    assert f"sha256:{asked}" in caught.value.message and f"sha256:{found}" in caught.value.message
    assert "manifestDigest" in caught.value.remedy and "OnChange" in caught.value.remedy
    assert not (home() / "manifests").exists(), "what was not asked for is not stored"


def test_a_digest_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match='manifest_digest: "c0ffee"'):
        resolve_model(ResolveInputs(uri=_folder(tmp_path), manifest_digest="c0ffee"))


def _folder(tmp_path: Path) -> str:
    folder = tmp_path / "model"
    folder.mkdir()
    for path, content in FILES.items():
        (folder / path).write_bytes(content)
    return f"local://{folder}"

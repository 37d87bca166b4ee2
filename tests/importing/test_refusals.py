"""Every way a source says no has its class, names what was asked for, and tells what to do."""

import socket

import pytest

from steps.errors import AuthError, InvalidInputError, NetworkError, NotFoundError, OmeError, UnsupportedError
from steps.manifest import Manifest
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import contents, fetch, resolve

FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 1000}


def test_bad_token(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", FILES)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(AuthError, match="hf://acme/model") as caught:
        resolve("hf://acme/model")
    assert "HF_TOKEN" in caught.value.remedy
    assert "hf_wrong" not in str(caught.value)


def test_gated_without_a_token(hub: RunningHub) -> None:
    hub.add("acme/model", FILES, settings="gated: manual\nlicence: llama3\n")
    with pytest.raises(AuthError, match="gated and no token") as caught:
        resolve("hf://acme/model")
    assert "Accept the model's conditions" in caught.value.remedy


def test_gated_with_a_token_that_has_no_access(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", FILES, settings="gated: auto\ntokens: [hf_other]\n")
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    with pytest.raises(AuthError, match="account has no access"):
        resolve("hf://acme/model")


def test_gated_with_access(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", FILES, settings="gated: auto\ntokens: [hf_reader]\nlicence: llama3\n")
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    manifest = resolve("hf://acme/model")
    assert manifest.is_gated
    assert manifest.licence == "llama3"
    assert contents(fetch("hf://acme/model").path) == FILES
    assert hub.ledger.counts().leaked_tokens == 0


def test_access_lost_between_resolve_and_cache(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = hub.add("acme/model", FILES, settings="gated: auto\n")
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    manifest = resolve("hf://acme/model")
    (folder / ".hub.yaml").write_text("gated: auto\ntokens: [hf_other]\n")
    with pytest.raises(AuthError, match="gated"):
        cache(manifest)


def cache(manifest: Manifest) -> None:
    """Import under some name."""
    from steps.cache import import_model

    import_model(manifest, "model")


def test_private_without_a_token(hub: RunningHub) -> None:
    hub.add("acme/model", FILES, settings="private: true\n")
    with pytest.raises(NotFoundError) as caught:
        resolve("hf://acme/model")
    assert "HF_TOKEN" in caught.value.remedy


def test_missing_repository(hub: RunningHub) -> None:
    with pytest.raises(NotFoundError, match="hf://acme/none: the repository does not exist"):
        resolve("hf://acme/none")


def test_missing_revision(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    with pytest.raises(NotFoundError, match="hf://acme/model@v9: the revision does not exist"):
        resolve("hf://acme/model@v9")


def test_two_revisions_that_differ(hub: RunningHub) -> None:
    with pytest.raises(InvalidInputError, match='"v2"'):
        resolve("hf://acme/model@v1", revision="v2")


def test_hub_that_cannot_be_reached(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "2")
        with pytest.raises(NetworkError, match="cannot be reached") as caught:
            resolve("hf://acme/model")
    assert "HF_ENDPOINT" in caught.value.remedy


def test_hub_that_is_lost_between_resolve_and_cache(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "2")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(NetworkError, match="cannot be reached"):
            cache(manifest)


def test_endpoint_that_is_no_hub(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{hub.url}/somewhere")
    with pytest.raises(OmeError) as caught:
        resolve("hf://acme/model")
    assert type(caught.value) is not OmeError


def test_hub_that_fails_for_good(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", FILES)
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "3")
    hub.set_faults(Fault("status", path="api/*", status=503, times=0))
    with pytest.raises(NetworkError, match="HTTP 503"):
        resolve("hf://acme/model")
    assert hub.ledger.counts().requests["api/acme/model"] == 3


@pytest.mark.parametrize("uri", ["vendor://acme/llm/x", "hg://acme/model"])
def test_scheme_without_a_source(uri: str) -> None:
    with pytest.raises(UnsupportedError, match=uri.partition("://")[0]) as caught:
        resolve(uri)
    assert "hf://, s3://" in caught.value.remedy


@pytest.mark.parametrize("uri", ["", "acme/model", "hf://", "hf://a/b/c", "hf://acme/..", "hf://acme/model@"])
def test_uri_that_breaks_its_grammar(uri: str) -> None:
    with pytest.raises(InvalidInputError, match="storageUri"):
        resolve(uri)


def test_nothing_left_after_the_patterns(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    with pytest.raises(NotFoundError, match="none of its 2 files"):
        resolve("hf://acme/model", allow_patterns=("*.onnx",))


@pytest.mark.parametrize("path", ["/etc/model", "../outside", ".ome/objects", "."])
def test_folder_that_a_model_may_not_have(hub: RunningHub, path: str) -> None:
    hub.add("acme/model", FILES)
    with pytest.raises(InvalidInputError, match=r"storage\.path"):
        fetch("hf://acme/model", path=path)


def test_folder_inside_another_model(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    outer = fetch("hf://acme/model", "outer")
    with pytest.raises(InvalidInputError, match="another model"):
        fetch("hf://acme/model", path=str(outer.path / "inner"))


def test_folder_around_another_model(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    fetch("hf://acme/model", path="group/inner")
    with pytest.raises(InvalidInputError, match="another model"):
        fetch("hf://acme/model", "group")


def test_folder_with_something_else_in_it(hub: RunningHub) -> None:
    from steps.cache import models_root

    hub.add("acme/model", FILES)
    mine = models_root() / "model"
    mine.mkdir()
    (mine / "thesis.tex").write_text("precious")
    with pytest.raises(InvalidInputError, match=r"thesis\.tex"):
        fetch("hf://acme/model")
    assert (mine / "thesis.tex").read_text() == "precious"

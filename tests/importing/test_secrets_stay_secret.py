"""A token goes to the hub's own origin and nowhere else: no store, no log, no file, no error."""

from pathlib import Path

import pytest

from steps.manifest_store import save_manifest
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import entry, noise, resolve, start_caching

TOKEN = "hf_reader"
SIGNATURE = "Signature=secret"
FILES = {"config.json": b"{}", "model.safetensors": noise(2_000_000, 1)}


def texts(folder: Path) -> str:
    """Everything small that was written under a folder."""
    found = [p for p in folder.rglob("*") if p.is_file() and p.stat().st_size < 1_000_000]
    return "\n".join(p.read_bytes().decode(errors="replace") for p in found)


@pytest.mark.parametrize(
    "faults",
    [
        (),
        (Fault("status", path="lfs/*", status=403, times=0),),
        (Fault("status", path="lfs/*", status=500, times=0),),
        (Fault("stall", path="lfs/*", times=0),),
        (Fault("short", path="lfs/*", after=0, times=0),),
        (Fault("flip", path="lfs/*", after=5),),
        (Fault("status", path="acme/*", status=401, times=0),),
    ],
    ids=["good", "expired", "failing", "stalling", "short", "flipped", "refused"],
)
def test_token_and_signatures_are_in_no_output(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: tuple[Fault, ...]
) -> None:
    hub.add("acme/model", FILES, settings="gated: auto\n")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "2")
    monkeypatch.setenv("OME_STALL_SECONDS", "0.5")
    monkeypatch.setenv("OME_TERMINATION_LOG", str(tmp_path / "termination.json"))
    monkeypatch.setenv("OME_PROGRESS_FILE", str(tmp_path / "progress.json"))
    digest = save_manifest(resolve("hf://acme/model"))
    hub.set_faults(*faults)
    child = start_caching(tmp_path / "step", digest)
    _, errors = child.communicate(timeout=60)
    assert (child.returncode == 0) == (not faults), errors
    hub_side = tmp_path / "hub"
    written = "\n".join(texts(p) for p in tmp_path.iterdir() if p != hub_side and p.is_dir())
    written += "".join(p.read_text() for p in tmp_path.glob("*.json"))
    for secret in (TOKEN, SIGNATURE):
        assert secret not in errors
        assert secret not in written
    assert hub.ledger.counts().leaked_tokens == 0
    assert "Traceback" not in errors


def test_reads_send_no_token_to_the_store(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    from steps.sources import open_source

    hub.add("acme/model", FILES, settings="private: true\n")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    manifest = resolve("hf://acme/model")
    file = entry(manifest, "model.safetensors")
    assert open_source(manifest.uri).read(file, 0, 10) == FILES["model.safetensors"][:10]
    assert hub.ledger.counts().leaked_tokens == 0
    assert "Bearer" not in repr(open_source(manifest.uri).address(file))


def test_token_of_a_login_is_found_and_a_broken_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from steps.errors import AuthError
    from steps.sources.hub import hub_token

    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert hub_token() == ""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert hub_token() == TOKEN
    monkeypatch.setenv("HF_TOKEN", "two words")
    with pytest.raises(AuthError, match="HF_TOKEN") as caught:
        hub_token()
    assert "two words" not in caught.value.message

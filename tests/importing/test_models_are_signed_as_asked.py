"""A model that must be signed appears when its signature holds for all its files, and else never."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from steps.cache import import_model, models_root
from steps.cache.signature import SignaturePolicy, refuse_unsigned, signature_policy
from steps.cache.store import ObjectStore
from steps.errors import InvalidInputError, SignatureError, UnsupportedError
from steps.manifest import Manifest
from tests.hub.fixture import RunningHub
from tests.importing.models import contents, noise, resolve
from tests.importing.signed import Key, make_authority, make_key

FILES = {"config.json": b"{}", "a.safetensors": noise(300_000, 1), "sub/b.safetensors": noise(200_000, 2)}
NAME = "hf://acme/model"


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return make_key(tmp_path / "key")


def signed(hub: RunningHub, key: Key) -> Path:
    """The folder of a repository whose files are signed."""
    folder = hub.add("acme/model", FILES)
    key.sign(folder)
    return folder


def refused(manifest: Manifest, policy: SignaturePolicy) -> SignatureError:
    """How an import is refused, which leaves no folder."""
    with pytest.raises(SignatureError) as caught:
        import_model(manifest, "model", signature=policy)
    assert not (models_root() / "model").exists()
    assert list((models_root() / ".ome" / "staging").glob("*")) == []
    assert not caught.value.retryable
    return caught.value


def test_a_signed_model_appears_with_all_that_was_signed(hub: RunningHub, key: Key) -> None:
    folder = signed(hub, key)
    imported = import_model(resolve(NAME), "model", signature=SignaturePolicy(key.public))
    assert contents(imported.path) == contents(folder)
    assert "model.sig" in contents(imported.path)


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: str(curve.name))
def test_other_curves_of_the_tools_are_verified(hub: RunningHub, tmp_path: Path, curve: ec.EllipticCurve) -> None:
    other = make_key(tmp_path / "other", curve)
    signed(hub, other)
    assert import_model(resolve(NAME), "model", signature=SignaturePolicy(other.public)).path.is_dir()


def test_another_file_may_hold_the_signature(hub: RunningHub, key: Key) -> None:
    folder = hub.add("acme/model", FILES)
    key.sign(folder, "ours.sig")
    assert import_model(resolve(NAME), "model", signature=SignaturePolicy(key.public, "ours.sig")).path.is_dir()


def test_a_model_without_a_signature_is_refused_before_a_byte_is_fetched(hub: RunningHub, key: Key) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve(NAME)
    hub.ledger.clear()
    error = refused(manifest, SignaturePolicy(key.public))
    assert error.message == 'hf://acme/model: has no signature "model.sig"'
    assert "spec.storage.parameters.signature" in error.remedy and "--signature" in error.remedy
    assert hub.ledger.counts().total_requests == 0


def test_a_signature_that_patterns_left_out_is_told_as_such(hub: RunningHub, key: Key) -> None:
    signed(hub, key)
    error = refused(resolve(NAME, ignore_patterns=("*.sig",)), SignaturePolicy(key.public))
    assert error.message.endswith('"model.sig": the signature was left out, as it matches an ignore pattern of *.sig')
    assert "--ignore" in error.remedy


def test_a_signature_by_another_key_is_refused(hub: RunningHub, key: Key, tmp_path: Path) -> None:
    signed(hub, make_key(tmp_path / "other"))
    error = refused(resolve(NAME), SignaturePolicy(key.public))
    assert error.message.startswith('hf://acme/model: "model.sig": is no signature by sha256:')
    assert "spec.storage.parameters.signedBy" in error.remedy


def test_a_signature_by_another_key_that_names_ours_is_refused(hub: RunningHub, key: Key, tmp_path: Path) -> None:
    path = make_key(tmp_path / "other").sign(hub.add("acme/model", FILES))
    ours = json.loads(key.sign(hub.add("acme/ours", FILES)).read_text())
    bundle = json.loads(path.read_text())
    path.write_text(json.dumps(bundle | {"verificationMaterial": ours["verificationMaterial"]}))
    assert "is no signature by" in refused(resolve(NAME), SignaturePolicy(key.public)).message


def test_a_statement_that_was_changed_is_refused(hub: RunningHub, key: Key) -> None:
    folder = signed(hub, key)
    (folder / "added.py").write_bytes(b"print()")
    path = folder / "model.sig"
    bundle = json.loads(path.read_text())
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    statement["predicate"]["serialization"]["ignore_paths"] = ["model.sig", "added.py"]
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    path.write_text(json.dumps(bundle))
    assert "is no signature by" in refused(resolve(NAME), SignaturePolicy(key.public)).message


@pytest.mark.parametrize("name", ["a.safetensors", "config.json"], ids=["by its sha256", "by git's digest"])
def test_a_file_that_changed_since_is_named(hub: RunningHub, key: Key, name: str) -> None:
    folder = signed(hub, key)
    (folder / name).write_bytes(b"changed")
    error = refused(resolve(NAME), SignaturePolicy(key.public))
    assert error.message == f'hf://acme/model: "model.sig": is a signature of other files: {name} is changed'
    assert "--ignore" in error.remedy


def test_files_that_nobody_signed_are_named_and_may_be_left_out(hub: RunningHub, key: Key) -> None:
    folder = signed(hub, key)
    for name in ("run.py", "sub/other.json"):
        (folder / name).write_bytes(b"{}")
    error = refused(resolve(NAME), SignaturePolicy(key.public))
    assert error.message.endswith("of other files: run.py, sub/other.json are not signed")
    kept = resolve(NAME, ignore_patterns=("run.py", "sub/other.json"))
    assert import_model(kept, "model", signature=SignaturePolicy(key.public)).path.is_dir()


def test_a_file_that_its_signer_left_out_is_not_taken_for_signed(hub: RunningHub, key: Key) -> None:
    folder = hub.add("acme/model", FILES | {"model.py": b"print()"})
    key.sign(folder, ignored=("model.py",))
    error = refused(resolve(NAME), SignaturePolicy(key.public))
    assert error.message.endswith("of other files: model.py is not signed")


def test_a_file_that_was_taken_away_is_named_unless_we_left_it_out(hub: RunningHub, key: Key) -> None:
    folder = signed(hub, key)
    chosen = resolve(NAME, ignore_patterns=("sub/*",))
    assert import_model(chosen, "chosen", signature=SignaturePolicy(key.public)).path.is_dir()
    (folder / "sub" / "b.safetensors").unlink()
    error = refused(resolve(NAME), SignaturePolicy(key.public))
    assert error.message.endswith("other files: sub/b.safetensors is signed and not there")


def test_gits_own_files_need_no_signature(hub: RunningHub, key: Key) -> None:
    signed(hub, key)
    hub.add("acme/model", {".gitattributes": b"*.bin filter=lfs"})
    everything = resolve(NAME, allow_patterns=("*",))
    assert ".gitattributes" in {file.path for file in everything.files}
    assert import_model(everything, "model", signature=SignaturePolicy(key.public)).path.is_dir()


def test_a_model_that_is_there_must_be_signed_too(hub: RunningHub, key: Key, tmp_path: Path) -> None:
    signed(hub, key)
    manifest = resolve(NAME)
    import_model(manifest, "model")
    hub.ledger.clear()
    assert import_model(manifest, "model", signature=SignaturePolicy(key.public)).fetched_bytes == 0
    with pytest.raises(SignatureError):
        import_model(manifest, "model", signature=SignaturePolicy(make_key(tmp_path / "other").public))
    assert hub.ledger.counts().total_requests == 0


def test_another_key_and_another_sha256_are_found_before_a_file_is_fetched(
    hub: RunningHub, key: Key, tmp_path: Path
) -> None:
    folder = signed(hub, key)
    size = (folder / "model.sig").stat().st_size
    manifest = resolve(NAME)
    hub.ledger.clear()
    refused(manifest, SignaturePolicy(make_key(tmp_path / "other").public))
    assert hub.ledger.counts().total_bytes == size
    (folder / "a.safetensors").write_bytes(b"changed")
    manifest = resolve(NAME)
    hub.ledger.clear()
    assert "a.safetensors is changed" in refused(manifest, SignaturePolicy(key.public)).message
    assert hub.ledger.counts().total_bytes == size


def test_what_was_fetched_stays_for_who_asks_for_no_signature(hub: RunningHub, key: Key) -> None:
    folder = signed(hub, key)
    (folder / "config.json").write_bytes(b"[]")
    manifest = resolve(NAME)
    assert "config.json is changed" in refused(manifest, SignaturePolicy(key.public)).message
    assert import_model(manifest, "model").fetched_bytes == 0


def test_files_that_came_by_their_sha256_are_not_read_again(hub: RunningHub, key: Key) -> None:
    signed(hub, key)
    manifest = resolve(NAME)
    import_model(manifest, "model")
    store = ObjectStore(models_root())
    read = {"model.sig", "config.json"}

    def place(file: object) -> Path:
        path = getattr(file, "path", "")
        return models_root() / "model" / path if path in read else Path("/nowhere/at/all")

    refuse_unsigned(manifest, SignaturePolicy(key.public), store, place)


def test_a_certificate_of_the_authority_signs_and_one_of_another_does_not(hub: RunningHub, tmp_path: Path) -> None:
    ours, other = make_authority(tmp_path / "ours"), make_authority(tmp_path / "other")
    ours.sign(hub.add("acme/model", FILES))
    assert import_model(resolve(NAME), "mine", signature=SignaturePolicy(ours.root)).path.is_dir()
    both = SignaturePolicy(other.root + ours.root)
    assert import_model(resolve(NAME), "both", signature=both).path.is_dir()
    assert "is no signature by" in refused(resolve(NAME), SignaturePolicy(other.root)).message


def test_a_key_is_not_taken_for_a_certificate(hub: RunningHub, key: Key, tmp_path: Path) -> None:
    signed(hub, key)
    error = refused(resolve(NAME), SignaturePolicy(make_authority(tmp_path / "ours").root))
    assert error.message.endswith("was made with a key, and signedBy is a certificate")


NOT_SIGNATURES = {
    "text": b"no JSON",
    "not in UTF-8": b"\xff\xfe",
    "another JSON": b"[]",
    "no statement": b'{"verificationMaterial": {}, "dsseEnvelope": {"payload": "e30="}}',
    "no Base64": b'{"verificationMaterial": {}, "dsseEnvelope": {"payload": "!"}}',
    "a deep one": b"[" * 100_000,
}


@pytest.mark.parametrize("case", NOT_SIGNATURES)
def test_what_is_no_signature_is_refused(hub: RunningHub, key: Key, case: str) -> None:
    hub.add("acme/model", FILES | {"model.sig": NOT_SIGNATURES[case]})
    error = refused(resolve(NAME), SignaturePolicy(key.public))
    assert error.message.startswith('hf://acme/model: "model.sig": is no signature of OpenSSF Model Signing 1.0 (')


@pytest.mark.parametrize(
    "hashed", [{"shard_size": 100_000}, {"hashing_algorithm": "blake3"}], ids=["shards", "blake3"]
)
def test_signatures_over_other_digests_are_not_taken(hub: RunningHub, key: Key, hashed: dict[str, Any]) -> None:
    key.sign(hub.add("acme/model", FILES), **hashed)
    with pytest.raises(UnsupportedError, match="and not files by their sha256") as caught:
        import_model(resolve(NAME), "model", signature=SignaturePolicy(key.public))
    assert "model_signing sign key" in caught.value.remedy


def test_a_signature_without_a_key_is_not_taken(hub: RunningHub, key: Key) -> None:
    path = key.sign(hub.add("acme/model", FILES))
    bundle = json.loads(path.read_text())
    path.write_text(json.dumps(bundle | {"verificationMaterial": {"certificate": {"rawBytes": ""}}}))
    with pytest.raises(UnsupportedError, match="keyless"):
        import_model(resolve(NAME), "model", signature=SignaturePolicy(key.public))


def test_a_policy_that_cannot_be_is_told(key: Key) -> None:
    assert signature_policy("", "model.sig") is None
    assert signature_policy(f"\n{key.public}\n\n") == SignaturePolicy(key.public)
    with pytest.raises(InvalidInputError, match="nothing says whose"):
        signature_policy("", "mine.sig")
    with pytest.raises(InvalidInputError, match="private key") as caught:
        signature_policy(key.file.read_text())
    assert key.file.read_text().splitlines()[1] not in str(caught.value)
    with pytest.raises(InvalidInputError, match="is no PEM"):
        signature_policy("key")


def test_a_key_of_another_kind_is_told(hub: RunningHub, key: Key, tmp_path: Path) -> None:
    signed(hub, key)
    other = make_key(tmp_path / "other", ec.SECP256K1())
    with pytest.raises(InvalidInputError, match="signedBy: cannot be used") as caught:
        import_model(resolve(NAME), "model", signature=SignaturePolicy(other.public))
    assert "P-256" in caught.value.remedy

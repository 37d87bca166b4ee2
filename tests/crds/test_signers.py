"""Who must have signed a model is said in PEM; what says something else, or too much, is refused unseen."""

import hashlib

import pytest

from crds.load import load
from crds.problems import FieldError, InvalidResourceError
from crds.signature_policy import checked_signer, signature_parameters, signer_digest
from crds.storage import StorageSpec
from tests.crds.samples import model

KEY = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
PRIVATE = "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n"


@pytest.mark.parametrize("pem", [KEY, CERTIFICATE, CERTIFICATE * 3], ids=["a key", "a certificate", "certificates"])
def test_a_key_and_certificates_are_taken_with_any_blanks_around(pem: str) -> None:
    assert checked_signer(pem) == checked_signer(f"\n{pem.strip()}") == pem
    assert signer_digest(pem.strip()) == f"sha256:{hashlib.sha256(pem.encode()).hexdigest()}"


@pytest.mark.parametrize(
    "pem",
    ["", "key", KEY * 2, KEY + CERTIFICATE, f"{KEY}and more", KEY.replace("PUBLIC", "OPENSSH PUBLIC"), KEY[:-5]],
)
def test_what_else_there_is_is_refused(pem: str) -> None:
    with pytest.raises(FieldError, match="accepted: a public key or certificates in PEM"):
        checked_signer(pem)


@pytest.mark.parametrize("pem", [PRIVATE, KEY + PRIVATE, PRIVATE + CERTIFICATE])
def test_a_private_key_is_refused_and_not_repeated(pem: str) -> None:
    with pytest.raises(InvalidResourceError, match="holds a private key, which must not be here") as caught:
        load(model(parameters={"signedBy": pem}))
    assert "c2VjcmV0" not in str(caught.value)


def test_a_model_says_whose_signature_it_must_have() -> None:
    loaded = load(model(parameters={"signedBy": KEY.strip(), "signature": "ours.sig"}))
    assert loaded.notices == ()
    storage = StorageSpec.from_dict(loaded.resource.to_dict()["spec"]["storage"])
    assert (storage.signed_by, storage.signature) == (KEY, "ours.sig")
    assert signature_parameters(storage.signed_by, storage.signature) == {"signedBy": KEY, "signature": "ours.sig"}
    assert signature_parameters(KEY, "model.sig") == {"signedBy": KEY}


@pytest.mark.parametrize("uri", ["vendor://acme/type/path", "pvc://models:claim/llama"])
def test_a_signature_that_nobody_would_read_is_not_asked_for(uri: str) -> None:
    with pytest.raises(InvalidResourceError, match=f"files of {uri.partition(':')[0]}:// are not read"):
        load(model(storageUri=uri, parameters={"signedBy": KEY}))

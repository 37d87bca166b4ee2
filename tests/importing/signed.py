"""Who signs the models of tests, with the tools' own library: keys, certificates, signatures of folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from model_signing import hashing, signing


@dataclass(frozen=True)
class Key:
    """A key on a curve.

    Attributes:
        file: The private key, in PEM.
        public: The public key, in PEM.
    """

    file: Path
    public: str
    private: ec.EllipticCurvePrivateKey

    def sign(self, model: Path, name: str = "model.sig", ignored: Sequence[str] = (), **hashed: Any) -> Path:
        """Sign what a folder holds now, as `model_signing sign key` does; give the signature's file.

        Args:
            model: The folder.
            name: Of the signature in it.
            ignored: What else is not signed.
            hashed: How files are hashed, as the library has it; by default whole, by SHA-256.
        """
        return _sign(signing.Config().use_elliptic_key_signer(private_key=self.file), model, name, ignored, **hashed)


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and a signer that it vouches for.

    Attributes:
        root: Its own certificate, in PEM.
    """

    root: str
    folder: Path
    key: Key

    def sign(self, model: Path) -> Path:
        """Sign what a folder holds now, as `model_signing sign certificate` does."""
        config = signing.Config().use_certificate_signer(
            private_key=self.key.file,
            signing_certificate=self.folder / "signer.crt",
            certificate_chain=[self.folder / "root.crt"],
        )
        return _sign(config, model, "model.sig", ())


def make_key(folder: Path, curve: ec.EllipticCurve | None = None) -> Key:
    """A new key, in a folder of its own."""
    folder.mkdir()
    private = ec.generate_private_key(curve or ec.SECP256R1())
    file = folder / "private.pem"
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return Key(file, public, private)


def make_authority(folder: Path) -> Authority:
    """A new authority and its signer, in a folder of its own."""
    folder.mkdir()
    root, signer = make_key(folder / "root"), make_key(folder / "signer")
    roots = _certificate(folder.name, root, folder.name, root, is_root=True)
    for name, certificate in (("root", roots), ("signer", _certificate("signer", signer, folder.name, root))):
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    return Authority((folder / "root.crt").read_text(), folder, signer)


def _sign(config: Any, model: Path, name: str, ignored: Sequence[str], **hashed: Any) -> Path:
    how = hashing.Config().set_ignored_paths(paths=[Path(path) for path in (name, *ignored)])
    if hashed:
        how.use_shard_serialization(**hashed) if "shard_size" in hashed else how.use_file_serialization(**hashed)
    config.set_hashing_config(how).sign(model, model / name)
    return model / name


def _certificate(name: str, key: Key, issuer: str, by: Key, *, is_root: bool = False) -> x509.Certificate:
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign", "encipher_only"),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=not is_root, key_cert_sign=is_root, decipher_only=False, **usage),
            critical=True,
        )
        .sign(by.private, hashes.SHA256())
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

"""Certificates for test servers and their clients: an authority, and what it issues."""

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key.

    Attributes:
        file: In PEM.
        key_file: The same of the key.
    """

    file: Path
    key_file: Path
    _found: x509.Certificate
    _key: RSAPrivateKey

    @property
    def pem(self) -> str:
        """The certificate's text."""
        return self.file.read_text()

    @property
    def key_pem(self) -> str:
        """The key's text."""
        return self.key_file.read_text()

    @property
    def public_key(self) -> RSAPublicKey:
        """What its signatures are checked with."""
        return self._key.public_key()

    @property
    def fingerprint(self) -> str:
        """SHA-1, as OCI names certificates by it."""
        return ":".join(f"{byte:02X}" for byte in self._found.fingerprint(SHA1()))  # noqa: S303 - the protocol's

    @property
    def tls(self) -> ssl.SSLContext:
        """What a server with this certificate answers with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key_file)
        return context

    def issue(
        self, name: str, hosts: Sequence[str] = (), addresses: Sequence[str] = (), tenant: str = ""
    ) -> "Certificate":
        """A certificate that this one, of an authority, vouches for; its files lie beside this one's.

        Args:
            name: Of the files.
            hosts: DNS names of a server.
            addresses: Its IP addresses.
            tenant: Of an instance of OCI.
        """
        names = [x509.DNSName(host) for host in hosts] + [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
        return _certificate(self.file.parent, name, f"opc-tenant:{tenant}" if tenant else name, names, self)


def make_authority(folder: Path) -> Certificate:
    """A new authority; its files lie in a folder that is there."""
    return _certificate(folder, "authority", "authority", [], None)


def _certificate(
    folder: Path, name: str, unit: str, names: Sequence[x509.GeneralName], by: Certificate | None
) -> Certificate:
    key, now = generate_private_key(public_exponent=65537, key_size=2048), datetime.now(UTC)
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)]
    )
    signer = key if by is None else by._key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by._found.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    found = builder.sign(signer, SHA256())
    file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    file.write_bytes(found.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Certificate(file, key_file, found, key)

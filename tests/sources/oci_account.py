"""A made-up OCI account: a key made for the test session, and the configuration file that the SDK reads."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key

TENANCY = "ocid1.tenancy.oc1..aaaaaaaatesttenancy"
USER = "ocid1.user.oc1..aaaaaaaatestuser"
REGION = "us-ashburn-1"


@dataclass(frozen=True)
class Account:
    """Who signs requests.

    Attributes:
        config: The configuration file; its profile is DEFAULT.
        key_id: What requests name the key by.
        public_key: What the server checks signatures with.
    """

    config: Path
    key_id: str
    public_key: RSAPublicKey


def make_account(folder: Path, number: int = 0) -> Account:
    """Make a key and its configuration file in `folder`; accounts of one tenancy differ by number."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    key_file = folder / f"key-{number}.pem"
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    key_file.chmod(0o600)
    fingerprint = ":".join(f"{number:02x}" for _ in range(16))
    config = folder / f"config-{number}"
    values = {
        "user": USER, "fingerprint": fingerprint, "tenancy": TENANCY, "region": REGION, "key_file": str(key_file),
    }  # fmt: skip
    config.write_text("[DEFAULT]\n" + "".join(f"{name}={value}\n" for name, value in values.items()))
    config.chmod(0o600)
    return Account(config, f"{TENANCY}/{USER}/{fingerprint}", key.public_key())

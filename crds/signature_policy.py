"""Whose signature a model must have: `spec.storage.parameters.signedBy`, and `signature`, the file that it is in.

A file of its own, because the steps that take it start faster without the types of whole resources.
"""

import hashlib
import re
from typing import Final

from crds.problems import FieldError

DEFAULT_SIGNATURE: Final = "model.sig"
"""What the tools of OpenSSF Model Signing write."""
SIGNER: Final = "a public key or certificates in PEM, from -----BEGIN to the last END-----"
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----[A-Za-z0-9+/=\s]+-----END \1-----")


def checked_signer(pem: str) -> str:
    """What says who must have signed, with the blanks at its ends as `signer_digest` counts them.

    Raises:
        FieldError: when it is neither one public key nor certificates; does not name the value, which may be secret.
    """
    kinds = _BLOCK.findall(pem)
    if any("PRIVATE" in kind for kind in kinds):
        raise FieldError("holds a private key, which must not be here", accepted=SIGNER)
    if _BLOCK.sub("", pem).strip() or (kinds != ["PUBLIC KEY"] and set(kinds) != {"CERTIFICATE"}):
        found = f"holds {', '.join(kinds)} and more" if kinds else "is no PEM"
        raise FieldError(found, accepted=SIGNER)
    return pem.strip() + "\n"


def is_certificate(pem: str) -> bool:
    """Whether signatures are to be by whoever these certificates vouch for, and not by one key."""
    return "-----BEGIN CERTIFICATE-----" in pem


def signature_parameters(signed_by: str, signature: str) -> dict[str, str]:
    """The parameters of a model's storage that ask for this signature; none when nobody must have signed."""
    if not signed_by:
        return {}
    return {"signedBy": signed_by} | ({"signature": signature} if signature not in ("", DEFAULT_SIGNATURE) else {})


def signer_digest(pem: str) -> str:
    """`sha256:` and what `sha256sum` says of the PEM file; "" for none."""
    return f"sha256:{hashlib.sha256(checked_signer(pem).encode()).hexdigest()}" if pem else ""

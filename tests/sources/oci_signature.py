"""Checks the signature of a request to OCI: the HTTP signatures draft with RSA and SHA-256, as OCI's SDKs send it.

Rules from OCI's documentation "Request Signatures": version 1, headers `date (request-target) host`, for requests with
a body also its length, type and SHA-256, and a date no more than five minutes away.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

CLOCK_SECONDS = 300
_FIELD = re.compile(r'(\w+)="([^"]*)"')
ALWAYS = frozenset({"(request-target)", "host"})
"""What a signature covers besides the date."""
_WITH_BODY = frozenset({"content-length", "content-type", "x-content-sha256"})


def problem_of(
    method: str,
    path: str,
    headers: Mapping[str, str],
    keys: Mapping[str, RSAPublicKey],
    now: float,
    covered: frozenset[str] = ALWAYS,
) -> str:
    """Why a request is not signed well; "" when it is.

    Args:
        method: HTTP method.
        path: With the query, as it was sent.
        headers: With case-insensitive keys.
        keys: Those that the server knows, by key id.
        now: Seconds since the epoch.
        covered: What the signature must cover besides the date; requests for tokens leave the host out.
    """
    scheme, _, rest = headers.get("Authorization", "").partition(" ")
    fields = dict(_FIELD.findall(rest))
    if scheme.lower() != "signature" or not {"keyId", "signature", "headers"} <= set(fields):
        return "there is no signature"
    if fields.get("algorithm") != "rsa-sha256" or fields.get("version", "1") != "1":
        return "the algorithm or version of the signature is not supported"
    key = keys.get(fields["keyId"])
    if key is None:
        return "the key is not known"
    names = fields["headers"].lower().split()
    if not set(names) >= covered or not {"date", "x-date"} & set(names):
        return f"the signature must cover date, {', '.join(sorted(covered))}"
    is_object = method == "PUT" and re.search(r"/[ou]/", path)  # these are streamed, and sign no body
    if method in ("POST", "PUT", "PATCH") and not is_object and not set(names) >= _WITH_BODY:
        return "the signature must cover the body"
    if abs(_time(headers) - now) > CLOCK_SECONDS:
        return "the date is too far away"
    lines = []
    for name in names:
        value = f"{method.lower()} {path}" if name == "(request-target)" else headers.get(name)
        if value is None:
            return f"the signed header {name} is missing"
        lines.append(f"{name}: {value}")
    try:
        key.verify(base64.b64decode(fields["signature"]), "\n".join(lines).encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return "the signature is wrong"
    return ""


def is_body_as_signed(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a body has the SHA-256 that the request names, where it names one."""
    named = headers.get("x-content-sha256")
    return named is None or base64.b64encode(hashlib.sha256(body).digest()).decode() == named


def _time(headers: Mapping[str, str]) -> float:
    try:
        return parsedate_to_datetime(headers.get("x-date") or headers.get("date") or "").timestamp()
    except ValueError:
        return 0.0

"""A made-up service account of Google's, and the check of what it signs: tokens of its own, and URLs.

Rules: https://google.aip.dev/auth/4111 (self-signed JWTs: no server is asked for a token) and
https://cloud.google.com/storage/docs/authentication/signatures (V4 signatures of URLs).
"""

import hashlib
import json
from pathlib import Path

import jwt
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

EMAIL = "reader@acme.iam.gserviceaccount.com"
SCOPES = frozenset(
    f"https://www.googleapis.com/auth/{name}"
    for name in ("cloud-platform", "devstorage.full_control", "devstorage.read_only", "devstorage.read_write")
)
_HOST = "storage.googleapis.com"
"""The host that URLs are signed for by the client, whichever server it asks."""
_SIGNATURE = "&X-Goog-Signature="


def make_key_file(folder: Path, name: str = "key.json") -> tuple[Path, RSAPublicKey]:
    """Write a key file as Google gives it; the server checks with the public key."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    told = {
        "type": "service_account", "project_id": "acme", "private_key_id": name, "private_key": pem.decode(),
        "client_email": EMAIL, "client_id": "1", "token_uri": "http://127.0.0.1:9/no-token-is-asked-for",
    }  # fmt: skip
    path = folder / name
    path.write_text(json.dumps(told))
    return path, key.public_key()


def problem_of(request: web.Request, key: RSAPublicKey) -> str:
    """Why a request is not of the account; "" when it is."""
    if _SIGNATURE in request.raw_path:
        return _problem_of_url(request, key)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer":
        return "there is no token"
    try:
        claims = jwt.decode(token, key, algorithms=["RS256"], options={"require": ["iss", "iat", "exp"]})
    except jwt.InvalidTokenError as error:
        return f"the token is wrong: {error}"
    if claims["iss"] != EMAIL or not SCOPES & set(str(claims.get("scope")).split()):
        return f"the token is not one for storage: {claims}"
    return ""


def _problem_of_url(request: web.Request, key: RSAPublicKey) -> str:
    path, _, query = request.raw_path.partition("?")
    signed, _, signature = query.partition(_SIGNATURE)
    canonical = f"{request.method}\n{path}\n{signed}\nhost:{_HOST}\n\nhost\nUNSIGNED-PAYLOAD"
    account, _, scope = request.query["X-Goog-Credential"].partition("/")
    if account != EMAIL:
        return f"{account} is not known"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"GOOG4-RSA-SHA256\n{request.query['X-Goog-Date']}\n{scope}\n{hashed}"
    try:
        key.verify(bytes.fromhex(signature), text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return "the signature of the URL is wrong"
    return ""

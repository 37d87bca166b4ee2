"""A token server for a container registry, as the distribution project's token protocol has it.

It signs JSON Web Tokens with a key made for the test, which the registry is told of by a JWKS file.
"""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from tests.sources.registry_server import basic

ISSUER, SERVICE, KEY_NAME = "tests", "test-registry", "test-key"


def _made_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class TokenServer:
    """Gives tokens; `handle` is its handler.

    Attributes:
        users: Passwords by user; what is public everybody may read.
        public: Repositories that everybody may read.
        expires_in: What it says of how long a token is good, in seconds; None to say nothing.
        field_name: Of the answer, where the token is.
        given: Scopes of the tokens that were given, in order.
        asked_by: Headers `Authorization` that came, in order; "" for none.
    """

    users: dict[str, str]
    public: set[str] = field(default_factory=set)
    expires_in: int | None = 300
    field_name: str = "token"
    given: list[str] = field(default_factory=list)
    asked_by: list[str] = field(default_factory=list)
    _key: RSAPrivateKey = field(default_factory=_made_key)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        said = request.headers.get("Authorization", "")
        self.asked_by.append(said)
        known = {basic(user, password): user for user, password in self.users.items()}
        if said and said not in known:
            return web.json_response({"errors": [{"code": "UNAUTHORIZED"}]}, status=401)
        scope = request.query.get("scope", "")
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        allowed = actions.split(",") if said else ["pull"] if name in self.public else []
        access = [{"type": kind, "name": name, "actions": allowed}] if scope else []
        self.given.append(scope)
        answer: dict[str, object] = {self.field_name: self.signed(access)}
        return web.json_response(answer | ({"expires_in": self.expires_in} if self.expires_in is not None else {}))

    def signed(self, access: Sequence[Mapping[str, object]]) -> str:
        """A token for what may be accessed, good for five minutes whatever is said of it."""
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "kid": KEY_NAME}
        claims = {
            "iss": ISSUER, "sub": "reader", "aud": SERVICE, "exp": now + 300, "nbf": now - 10, "iat": now - 10,
            "jti": str(len(self.given)), "access": access,
        }  # fmt: skip
        text = f"{_base64(json.dumps(header).encode())}.{_base64(json.dumps(claims).encode())}"
        return f"{text}.{_base64(self._key.sign(text.encode(), PKCS1v15(), hashes.SHA256()))}"

    def write_keys(self, file: Path) -> None:
        """The public key, as the registry reads it."""
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "RSA", "kid": KEY_NAME, "alg": "RS256", "use": "sig",
            "n": _base64(numbers.n.to_bytes(256)), "e": _base64(numbers.e.to_bytes(3)),
        }  # fmt: skip
        file.write_text(json.dumps({"keys": [key]}))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

"""The services that give an instance of OCI, and a pod of OKE, the tokens that they sign requests with.

An instance has a certificate from its metadata service; for that the auth service of its region gives tokens. A pod
gets them from its cluster for the token of its service account. Both are asked for a token for a key that the client
has just made; requests to other services are signed with that key, and name the token. They take what OCI's SDK sends
(`oci.auth.federation_client`, `oci.auth.signers.oke_workload_identity_resource_principal_signer`).

Clients reach the two services, whose names are fixed, through an HTTPS proxy, as they do where nothing else is open.
"""

import asyncio
import base64
import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.sources.background import Background
from tests.sources.oci_account import REGION, TENANCY
from tests.sources.oci_signature import is_body_as_signed, problem_of
from tests.sources.tls_certificates import make_authority

CLUSTER = "10.96.0.1"
"""Where pods reach their cluster."""
AUTH = f"auth.{REGION}.oraclecloud.com"
PATIENCE = 60


class Lifetime(NamedTuple):
    """Seconds since which tokens are good, and for which they still are."""

    since: int
    left: int


FRESH = Lifetime(0, 3600)
ENDING = Lifetime(100, 50)
"""The next one is asked for at once."""


class IdentityServices:
    """The services of one instance and one pod.

    Args:
        folder: For certificates and the service account's token.
        trust: Told each token's key id and key, so that other services take them.

    Attributes:
        lifetime: Of the tokens that are given from now on.
        given: Key ids of all tokens.
        refused: What was asked for and not given, and why.
        refuses: Whether nobody gets a token.
        asked: Set when a token is asked for.
        may_answer: Cleared, no token is given until it is set again.
    """

    def __init__(self, folder: Path, trust: Callable[[str, RSAPublicKey], None]) -> None:
        self.lifetime = FRESH
        self.given: list[str] = []
        self.refused: list[str] = []
        self.refuses = False
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.may_answer.set()
        self.token_file = folder / "service-account-token"
        self._trust = trust
        self._account = jwt.encode({"exp": int(time.time()) + 3600}, "of the cluster, which the SDK does not check")
        self.token_file.write_text(self._account)
        authority = make_authority(folder)
        self._authority_file = authority.file
        self._instance = authority.issue("instance", tenant=TENANCY)
        self._server = authority.issue("server", hosts=(AUTH,), addresses=(CLUSTER,))
        self._numbers = itertools.count()

    @contextmanager
    def serving(self, background: Background) -> Iterator[Mapping[str, str]]:
        """Serve; gives the environment in which they are found."""
        with (
            background.serving(self._metadata) as metadata,
            background.serving(self._give, self._server.tls) as tokens,
            _leading_to(background, frozenset({f"{AUTH}:443", f"{CLUSTER}:12250"}), tokens) as proxy,
        ):
            yield {
                "OCI_METADATA_BASE_URL": f"{metadata}/opc/v2",
                "KUBERNETES_SERVICE_HOST": CLUSTER,
                "OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH": str(self._authority_file),
                "OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH": str(self.token_file),
                "OCI_RESOURCE_PRINCIPAL_REGION": REGION,
                "REQUESTS_CA_BUNDLE": str(self._authority_file),
                "https_proxy": proxy,
                "no_proxy": "127.0.0.1",
            }

    async def _metadata(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer Oracle":
            return self._refusal(request, "there is no header that only the instance itself can send")
        content = {
            "/opc/v2/identity/cert.pem": self._instance.pem,
            "/opc/v2/identity/key.pem": self._instance.key_pem,
            "/opc/v2/identity/intermediate.pem": self._authority_file.read_text(),
            "/opc/v2/instance/region": "iad",
        }.get(request.path)
        return web.Response(text=content) if content is not None else web.Response(status=404)

    async def _give(self, request: web.Request) -> web.Response:
        self.asked.set()
        await asyncio.to_thread(self.may_answer.wait, PATIENCE)
        body = await request.read()
        giver = {(AUTH, "/v1/x509"): self._for_instance, (f"{CLUSTER}:12250", "/resourcePrincipalSessionTokens"): (
            self._for_pod)}.get((request.host, request.path))  # fmt: skip
        if giver is None or request.method != "POST":
            return self._refusal(request, "there is no such service")
        return giver(request, body)

    def _for_instance(self, request: web.Request, body: bytes) -> web.Response:
        key_id = f"{TENANCY}/fed-x509/{self._instance.fingerprint}"
        keys, covered = {key_id: self._instance.public_key}, frozenset({"(request-target)"})
        problem = problem_of("POST", request.raw_path, request.headers, keys, time.time(), covered)
        if problem or not is_body_as_signed(request.headers, body):
            return self._refusal(request, problem or "the body is not the one that was signed")
        asked = json.loads(body)
        chain = [asked["certificate"], *asked["intermediateCertificates"]]
        if self.refuses or chain != [_bare(self._instance.pem), _bare(self._authority_file.read_text())]:
            return self._refusal(request, "the certificate is not one of this tenancy")
        return web.json_response({"token": self._token(asked["publicKey"])})

    def _for_pod(self, request: web.Request, body: bytes) -> web.Response:
        if self.refuses or request.headers.get("Authorization") != f"Bearer {self._account}":
            return self._refusal(request, "the service account is not one of this cluster")
        answer = json.dumps({"token": f"ST${self._token(json.loads(body)['podKey'])}"})
        return web.Response(body=base64.b64encode(answer.encode()))

    def _token(self, public_key: str) -> str:
        key = load_der_public_key(base64.b64decode(public_key))
        assert isinstance(key, RSAPublicKey)
        now = int(time.time())
        claims = {"iat": now - self.lifetime.since, "exp": now + self.lifetime.left, "jti": str(next(self._numbers))}
        token = jwt.encode(claims, hashlib.sha256(b"of the service, which the SDK does not check").digest())
        self._trust(f"ST${token}", key)
        self.given.append(f"ST${token}")
        return token

    def _refusal(self, request: web.Request, why: str) -> web.Response:
        self.refused.append(f"{request.method} {request.host}{request.path}: {why}")
        return web.json_response({"code": "NotAuthorized", "message": why}, status=403)


def _bare(pem: str) -> str:
    """A certificate as requests have it."""
    return "".join(line for line in pem.splitlines() if not line.startswith("-"))


@contextmanager
def _leading_to(background: Background, names: frozenset[str], url: str) -> Iterator[str]:
    """A proxy that leads all who ask for certain hosts and ports to one server; gives its URL."""
    port = int(url.rpartition(":")[2])

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, name, _ = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)
        if verb != "CONNECT" or name not in names:
            writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))

    server = background.run(asyncio.start_server(lead, "127.0.0.1", 0))
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        background.run(_closed(server))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while content := await reader.read(1 << 16):
            writer.write(content)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def _closed(server: asyncio.Server) -> None:
    server.close()

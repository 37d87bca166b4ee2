"""Requests to one repository of a container registry: manifests, checked against their digests, and who may ask.

Whole layers go through `steps.cache`, which asks here before each request what to say of who asks: tokens of
registries are good for minutes. Why no client library is used: docs/decisions/015.
"""

import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from crds.storage_uri import OciArtifactUri
from steps.errors import AuthError, IntegrityError, InvalidInputError, NotFoundError, OmeError, UnsupportedError
from steps.sources.artifact_login import CREDENTIALS, Challenge, Token, challenge_of, login_for, token_of
from steps.sources.artifact_manifest import INDEX_TYPES, MANIFEST_TYPES
from steps.sources.http_answers import error_of, public_url
from steps.sources.patience import Patience, TransferSettings
from steps.sources.range_reader import CONNECT_SECONDS, unreachable

if TYPE_CHECKING:
    from httpx2 import Response

ENDPOINT: Final = "OME_REGISTRY_ENDPOINT"
MOST_BYTES: Final = 4 << 20
"""Of a manifest: what the distribution specification has registries take."""
_LOOPBACK: Final = re.compile(r"(localhost|127(\.\d{1,3}){3})(:\d+)?")
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[\w.-]+)*/?", re.ASCII)
_ELSEWHERE: Final = {"docker.io": "registry-1.docker.io"}
_MISSING: Final = {
    "NAME_UNKNOWN": "the registry has no such repository",
    "MANIFEST_UNKNOWN": "the repository has no such tag or digest, or there is no such repository",
}


@dataclass(frozen=True)
class Document:
    """A manifest or an index, as the registry gave it.

    Attributes:
        media_type: What it is.
        body: In JSON.
        digest: `sha256:` and that of the body.
    """

    media_type: str
    body: bytes
    digest: str


class Registry:
    """One repository. Thread-safe.

    Args:
        uri: Of the artifact.
        endpoint: URL of the registry where it is not the URI's host, or not by HTTPS; "" otherwise.

    Raises:
        InvalidInputError: for an endpoint that is no URL.
        AuthError: when user and password are there and cannot be used.
    """

    def __init__(self, uri: OciArtifactUri, endpoint: str) -> None:
        import httpx2

        self.origin = origin_for(uri, endpoint)
        self._uri = uri
        self._settings = TransferSettings.from_environment()
        self._login = login_for(urlsplit(self.origin).netloc)
        self._challenge: Challenge | None = None
        self._is_known = False
        self._token: Token | None = None
        self._lock = threading.RLock()
        stall = self._settings.stall_seconds
        self.client = httpx2.Client(
            timeout=httpx2.Timeout(stall, connect=min(CONNECT_SECONDS, stall)),
            headers={"User-Agent": "ome-pipelines", "Accept-Encoding": "identity"},
        )

    def manifest(self, reference: str) -> Document:
        """The manifest or index of a tag or digest, retried where that can help.

        Raises:
            IntegrityError: when it is not what the digest says.
            OmeError: of the class that fits.
        """
        patience = Patience(self._settings)
        while True:
            try:
                return self._manifest_once(reference)
            except OmeError as error:
                delay = patience.delay_after(error)
            time.sleep(delay)

    def authorization(self, path: str, subject: str) -> dict[str, str]:
        """The headers that say who asks, for the next request alone; at first asks how the registry wants it.

        Args:
            path: Of what will be read.
            subject: Begins the messages of errors.

        Raises:
            OmeError: of the class that fits; tried once.
        """
        with self._lock:
            if not self._is_known:
                answer, _ = self._send("HEAD", path, subject)  # a redirect to a store is an answer, and not followed
                if answer.status_code >= 400:
                    raise self._refusal(answer, b"", subject)
            return self._authorization(subject)

    def _manifest_once(self, reference: str) -> Document:
        subject = str(self._uri)
        path = f"/v2/{self._uri.repository}/manifests/{reference}"
        with self._lock:
            answer, body = self._send("GET", path, subject)
        if answer.status_code != 200:
            raise self._refusal(answer, body, subject)
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type not in (*MANIFEST_TYPES, *INDEX_TYPES):
            raise UnsupportedError(
                f'{subject}: {public_url(self.origin)} answered with "{media_type}", which is no manifest',
                remedy="Check that the host is a registry, and the repository and tag those of a model.",
            )
        if len(body) > MOST_BYTES:
            raise UnsupportedError(f"{subject}: the manifest is larger than {MOST_BYTES >> 20} MiB")
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        told = answer.headers.get("Docker-Content-Digest", "")
        asked = reference if ":" in reference else told if told.startswith("sha256:") else digest
        if asked != digest:
            raise IntegrityError(
                f"{subject}: the manifest that came is {digest}, and should be {asked}",
                remedy="Run again; if it fails again, the registry, or what stands before it, changes what it sends.",
            )
        return Document(media_type, body, digest)

    def _send(self, method: str, path: str, subject: str) -> "tuple[Response, bytes]":
        """One request, and a second one when the registry says that it wants to be asked otherwise."""
        answer, body = self._send_once(method, path, subject)
        if answer.status_code == 401:
            challenge = challenge_of(answer.headers.get_list("WWW-Authenticate"))
            if challenge is not None and (challenge.scheme == "bearer" or self._login is not None):
                self._challenge, self._token = challenge, None
                answer, body = self._send_once(method, path, subject)
        self._is_known = self._is_known or answer.status_code < 400
        return answer, body

    def _send_once(self, method: str, path: str, subject: str) -> "tuple[Response, bytes]":
        import httpx2

        headers = {"Accept": ", ".join((*MANIFEST_TYPES, *INDEX_TYPES))} | self._authorization(subject)
        url, body = self.origin + path, bytearray()
        try:
            with self.client.stream(method, url, headers=headers, follow_redirects=method == "GET") as answer:
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        break
                return answer, bytes(body)
        except httpx2.RequestError as error:
            raise self._unreachable(subject, self.origin, error) from None

    def _authorization(self, subject: str) -> dict[str, str]:
        if self._challenge is None:
            return {}
        if self._challenge.scheme == "basic":
            return {"Authorization": self._login.header} if self._login is not None else {}
        if self._token is None or time.monotonic() >= self._token.renew_at:
            self._token = self._new_token(self._challenge, subject)
        return {"Authorization": f"Bearer {self._token.text}"}

    def _new_token(self, challenge: Challenge, subject: str) -> Token:
        import httpx2

        if not challenge.keeps_secret(self.origin):
            raise UnsupportedError(
                f"{subject}: the registry's token server {public_url(challenge.realm)} is not asked without HTTPS"
            )
        headers = {"Authorization": self._login.header} if self._login is not None else {}
        now = time.monotonic()
        try:
            answer = self.client.get(challenge.token_url(self._uri.repository), headers=headers, follow_redirects=True)
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise self._unreachable(subject, challenge.realm, error) from None
        if answer.status_code != 200:
            raise error_of(
                answer.status_code,
                answer.headers,
                f"{subject}: {public_url(challenge.realm)}",
                has_token=bool(headers),
                credentials=CREDENTIALS,
            )
        try:
            token = token_of(answer.json(), now)
        except (ValueError, RecursionError):
            token = None
        if token is None:
            raise UnsupportedError(f"{subject}: {public_url(challenge.realm)} gave no token")
        return token

    def _refusal(self, answer: "Response", body: bytes, subject: str) -> OmeError:
        try:
            code = str(json.loads(body)["errors"][0]["code"])
        except (ValueError, RecursionError, LookupError, TypeError):
            code = ""
        if answer.status_code == 404:
            hint = "" if self._login is not None else f" For what is private: {CREDENTIALS}"
            why = _MISSING.get(code, "the registry has no such repository, tag or digest")
            return NotFoundError(f"{subject}: {why} (HTTP 404)", remedy=f"Check the name and its spelling.{hint}")
        if answer.status_code in (401, 403):
            told = f", {code}" if code.isupper() else ""
            known = "refused us" if self._login is not None else "asks who we are"
            return AuthError(
                f"{subject}: the registry {known} (HTTP {answer.status_code}{told}), or has no such repository",
                remedy=CREDENTIALS,
            )
        return error_of(answer.status_code, answer.headers, subject, has_token=self._login is not None)

    def _unreachable(self, subject: str, url: str, error: Exception) -> OmeError:
        told = str(error)
        if "WRONG_VERSION_NUMBER" in told or "record layer failure" in told.lower().replace("_", " "):
            return UnsupportedError(
                f"{subject}: {public_url(url)} does not speak HTTPS",
                remedy="For a registry without HTTPS set endpoint in spec.storage.parameters, or on one machine "
                f"{ENDPOINT}, to http://HOST:PORT: what comes is checked against digests, but passwords go in clear.",
            )
        if "CERTIFICATE_VERIFY_FAILED" in told:
            return UnsupportedError(
                f"{subject}: the certificate of {public_url(url)} is not trusted here",
                remedy="Set SSL_CERT_FILE to a file with the certificates of those who are to be trusted.",
            )
        return unreachable(subject, url, error, ENDPOINT)


def origin_for(uri: OciArtifactUri, endpoint: str) -> str:
    """The URL of a registry, without a slash at its end: HTTPS but for this machine, and where an endpoint says so.

    Raises:
        InvalidInputError: for an endpoint that is no URL of a host.
    """
    if not endpoint:
        host = _ELSEWHERE.get(uri.host, uri.host)
        return f"{'http' if _LOOPBACK.fullmatch(uri.host) else 'https'}://{host}"
    if not _ADDRESS.fullmatch(endpoint):
        raise InvalidInputError(
            f'endpoint: "{endpoint.rpartition("@")[2]}" is no address of a registry',
            remedy="Accepted: https://HOST[:PORT], and http://HOST[:PORT] for a registry without HTTPS.",
        )
    return endpoint.rstrip("/")

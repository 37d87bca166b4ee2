"""Who we are to a container registry: user and password, from where container tools keep them, and its challenges.

A registry answers 401 with a challenge: to send user and password themselves (Basic), or to fetch a token for the
repository with them, or without, from a server that it names (Bearer; the distribution project's token protocol).
"""

import base64
import binascii
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from urllib.request import parse_http_list, parse_keqv_list

from steps.credentials import credential_file, credentials_together
from steps.errors import AuthError

CREDENTIALS: Final = (
    "Set REGISTRY_USERNAME and REGISTRY_PASSWORD, or log in with a tool that keeps the password in "
    "~/.docker/config.json (or DOCKER_CONFIG, or REGISTRY_AUTH_FILE; its credential helpers are not asked); on a "
    "cluster name a Secret of the type kubernetes.io/dockerconfigjson in spec.storage.key."
)
_SECRET_KEY: Final = ".dockerconfigjson"  # noqa: S105 - a Secret's key, as Kubernetes names it
_FILE_VARIABLE: Final = "REGISTRY_AUTH_FILE"
_DOCKER_HUB: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")
_USUAL_SECONDS: Final = 60
"""How long a token is good where its server does not say: as the token protocol has it."""
_MARGIN_SECONDS: Final = 10


@dataclass(frozen=True)
class Login:
    """User and password."""

    username: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """As the header `Authorization` has it."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True)
class Challenge:
    """How a registry wants to be asked.

    Attributes:
        scheme: `basic` or `bearer`.
        realm: URL of the token server.
        service: Whom the token is for, as the registry says it.
        scope: What the token must allow, as the registry says it.
    """

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""

    def keeps_secret(self, origin: str) -> bool:
        """Whether the token server may be told a password: by HTTPS, unless the registry has none either."""
        return self.realm.lower().startswith("https://") or origin.startswith("http://")

    def token_url(self, repository: str) -> str:
        """Where a token to read a repository is fetched."""
        query = {"service": self.service} if self.service else {}
        query["scope"] = self.scope or f"repository:{repository}:pull"
        return f"{self.realm}{'&' if '?' in self.realm else '?'}{urlencode(query)}"


@dataclass(frozen=True)
class Token:
    """What a token server gave.

    Attributes:
        text: The token.
        renew_at: When to fetch another one, on the clock that `token_of` was given.
    """

    text: str = field(repr=False)
    renew_at: float


def login_for(host: str) -> Login | None:
    """User and password for a registry, or None: from the mounted Secret, the environment, or the tools' file.

    Args:
        host: With its port.

    Raises:
        AuthError: when they are there and cannot be used; names the file.
    """
    in_secret = credential_file(_SECRET_KEY)
    if in_secret:
        return _in_file(Path(in_secret), host)
    username, password = credentials_together("REGISTRY_USERNAME", "REGISTRY_PASSWORD")
    if username:
        return Login(username, password)
    named = os.environ.get(_FILE_VARIABLE, "")
    file = Path(named or Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json")
    return _in_file(file, host) if named or file.is_file() else None


def challenge_of(headers: Iterable[str]) -> Challenge | None:
    """What the headers `WWW-Authenticate` of an answer ask for; a token goes before the password. None for others."""
    found = {}
    for header in headers:
        scheme, _, rest = header.strip().partition(" ")
        pairs = parse_keqv_list([pair for pair in parse_http_list(rest) if pair.partition("=")[2]])
        values: Mapping[str, str] = {key.lower(): value for key, value in pairs.items()}
        if scheme.lower() == "basic":
            found["basic"] = Challenge("basic")
        elif scheme.lower() == "bearer" and _is_url(values.get("realm", "")):
            found["bearer"] = Challenge("bearer", values["realm"], values.get("service", ""), values.get("scope", ""))
    return found.get("bearer") or found.get("basic")


def token_of(answer: Any, now: float) -> Token | None:
    """The token in a token server's answer, parsed from JSON; None when there is none.

    Args:
        answer: With `token` or `access_token`, and `expires_in` in seconds.
        now: When it was asked for, in seconds of any clock.
    """
    if not isinstance(answer, dict):
        return None
    text, seconds = answer.get("token") or answer.get("access_token"), answer.get("expires_in")
    if not isinstance(text, str) or any(not "!" <= letter <= "~" for letter in text):
        return None
    good = seconds if isinstance(seconds, int) and seconds > 0 else _USUAL_SECONDS
    return Token(text, now + good - _MARGIN_SECONDS)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        return False


def _in_file(file: Path, host: str) -> Login | None:
    """What a `config.json` of container tools has for a host."""
    try:
        entries = json.loads(file.read_text())["auths"]
        mine = [entry for key, entry in entries.items() if _is_of(key, host)]
    except KeyError:
        return None
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise AuthError(
            f"{file}: cannot be read as a configuration of container tools ({type(error).__name__})",
            remedy=CREDENTIALS,
        ) from None
    for entry in mine:
        if not isinstance(entry, dict):
            continue
        if entry.get("identitytoken"):
            raise AuthError(f"{file}: has an identity token for {host}, which is not taken", remedy=CREDENTIALS)
        username, password = entry.get("username"), entry.get("password")
        if isinstance(username, str) and isinstance(password, str) and username:
            return Login(username, password)
        if entry.get("auth"):
            return _decoded(str(entry["auth"]), file, host)
    return None


def _decoded(text: str, file: Path, host: str) -> Login:
    try:
        username, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        colon = ""
    if not colon:
        raise AuthError(f"{file}: auths[{host}].auth is not user:password in Base64", remedy=CREDENTIALS)
    return Login(username, password.strip("\0"))


def _is_of(key: str, host: str) -> bool:
    """Whether an entry is for a host: keys are hosts, or URLs as older tools wrote them."""
    named = key.partition("://")[2] or key
    named = named.partition("/")[0].lower()
    return named == host.lower() or (named in _DOCKER_HUB and host.lower() in _DOCKER_HUB)

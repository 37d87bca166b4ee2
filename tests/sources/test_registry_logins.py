"""A registry's tokens are fetched, kept as long as they are good, and got with the password that is meant for it."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from steps.cache import import_model
from steps.errors import AuthError, NetworkError, RateLimitedError, UnsupportedError
from steps.manifest import Manifest
from steps.sources import ResolveOptions, open_source
from steps.sources.artifact_login import Challenge, challenge_of, login_for, token_of
from tests.hub.faults import Fault
from tests.sources.artifact_harness import is_no_blob
from tests.sources.background import Background
from tests.sources.conformance import contents
from tests.sources.proxy import FaultyProxy
from tests.sources.registry_server import FILEPATH, PASSWORD, READER, Layer, Repository, basic, serve_registry
from tests.sources.registry_tokens import ISSUER, SERVICE, TokenServer

FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 1000}
NAME = "acme/model"
HOST = "registry.example:5000"


@dataclass
class Guarded:
    """A registry behind a token server, each with a proxy before it."""

    uri: str
    registry: FaultyProxy
    server: TokenServer
    tokens: FaultyProxy
    realm: str


@pytest.fixture(scope="module")
def running(background: Background, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder, server = tmp_path_factory.mktemp("registry"), TokenServer({READER: PASSWORD})
    server.write_keys(folder / "keys.json")
    with background.serving(server.handle) as direct_tokens:
        tokens = FaultyProxy(direct_tokens, is_api=lambda _: True)
        with background.serving(tokens.handle) as realm:
            auth = {
                "realm": f"{realm}/token", "service": SERVICE, "issuer": ISSUER,
                "jwks": str(folder / "keys.json"),
            }  # fmt: skip
            with serve_registry(folder, {"token": auth}) as direct:
                access = [{"type": "repository", "name": NAME, "actions": ["pull", "push"]}]
                pusher = Repository(direct, NAME, f"Bearer {server.signed(access)}")
                pusher.push([Layer(content, annotations={FILEPATH: path}) for path, content in FILES.items()], "v1")
                registry = FaultyProxy(direct, is_api=is_no_blob)
                with background.serving(registry.handle) as url:
                    yield Guarded(
                        f"oci://{urlsplit(url).netloc}/{NAME}:v1", registry, server, tokens, f"{realm}/token"
                    )
                    background.run(registry.close())
            background.run(tokens.close())


@pytest.fixture
def guarded(running: Guarded, monkeypatch: pytest.MonkeyPatch) -> Guarded:
    """The registry as at first, and the environment of one who may read it."""
    for name, value in (("OME_OCI_URI", "modelpack"), ("REGISTRY_USERNAME", READER), ("REGISTRY_PASSWORD", PASSWORD)):
        monkeypatch.setenv(name, value)
    running.server.expires_in, running.server.field_name = 300, "token"
    running.server.public.clear()
    running.server.given.clear()
    running.server.asked_by.clear()
    running.registry.faults.set(())
    running.registry.answer_first = running.tokens.answer_first = None
    running.tokens.faults.set(())
    return running


def resolve(uri: str) -> Manifest:
    return open_source(uri).resolve(ResolveOptions())


def test_a_token_is_fetched_with_the_password_and_kept(guarded: Guarded) -> None:
    source = open_source(guarded.uri)
    manifest = source.resolve(ResolveOptions())
    for file in manifest.files:
        assert source.read(file, 0, file.size) == FILES[file.path]
    assert guarded.server.given == [f"repository:{NAME}:pull"]
    assert guarded.server.asked_by == [basic(READER, PASSWORD)]


def test_an_import_fetches_a_token_of_its_own(guarded: Guarded) -> None:
    manifest = resolve(guarded.uri)
    assert contents(import_model(manifest, "model").path) == FILES
    assert guarded.server.given == [f"repository:{NAME}:pull"] * 2


@pytest.mark.parametrize("field", ["token", "access_token"])
def test_tokens_that_end_are_fetched_anew_before_the_next_request(guarded: Guarded, field: str) -> None:
    guarded.server.expires_in, guarded.server.field_name = 1, field
    source = open_source(guarded.uri)
    manifest = source.resolve(ResolveOptions())
    before = len(guarded.server.given)
    for file in manifest.files:
        assert source.read(file, 0, file.size) == FILES[file.path]
    assert len(guarded.server.given) >= before + len(manifest.files)
    assert contents(import_model(manifest, "model").path) == FILES


def test_a_token_that_the_registry_no_longer_takes_is_fetched_anew(guarded: Guarded) -> None:
    source = open_source(guarded.uri)
    manifest = source.resolve(ResolveOptions())
    refused: list[str] = []

    async def refuse_first(request: web.Request) -> web.Response | None:
        if refused:
            return None
        refused.append(request.headers["Authorization"])
        return web.Response(status=401, headers={"WWW-Authenticate": f'Bearer realm="{guarded.realm}"'})

    guarded.registry.answer_first = refuse_first
    assert source.resolve(ResolveOptions()) == manifest
    assert refused and len(guarded.server.given) == 2


def test_what_is_public_needs_no_password(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REGISTRY_USERNAME")
    with pytest.raises(AuthError, match="asks who we are") as caught:
        resolve(guarded.uri)
    assert "REGISTRY_PASSWORD" in caught.value.remedy
    guarded.server.public.add(NAME)
    assert contents(import_model(resolve(guarded.uri), "model").path) == FILES
    assert set(guarded.server.asked_by) == {""}


def test_a_wrong_password_is_told_by_the_token_server(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "test-password-of-nobody")
    with pytest.raises(AuthError, match="/token") as caught:
        resolve(guarded.uri)
    assert "HTTP 401" in caught.value.message
    assert "of-nobody" not in f"{caught.value.message}{caught.value.remedy}"


def test_a_token_server_that_fails_is_asked_again(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded.tokens.faults.set((Fault("status", status=503, times=2),))
    manifest = resolve(guarded.uri)
    guarded.tokens.faults.set((Fault("status", status=503, times=2),))
    assert contents(import_model(manifest, "model").path) == FILES
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "2")
    monkeypatch.setenv("OME_RATE_LIMIT_SECONDS", "1")
    for status, kind in ((500, NetworkError), (503, RateLimitedError), (429, RateLimitedError)):
        guarded.tokens.faults.set((Fault("status", status=status, times=0, retry_after=60),))
        with pytest.raises(kind, match=f"/token: .*HTTP {status}"):
            resolve(guarded.uri)


def test_an_answer_without_a_token_is_told(guarded: Guarded) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="<html>")

    guarded.tokens.answer_first = answer
    with pytest.raises(UnsupportedError, match="gave no token"):
        resolve(guarded.uri)


def test_challenges_are_read_in_all_their_forms() -> None:
    bearer = 'Bearer realm="https://auth.example/token?a=b",service="s, t",scope="repository:a/b:pull,push"'
    asked = Challenge("bearer", "https://auth.example/token?a=b", "s, t", "repository:a/b:pull,push")
    assert challenge_of([bearer]) == asked
    assert challenge_of(["Negotiate", 'Basic realm="x"', bearer.replace("Bearer", "BEARER")]) == asked
    assert challenge_of(['basic realm="x"']) == Challenge("basic")
    assert challenge_of(["Bearer", "Bearer realm=", 'Bearer service="s"', ""]) is None
    assert challenge_of(['Bearer realm="https://auth.example:port/token"', 'Bearer realm="/token"']) is None
    assert challenge_of([]) is None
    assert (
        Challenge("bearer", "https://a/t?b=c", "s, t").token_url("a/b")
        == "https://a/t?b=c&service=s%2C+t&scope=repository%3Aa%2Fb%3Apull"
    )


def test_a_password_is_not_sent_in_clear_for_a_registry_with_https() -> None:
    for realm in ("http://auth.example/token", "ftp://auth.example"):
        assert not Challenge("bearer", realm).keeps_secret("https://registry.example")
    assert Challenge("bearer", "http://auth.example/token").keeps_secret("http://registry.example:5000")
    assert Challenge("bearer", "HTTPS://auth.example/token").keeps_secret("https://registry.example")


def test_tokens_are_good_for_as_long_as_is_said() -> None:
    told = token_of({"token": "a.b", "expires_in": 300}, 1000.0)
    assert told is not None and 1000 < told.renew_at < 1300
    unsaid = token_of({"access_token": "a.b"}, 1000.0)
    assert unsaid is not None and unsaid.renew_at < 1060
    answers: list[object] = [{}, [], None, {"token": ""}, {"token": 1}, {"token": "a\nb"}]
    assert [token_of(answer, 0.0) for answer in answers] == [None] * len(answers)


@pytest.mark.parametrize(
    ("key", "host"),
    [
        (HOST, HOST),
        (f"https://{HOST}", HOST),
        (f"https://{HOST}/v2/", HOST),
        ("REGISTRY.example:5000", HOST),
        ("https://index.docker.io/v1/", "registry-1.docker.io"),
        ("docker.io", "registry-1.docker.io"),
    ],
)
def test_the_tools_file_is_read_as_they_write_it(
    key: str, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = base64.b64encode(f"{READER}:pass:word".encode()).decode()
    auths = {"registry.example": {"auth": "b3RoZXI6b3RoZXI="}, key: {"auth": told}}
    write(tmp_path / ".docker" / "config.json", auths)
    login = login_for(host)
    assert login is not None and (login.username, login.password) == (READER, "pass:word")
    assert login_for("elsewhere.example") is None
    write(tmp_path / "auth.json", {key: {"username": "other", "password": "p"}})
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    other = login_for(host)
    assert other is not None and other.username == "other"


def test_a_mounted_secret_goes_before_all_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_USERNAME", "of-the-machine")
    monkeypatch.setenv("REGISTRY_PASSWORD", "of-the-machine")
    write(tmp_path / "secret" / ".dockerconfigjson", {HOST: {"username": "of-the-secret", "password": "p"}})
    monkeypatch.setenv("OME_SOURCE_SECRET", str(tmp_path / "secret"))
    login = login_for(HOST)
    assert login is not None and login.username == "of-the-secret"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"auths": []}', "cannot be read"),
        (json.dumps({"auths": {HOST: {"auth": "?"}}}), "is not user:password"),
        (json.dumps({"auths": {HOST: {"auth": "bm9jb2xvbg=="}}}), "is not user:password"),
        (json.dumps({"auths": {HOST: {"identitytoken": "secret"}}}), "identity token"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(content: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / ".docker" / "config.json"
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(AuthError, match=told) as caught:
        login_for(HOST)
    assert str(file) in caught.value.message and "secret" not in caught.value.message.replace(str(file), "")


def test_nothing_is_said_where_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert login_for(HOST) is None
    write(tmp_path / ".docker" / "config.json", {HOST: {}})
    assert login_for(HOST) is None
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "nothing"))
    with pytest.raises(AuthError, match="nothing"):
        login_for(HOST)


def write(file: Path, auths: dict[str, dict[str, str]]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"auths": auths}))

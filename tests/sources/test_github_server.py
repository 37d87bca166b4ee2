"""The GitHub server is what it says: releases, pages of assets, redirects to a store that wants no token."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import pytest

from tests.sources.github_harness import TOKEN, WRONG_TOKEN, GithubHarness
from tests.sources.github_server import Asset, Release, Repository
from tests.sources.harness import SourceHarness

Answer = tuple[int, Message, bytes]
BYTES = "application/octet-stream"


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow no redirect."""


def get(url: str, **headers: str) -> Answer:
    """Status, headers and body, whatever the status; redirects are not followed."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.build_opener(_StayHere).open(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.fixture
def model(models: dict[str, Callable[[Path], SourceHarness]], tmp_path: Path) -> GithubHarness:
    """A private repository with an empty release v1.0."""
    model = models["github"](tmp_path)
    assert isinstance(model, GithubHarness)
    return model


def api(model: GithubHarness, path: str, token: str = TOKEN, **headers: str) -> Answer:
    repository = model.uri.removeprefix("github://").partition("@")[0]
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    return get(f"{model.environment['GITHUB_API_URL']}/repos/{repository}/{path}", **authorization, **headers)


def test_release_by_tag_and_latest(model: GithubHarness) -> None:
    model.put({"a.gguf": b"weights"})
    by_tag = json.loads(api(model, "releases/tags/v1.0")[2])
    assert [(a["name"], a["size"], a["state"]) for a in by_tag["assets"]] == [("a.gguf", 7, "uploaded")]
    assert by_tag["assets"][0]["digest"].startswith("sha256:")
    repository = model.repository
    repository.releases += [Release("v2.0"), Release("v3.0-rc1", is_prerelease=True), Release("v4.0", is_draft=True)]
    assert json.loads(api(model, "releases/latest")[2])["tag_name"] == "v2.0"
    assert api(model, "releases/tags/v4.0")[0] == 404
    assert api(model, f"releases/{by_tag['id']}")[0] == 200


def test_assets_come_in_pages(model: GithubHarness) -> None:
    model.put({f"{number:03}": b"x" for number in range(130)})
    release = json.loads(api(model, "releases/tags/v1.0")[2])
    _, headers, first = get(f"{release['assets_url']}?per_page=100", Authorization=f"Bearer {TOKEN}")
    following = headers["Link"].partition(">")[0].removeprefix("<")
    _, last, second = get(following, Authorization=f"Bearer {TOKEN}")
    assert [a["name"] for a in json.loads(first) + json.loads(second)] == [f"{number:03}" for number in range(130)]
    assert "Link" not in last
    assert len(json.loads(get(release["assets_url"], Authorization=f"Bearer {TOKEN}")[2])) == 30


def test_bytes_come_from_the_store_which_wants_no_token(model: GithubHarness) -> None:
    model.put({"a.gguf": b"0123456789"})
    asset = json.loads(api(model, "releases/tags/v1.0")[2])["assets"][0]
    assert json.loads(get(asset["url"], Authorization=f"Bearer {TOKEN}")[2])["name"] == "a.gguf"
    status, headers, _ = get(asset["url"], Authorization=f"Bearer {TOKEN}", Accept=BYTES)
    assert status == 302
    address = headers["Location"]
    part = get(address, Range="bytes=2-4")
    assert (part[0], part[2], part[1]["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert get(address, Authorization=f"Bearer {TOKEN}")[0] == 400
    assert model.server.leaked_tokens == 1
    assert get(address.replace("expires=", "expires=1"))[0] == 403
    model.change("a.gguf", b"9876543210")
    assert get(address)[0] == 404
    assert get(asset["url"], Authorization=f"Bearer {TOKEN}", Accept=BYTES)[0] == 404


def test_private_repository_is_hidden_and_a_wrong_token_refused(model: GithubHarness) -> None:
    model.put({"a.gguf": b"weights"})
    assert api(model, "releases/tags/v1.0", token="")[0] == 404
    assert api(model, "releases/tags/v1.0", token=WRONG_TOKEN)[0] == 401
    model.repository.is_private = False
    status, _, body = api(model, "releases/tags/v1.0", token="")
    assert status == 200
    assert get(json.loads(body)["assets"][0]["browser_download_url"])[0] == 302


def test_old_asset_has_no_digest(model: GithubHarness) -> None:
    model.repository.releases[0].put(Asset("old.gguf", b"old", has_digest=False))
    assert json.loads(api(model, "releases/tags/v1.0")[2])["assets"][0]["digest"] is None


def test_rate_limit_tells_when_it_ends(model: GithubHarness) -> None:
    model.set_faults(model.throttled(times=1, retry_after=60))
    status, headers, _ = api(model, "releases/latest")
    assert (status, headers["x-ratelimit-remaining"], headers["Retry-After"]) == (403, "0", None)
    assert int(headers["x-ratelimit-reset"]) > 0
    assert isinstance(model.repository, Repository)

"""A server of GitHub's REST API: the part about releases and their assets, and the store that assets come from.

Two origins. The API answers an asset asked for as `application/octet-stream` with a redirect to the second, as the
real one does, with a signed address that needs no token and ends after a while. A token that arrives at the second is
counted, and refused.
"""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from aiohttp import web

from tests.hub.ranges import RangeNotSatisfiableError, matches, parse_range

LARGEST_PAGE = 100
USUAL_PAGE = 30
ADDRESS_SECONDS = 300
_KEY = b"signs addresses of the test store"
_NUMBERS = itertools.count(1000)


@dataclass(frozen=True)
class Asset:
    """A file of a release; one that is uploaded again is another asset with another id.

    Attributes:
        name: Without slashes.
        content: Its bytes.
        has_digest: Whether GitHub tells its SHA-256: assets from before June 2025 have none.
        state: `uploaded`, or `starter` for an upload that broke off.
    """

    name: str
    content: bytes
    has_digest: bool = True
    state: str = "uploaded"
    number: int = field(default_factory=_NUMBERS.__next__)
    updated_at: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    @property
    def sha256(self) -> str:
        """Hex."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class Release:
    """A release of a repository; its assets by name."""

    tag: str
    is_draft: bool = False
    is_prerelease: bool = False
    assets: dict[str, Asset] = field(default_factory=dict)
    number: int = field(default_factory=_NUMBERS.__next__)

    def put(self, asset: Asset) -> None:
        """Upload an asset, in the place of one of the same name."""
        self.assets[asset.name] = asset


@dataclass
class Repository:
    """Releases, oldest first, and whether only those with a token may see them."""

    releases: list[Release] = field(default_factory=list)
    is_private: bool = False


class GithubServer:
    """Repositories by `owner/name`; `handle` is the API's handler, `handle_store` the second origin's.

    Args:
        tokens: Those that the API knows.

    Attributes:
        store_url: Where the second origin is reached; to be set before the first request.
        leaked_tokens: How many arrived at the second origin.
    """

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self.repositories: dict[str, Repository] = {}
        self.store_url = ""
        self.leaked_tokens = 0
        self._tokens = tokens

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request to the API."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if token and (scheme.lower() not in ("bearer", "token") or token not in self._tokens):
            return refusal(401, "Bad credentials")
        if "User-Agent" not in request.headers:
            return refusal(403, "Request forbidden by administrative rules: no User-Agent header")
        parts = [unquote(part) for part in request.raw_path.partition("?")[0].strip("/").split("/")]
        if parts[0] == "repos":
            return self._api(request, parts[1:], has_token=bool(token))
        if len(parts) == 6 and parts[2:4] == ["releases", "download"]:
            found = self._visible(parts, has_token=False)
            release = next((r for r in found.releases if r.tag == parts[4]), None) if found is not None else None
            asset = release.assets.get(parts[5]) if release is not None else None
            return self._redirect(asset) if asset is not None else refusal(404, "Not Found")
        return refusal(404, "Not Found")

    async def handle_store(self, request: web.Request) -> web.StreamResponse:
        """Answer one request to the store."""
        if "Authorization" in request.headers:
            self.leaked_tokens += 1
            return web.Response(status=400, text="Only one auth mechanism allowed")
        number, expires = request.path.strip("/"), request.query.get("expires", "")
        asset = next((a for a in self._assets() if str(a.number) == number), None)
        is_signed = hmac.compare_digest(request.query.get("signature", ""), _signature(number, expires))
        if not is_signed or not expires.isdigit() or int(expires) < time.time():
            return web.Response(status=403, text="AuthenticationFailed: the signed address has ended")
        return _content(request, asset) if asset is not None else web.Response(status=404, text="BlobNotFound")

    def _api(self, request: web.Request, parts: list[str], *, has_token: bool) -> web.StreamResponse:
        repository = self._visible(parts, has_token=has_token)
        if repository is None or parts[2:3] != ["releases"]:
            return refusal(404, "Not Found")
        published = [release for release in repository.releases if not release.is_draft]
        place = f"{request.url.origin()}/{parts[0]}/{parts[1]}"
        asked: Callable[[Release], bool] | None = None
        match parts[3:]:
            case ["latest"]:
                asked = lambda release: not release.is_prerelease  # noqa: E731 - one of three conditions
            case ["tags", *tag]:
                asked = lambda release: release.tag == "/".join(tag)  # noqa: E731
            case ["assets", number]:
                asset = next((a for r in published for a in r.assets.values() if str(a.number) == number), None)
                if asset is None:
                    return refusal(404, "Not Found")
                if "application/octet-stream" in request.headers.get("Accept", ""):
                    return self._redirect(asset)
                its_release = next(r for r in published if asset in r.assets.values())
                return web.json_response(_asset(asset, its_release, place))
            case [number, "assets"]:
                release = next((r for r in published if str(r.number) == number), None)
                return _page(request, release, place) if release is not None else refusal(404, "Not Found")
            case [number]:
                asked = lambda release: str(release.number) == number  # noqa: E731
        found = [release for release in published if asked is not None and asked(release)]
        return web.json_response(_release(found[-1], place)) if found else refusal(404, "Not Found")

    def _visible(self, parts: list[str], *, has_token: bool) -> Repository | None:
        repository = self.repositories.get("/".join(parts[:2]))
        return repository if repository is not None and (has_token or not repository.is_private) else None

    def _assets(self) -> list[Asset]:
        return [a for repo in self.repositories.values() for r in repo.releases for a in r.assets.values()]

    def _redirect(self, asset: Asset) -> web.Response:
        expires = str(int(time.time()) + ADDRESS_SECONDS)
        query = f"expires={expires}&signature={_signature(str(asset.number), expires)}"
        return web.Response(status=302, headers={"Location": f"{self.store_url}/{asset.number}?{query}"})


def refusal(status: int, message: str) -> web.Response:
    """An error as the API words it."""
    return web.json_response({"message": message, "documentation_url": "https://docs.github.com/rest"}, status=status)


def _release(release: Release, place: str) -> dict[str, object]:
    api = place.replace(place.split("/", 3)[3], f"repos/{place.split('/', 3)[3]}")
    return {
        "id": release.number, "tag_name": release.tag, "name": release.tag, "draft": release.is_draft,
        "prerelease": release.is_prerelease, "url": f"{api}/releases/{release.number}",
        "assets_url": f"{api}/releases/{release.number}/assets",
        "assets": [_asset(asset, release, place) for asset in release.assets.values()],
    }  # fmt: skip


def _asset(asset: Asset, release: Release, place: str) -> dict[str, object]:
    origin, name = place.rsplit("/", 2)[0], "/".join(place.rsplit("/", 2)[1:])
    return {
        "id": asset.number, "name": asset.name, "size": len(asset.content), "state": asset.state,
        "url": f"{origin}/repos/{name}/releases/assets/{asset.number}",
        "browser_download_url": f"{place}/releases/download/{quote(release.tag, safe='')}/{quote(asset.name)}",
        "digest": f"sha256:{asset.sha256}" if asset.has_digest else None,
        "content_type": "application/octet-stream", "updated_at": asset.updated_at, "created_at": asset.updated_at,
    }  # fmt: skip


def _page(request: web.Request, release: Release, place: str) -> web.Response:
    size = min(LARGEST_PAGE, int(request.query.get("per_page", USUAL_PAGE)))
    number = int(request.query.get("page", 1))
    assets = sorted(release.assets.values(), key=lambda asset: asset.number)
    rows = [_asset(asset, release, place) for asset in assets[(number - 1) * size : number * size]]
    answer = web.Response(text=json.dumps(rows), content_type="application/json")
    if number * size < len(assets):
        following = request.url.update_query(page=number + 1)
        answer.headers["Link"] = f'<{following}>; rel="next"'
    return answer


def _content(request: web.Request, asset: Asset) -> web.Response:
    size, etag = len(asset.content), f"0x{asset.sha256[:16].upper()}"
    headers = {"ETag": f'"{etag}"', "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    if not matches(request.headers.get("If-Match"), etag):
        return web.Response(status=412, headers=headers)
    try:
        asked = parse_range(request.headers.get("Range"), size)
    except RangeNotSatisfiableError:
        return web.Response(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    if asked is None:
        return web.Response(body=asset.content, headers=headers)
    headers["Content-Range"] = f"bytes {asked[0]}-{asked[1] - 1}/{size}"
    return web.Response(status=206, body=asset.content[slice(*asked)], headers=headers)


def _signature(number: str, expires: str) -> str:
    return hmac.digest(_KEY, f"{number} {expires}".encode(), "sha256").hex()

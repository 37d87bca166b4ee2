"""`github://owner/repository[@tag]`: the files attached to a release, through GitHub's REST API.

GITHUB_API_URL names another server (GitHub Enterprise), GITHUB_TOKEN gives access to private repositories and raises
the limits. A file that is replaced gets another id: a manifest's address can only give what it was resolved to.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from crds.storage import SOURCE_PARAMETERS
from crds.storage_uri import GithubUri
from steps.credentials import credential
from steps.errors import AuthError, NotFoundError, OmeError, UnsupportedError
from steps.manifest import FileEntry, Manifest
from steps.sources.http_answers import error_of, lost_in_redirects, origin_of, path_of, public_url
from steps.sources.listing import keep_files, manifest_without_revisions, refuse_revision
from steps.sources.patience import Patience, TransferSettings
from steps.sources.range_reader import RangeReader, unreachable
from steps.sources.source import NO_PARAMETERS, RemoteAddress, ResolveOptions

if TYPE_CHECKING:
    from httpx2 import Response

API = "https://api.github.com"
ASKED_BY = "GITHUB_API_URL"
CREDENTIALS = "Set GITHUB_TOKEN, or name a Secret with this key in spec.storage.key."
PAGE = 100
"""Files a page of a listing: the most that GitHub gives."""
_VERSION = {"X-GitHub-Api-Version": "2022-11-28"}


class GithubSource:
    """The files of one release."""

    def __init__(self, uri: GithubUri, parameters: Mapping[str, str] = NO_PARAMETERS) -> None:
        import httpx2

        self._uri = uri
        self._parameters = {key: parameters[key] for key in SOURCE_PARAMETERS if parameters.get(key)}
        self._settings = TransferSettings.from_environment()
        self._api = (parameters.get("endpoint") or credential(ASKED_BY) or API).rstrip("/")
        self._reader = RangeReader(self._settings)
        self._client = httpx2.Client(timeout=self._settings.stall_seconds, headers={"User-Agent": "ome-pipelines"})

    def resolve(self, options: ResolveOptions) -> Manifest:
        """List the files of the release that the tag names now."""
        refuse_revision(str(self._uri), "github", options)
        repository = f"/repos/{quote(self._uri.owner)}/{quote(self._uri.repository)}"
        tag = "latest" if self._uri.tag == "latest" else f"tags/{quote(self._uri.tag, safe='')}"
        release = self._content(self._ask(f"{self._api}{repository}/releases/{tag}"))
        rows: list[Any] = []
        page = f"{self._api}{repository}/releases/{release['id']}/assets?per_page={PAGE}"
        while page:
            answer = self._ask(page)
            rows += self._content(answer)
            page = answer.links.get("next", {}).get("url", "")
        listing = [self._entry(row) for row in rows if row.get("state", "uploaded") == "uploaded"]
        kept = keep_files(str(self._uri), listing, options)
        return manifest_without_revisions(str(self._uri), self._parameters, kept)

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """Bytes [start, end) of a file, retried as the settings say."""
        return self._reader.read(f"{self._uri} {file.path}", file, self.address(file), start, end, self._client)

    def address(self, file: FileEntry) -> RemoteAddress:
        """The file's address at the API, which sends on to where it is stored."""
        headers = {"Accept": "application/octet-stream", **_VERSION, **_authorization()}
        return RemoteAddress(
            url=self._api + path_of(file), headers=headers, credentials=CREDENTIALS, named_by=ASKED_BY
        )

    def _entry(self, row: Mapping[str, Any]) -> FileEntry:
        location = f"/repos/{quote(self._uri.owner)}/{quote(self._uri.repository)}/releases/assets/{int(row['id'])}"
        algorithm, _, digest = str(row.get("digest") or "").partition(":")
        path, size = str(row["name"]), int(row["size"])
        if algorithm == "sha256" and digest:
            return FileEntry(path=path, size=size, algorithm="sha256", digest=digest.lower(), location=location)
        name = json.dumps([str(self._uri), location, row.get("updated_at"), size], separators=(",", ":"))
        digest = hashlib.sha256(name.encode()).hexdigest()
        return FileEntry(path=path, size=size, algorithm="version", digest=digest, location=location)

    def _ask(self, url: str) -> "Response":
        """An answer of the API, retried where that can help."""
        patience = Patience(self._settings)
        while True:
            try:
                return self._ask_once(url)
            except OmeError as error:
                delay = patience.delay_after(error)
            time.sleep(delay)

    def _ask_once(self, url: str) -> "Response":
        import httpx2

        subject = str(self._uri)
        # A page's address is what an answer said: it may not take the token elsewhere.
        authorization = _authorization() if origin_of(url) == origin_of(self._api) else {}
        headers = {"Accept": "application/vnd.github+json", **_VERSION, **authorization}
        try:
            answer = self._client.get(url, headers=headers, follow_redirects=True)
        except httpx2.TransportError as error:
            raise unreachable(subject, self._api, error, ASKED_BY) from None
        except httpx2.TooManyRedirects:
            raise lost_in_redirects(subject, self._client.max_redirects, self._api, ASKED_BY) from None
        if answer.status_code == 404:
            hint = "" if authorization else f" For a private repository: {CREDENTIALS}"
            raise NotFoundError(
                f"{subject}: there is no such repository or release (HTTP 404)",
                remedy=f"Check owner, repository and tag; drafts cannot be read.{hint}",
            )
        if answer.status_code != 200:
            raise error_of(
                answer.status_code, answer.headers, subject, has_token=bool(authorization), credentials=CREDENTIALS
            )
        return answer

    def _content(self, answer: "Response") -> Any:
        try:
            return answer.json()
        except ValueError:
            raise UnsupportedError(
                f"{self._uri}: {public_url(self._api)} does not answer as GitHub does", remedy=f"Check {ASKED_BY}."
            ) from None


def _authorization() -> dict[str, str]:
    token = credential("GITHUB_TOKEN", "GH_TOKEN")
    if any(not "!" <= letter <= "~" for letter in token):
        raise AuthError("GITHUB_TOKEN has characters that no token has", remedy="Set it again, without blanks.")
    return {"Authorization": f"Bearer {token}"} if token else {}

"""`hf://org/name[@revision]`: models of the hub that HF_ENDPOINT names, with HF_TOKEN where one is needed.

The listing is huggingface_hub's; bytes are read here and by `steps.cache`, because huggingface_hub neither resumes
across processes nor checks digests. HF_ENDPOINT and HF_TOKEN are read at each call: a mirror can be changed at will.
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from crds.storage_uri import HubUri, StorageUriError, with_revision
from steps.errors import AuthError, InvalidInputError, OmeError, UnsupportedError
from steps.manifest import FileEntry, Manifest
from steps.sources.http_answers import error_of, lost_in_redirects, path_of, public_url
from steps.sources.listing import keep_files
from steps.sources.patience import Patience, TransferSettings
from steps.sources.range_reader import RangeReader, unreachable
from steps.sources.source import NO_PARAMETERS, RemoteAddress, ResolveOptions

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo, RepoFile

T = TypeVar("T")
CONNECT_SECONDS = 30.0
ASKED_BY = "HF_ENDPOINT"
"""The variable that names the hub."""


class HubSource:
    """One repository of the hub."""

    def __init__(self, uri: HubUri, parameters: Mapping[str, str] = NO_PARAMETERS) -> None:
        self._uri = uri
        self._settings = TransferSettings.from_environment()
        self._reader = RangeReader(self._settings)

    def resolve(self, options: ResolveOptions) -> Manifest:
        """List the repository at the commit that the revision names now."""
        from huggingface_hub import HfApi

        revision = _chosen_revision(self._uri, options.revision)
        endpoint, token = hub_endpoint(), hub_token()
        api = HfApi(endpoint=endpoint, token=token or False, library_name="ome-pipelines")
        subject = f"hf://{self._uri.repository}" + (f"@{revision}" if revision else "")
        info = self._ask(lambda: _info(api, self._uri.repository, revision), subject, endpoint)
        if info.sha is None:
            raise UnsupportedError(f"{subject}: the hub at {public_url(endpoint)} names no commit")
        commit = info.sha
        rows = self._ask(lambda: _tree(api, self._uri.repository, commit), subject, endpoint)
        kept = keep_files(subject, (self._entry(row, commit) for row in rows), options)
        manifest = Manifest(
            uri=str(self._uri),
            revision=commit,
            files=kept.files,
            left_out=kept.left_out,
            licence=_licence(info),
            is_gated=bool(info.gated),
        )
        if manifest.is_gated:
            self._check_access(manifest)
        return manifest

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """Bytes [start, end) of a file, retried as the settings say."""
        from huggingface_hub import get_session

        return self._reader.read(f"{self._uri} {file.path}", file, self.address(file), start, end, get_session())

    def address(self, file: FileEntry) -> RemoteAddress:
        """The file's address at the endpoint, with the token for that endpoint."""
        token = hub_token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return RemoteAddress(url=hub_endpoint() + path_of(file), headers=headers, etag=file.digest, named_by=ASKED_BY)

    def _check_access(self, manifest: Manifest) -> None:
        """Read one byte: a gated repository is listed for everyone, so only a read tells whether it is open to us."""
        with_bytes = [file for file in manifest.files if file.size > 0]
        if with_bytes:
            self.read(min(with_bytes, key=lambda file: file.size), 0, 1)

    def _entry(self, row: "RepoFile", commit: str) -> FileEntry:
        if row.size < 0:
            raise UnsupportedError(f"{self._uri} {row.path}: the hub says that it has {row.size} bytes")
        location = f"/{quote(self._uri.repository)}/resolve/{commit}/{quote(row.path)}"
        if row.lfs is not None:
            return FileEntry(
                path=row.path, size=row.lfs.size, algorithm="sha256", digest=row.lfs.sha256, location=location
            )
        return FileEntry(path=row.path, size=row.size, algorithm="git-sha1", digest=row.blob_id, location=location)

    def _ask(self, call: Callable[[], T], subject: str, endpoint: str) -> T:
        """Call the hub's client, with its failures as classed errors, retried where that can help."""
        patience = Patience(self._settings)
        while True:
            try:
                return call()
            except Exception as error:  # noqa: BLE001 - classed below, or raised again
                known = _classed(error, subject, endpoint)
                if known is None:
                    raise
                delay = _delay(patience, known)
            time.sleep(delay)


def hub_endpoint() -> str:
    """The hub's address, without a slash at the end."""
    given = os.environ.get("HF_ENDPOINT", "")
    if not given:
        from huggingface_hub import constants

        given = constants.ENDPOINT
    return given.rstrip("/")


def hub_token() -> str:
    """The token for the hub, or "": HF_TOKEN, or the file that `hf auth login` writes.

    The file is found as huggingface_hub finds it; its own function is not used because its import costs a step more
    than the step's own start.

    Raises:
        AuthError: when it cannot be a token.
    """
    token = (os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN") or "").strip()
    place = "HF_TOKEN"
    if not token:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = Path(os.environ.get("HF_HOME") or cache / "huggingface")
        file = Path(os.environ.get("HF_TOKEN_PATH") or folder / "token").expanduser()
        try:
            token, place = file.read_text().strip(), str(file)
        except (OSError, UnicodeDecodeError):
            return ""
    if any(not "!" <= letter <= "~" for letter in token):
        raise AuthError(f"{place} has characters that no token has", remedy="Set it again, without quotes or spaces.")
    return token


def _chosen_revision(uri: HubUri, parameter: str) -> str:
    """The URI's revision or the parameter's; "" for the default branch."""
    if not parameter:
        return uri.revision
    try:
        return with_revision(uri, parameter).revision
    except StorageUriError as error:
        remedy = f"Accepted: {error.accepted}." if error.accepted else ""
        raise InvalidInputError(f'revision "{parameter}": {error.message}', remedy=remedy) from None


def _info(api: "HfApi", repository: str, revision: str) -> "ModelInfo":
    return api.model_info(repository, revision=revision or None, timeout=CONNECT_SECONDS)


def _tree(api: "HfApi", repository: str, commit: str) -> "list[RepoFile]":
    from huggingface_hub.hf_api import RepoFile

    rows = api.list_repo_tree(repository, recursive=True, revision=commit)
    return [row for row in rows if isinstance(row, RepoFile)]


def _licence(info: "ModelInfo") -> str:
    card = info.card_data
    licence = card.get("license") if card is not None else None
    if isinstance(licence, list):
        licence = licence[0] if licence else None
    if not licence:
        licence = next((tag.removeprefix("license:") for tag in info.tags or [] if tag.startswith("license:")), "")
    return str(licence or "")


def _classed(error: Exception, subject: str, endpoint: str) -> OmeError | None:
    """The classed error of what huggingface_hub raises, or None for what it does not."""
    import httpx2
    from huggingface_hub import get_session
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if isinstance(error, HfHubHTTPError):
        return error_of(error.response.status_code, error.response.headers, subject, has_token=bool(hub_token()))
    if isinstance(error, OfflineModeIsEnabled):
        return UnsupportedError(f"{subject}: HF_HUB_OFFLINE forbids asking the hub", remedy="Unset HF_HUB_OFFLINE.")
    if isinstance(error, HFValidationError):
        return InvalidInputError(f"{subject}: the hub has no such names: {error}")
    if isinstance(error, httpx2.TransportError):
        return unreachable(subject, endpoint, error, ASKED_BY)
    if isinstance(error, httpx2.TooManyRedirects):
        return lost_in_redirects(subject, get_session().max_redirects, endpoint, ASKED_BY)
    if isinstance(error, (ValueError, KeyError)):
        return UnsupportedError(
            f"{subject}: {public_url(endpoint)} does not answer as a hub does ({type(error).__name__})",
            remedy="Check HF_ENDPOINT.",
        )
    return None


def _delay(patience: Patience, error: OmeError) -> float:
    try:
        return patience.delay_after(error)
    except OmeError as final:
        raise final from None

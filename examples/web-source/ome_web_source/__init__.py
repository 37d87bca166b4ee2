"""`x-web://host[:port]/folder`: a model in a folder of a web server, with a file SHA256SUMS that lists it.

An example of a source of another package: the class has the methods of `steps.sources.Source`, and `pyproject.toml`
names it. Lists and sizes are read here; the bytes of files are fetched, hashed and resumed by ome-pipelines.
"""

import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import quote

import httpx2

from crds.storage_uri import PluggedUri
from steps.credentials import credential
from steps.errors import InvalidInputError, OmeError, UnsupportedError
from steps.manifest import FileEntry, Manifest
from steps.sources import RemoteAddress, ResolveOptions
from steps.sources.http_answers import error_of, path_of
from steps.sources.listing import keep_files, manifest_without_revisions, refuse_revision
from steps.sources.paths import check_path
from steps.sources.patience import Patience, TransferSettings
from steps.sources.range_reader import RangeReader, unreachable

LIST: Final = "SHA256SUMS"
CREDENTIALS: Final = "Set WEB_SOURCE_TOKEN; on a cluster name a Secret with the key token in spec.storage.key."
_HOST = re.compile(r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?(:[0-9]{1,5})?", re.ASCII)
_THIS_MACHINE = re.compile(r"(localhost|127(\.[0-9]{1,3}){3})(:[0-9]+)?")
_LINE = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.+)")
_ESCAPED: Final = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


class WebSource:
    """The files that SHA256SUMS names.

    Args:
        uri: Host, and the folder's path as it is written, without percent-encoding.
        parameters: None is read.

    Raises:
        InvalidInputError: when it names no host, or a folder that could be another one.
    """

    def __init__(self, uri: PluggedUri, parameters: Mapping[str, str]) -> None:
        host, _, folder = uri.rest.partition("/")
        parts = folder.strip("/").split("/")
        if not _HOST.fullmatch(host) or any(part in (".", "..") for part in parts):
            raise InvalidInputError(
                f'storageUri: "{uri}" names no folder of a web server',
                remedy="Accepted: x-web://<host>[:<port>]/<folder>.",
            )
        scheme = "http" if _THIS_MACHINE.fullmatch(host) else "https"
        self._uri = uri
        self._server = f"{scheme}://{host}"
        self._folder = "".join(f"/{quote(part, safe='')}" for part in parts if part)
        self._settings = TransferSettings.from_environment()
        self._reader = RangeReader(self._settings)
        self._client = httpx2.Client(timeout=self._settings.stall_seconds)

    def resolve(self, options: ResolveOptions) -> Manifest:
        """Read the list, and ask the server how long each file is."""
        refuse_revision(str(self._uri), self._uri.scheme, options)
        digests = self._digests(self._ask("GET", f"{self._folder}/{LIST}").text)
        with ThreadPoolExecutor(self._settings.connections) as pool:
            listing = list(pool.map(self._entry, digests.items()))
        return manifest_without_revisions(str(self._uri), {}, keep_files(str(self._uri), listing, options))

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """Bytes [start, end) of a file, retried as the settings say."""
        return self._reader.read(f"{self._uri} {file.path}", file, self.address(file), start, end, self._client)

    def address(self, file: FileEntry) -> RemoteAddress:
        """The file's URL, with the token."""
        return RemoteAddress(self._server + path_of(file), headers=_authorization(), credentials=CREDENTIALS)

    def _digests(self, text: str) -> dict[str, str]:
        """SHA-256 by path; names with a backslash or a line's end are escaped as sha256sum does it."""
        found = {}
        for number, line in enumerate(text.splitlines(), 1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise UnsupportedError(
                    f"{self._uri}: line {number} of {LIST} is no line of sha256sum",
                    remedy=f"Write it anew: `sha256sum * > {LIST}` in the model's folder.",
                )
            escaped, digest, path = match.groups()
            if escaped:
                path = re.sub(r"\\.", lambda pair: _ESCAPED.get(pair[0], pair[0]), path)
            check_path(path)
            found[path] = digest
        return found

    def _entry(self, listed: tuple[str, str]) -> FileEntry:
        path, digest = listed
        location = f"{self._folder}/{quote(path)}"
        length = self._ask("HEAD", location).headers.get("Content-Length", "")
        if not length.isdigit():
            raise UnsupportedError(
                f"{self._uri} {path}: the server does not say how long it is",
                remedy="Serve the folder as files, with Content-Length and ranges.",
            )
        return FileEntry(path=path, size=int(length), algorithm="sha256", digest=digest, location=location)

    def _ask(self, method: str, path: str) -> httpx2.Response:
        """An answer that is a success, asked for again where that can help."""
        patience = Patience(self._settings)
        while True:
            try:
                return self._ask_once(method, path)
            except OmeError as error:
                delay = patience.delay_after(error)
            time.sleep(delay)

    def _ask_once(self, method: str, path: str) -> httpx2.Response:
        headers = {**_authorization(), "Accept-Encoding": "identity"}
        try:
            answer = self._client.request(method, self._server + path, headers=headers)
        except httpx2.TransportError as error:
            raise unreachable(str(self._uri), self._server, error, "") from None
        if answer.status_code != 200:
            subject = f"{self._uri}: {path.removeprefix(self._folder + '/')}"
            raise error_of(
                answer.status_code,
                answer.headers,
                subject,
                has_token="Authorization" in headers,
                credentials=CREDENTIALS,
            )
        return answer


def _authorization() -> dict[str, str]:
    token = credential("token", "WEB_SOURCE_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}

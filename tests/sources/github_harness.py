"""`github://` for the suite: a release of the GitHub server, with a proxy before each of its two origins.

The proxies share faults and ledger. A file's bytes are asked of the API by the asset's id, and sent by the store, so
the target of a file is the store's, and it changes when the file is uploaded again.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from steps.errors import IntegrityError, NotFoundError
from tests.hub.faults import Fault
from tests.sources.background import Background
from tests.sources.github_server import Asset, GithubServer, Release, Repository
from tests.sources.harness import PlainHarness, SourceHarness
from tests.sources.proxy import FaultyProxy, patience

TOKEN = "ghp_reader"
WRONG_TOKEN = "ghp_wrong"


class GithubHarness(PlainHarness):
    """One release of one repository.

    Args:
        server: Both origins.
        api: The proxy before the API; faults and ledger are also the store's.
        url: Of that proxy.
        repository: `owner/name`.
    """

    name = "github"
    capabilities = frozenset(
        {
            "credentials",
            "digests",
            "faults",
            "listing rewrite",
            "pinned reads",
            "redirects",
            "removals",
            "throttling",
            "waiting times",
            "whole answers",
            "wire faults",
        }
    )
    credential_words = ("GITHUB_TOKEN",)
    secrets = (TOKEN, WRONG_TOKEN)
    many = 250
    changed_error = (IntegrityError, NotFoundError)

    def __init__(self, server: GithubServer, api: FaultyProxy, url: str, repository: str) -> None:
        super().__init__()
        self.server = server
        self._proxy = api
        self._name = repository
        self._release = Release("v1.0")
        self.environment = {"GITHUB_API_URL": url, "GITHUB_TOKEN": TOKEN}
        self.ledger = api.ledger
        self.repository = server.repositories[repository] = Repository([self._release], is_private=True)
        api.rewrite = None
        api.whole.clear()
        api.faults.set(())
        api.ledger.clear()

    @classmethod
    @contextmanager
    def serve(cls, background: Background, folder: Path) -> Iterator[Callable[[Path], SourceHarness]]:
        """One server; a repository for each test."""
        numbers = itertools.count()
        server = GithubServer((TOKEN,))
        with background.serving(server.handle) as api, background.serving(server.handle_store) as store:
            before_api = FaultyProxy(api, is_api=lambda _: True, refuse=_refusal)
            before_store = FaultyProxy(store, is_api=_is_nothing, beside=before_api)
            with background.serving(before_api.handle) as url, background.serving(before_store.handle) as store_url:
                server.store_url = store_url
                yield lambda _: cls(server, before_api, url, f"acme/model-{next(numbers)}")
                background.run(before_api.close())
                background.run(before_store.close())

    @property
    def uri(self) -> str:
        """The release's."""
        return f"github://{self._name}@{self._release.tag}"

    @property
    def missing_uri(self) -> str:
        """Of a repository that nobody made."""
        return "github://acme/nobody-made-this"

    def put(self, files: Mapping[str, bytes]) -> None:
        """Upload assets; one that is there is replaced by another asset of its name."""
        for name, content in files.items():
            self._release.put(Asset(name, content))
            self._proxy.whole[self.target(name)] = content

    def put_old(self, path: str, content: bytes) -> None:
        """Upload an asset as of the years when GitHub told no digests."""
        self._release.put(Asset(path, content, has_digest=False))
        self._proxy.whole[self.target(path)] = content

    def remove(self, path: str) -> None:
        """Delete the asset."""
        del self._release.assets[path]

    def list_as(self, path: str, shown: str) -> None:
        """Rewrite the release."""
        old, new = f'"name": {json.dumps(path)}'.encode(), f'"name": {json.dumps(shown)}'.encode()
        self._proxy.rewrite = lambda _, body: body.replace(old, new)

    def deny(self) -> Mapping[str, str]:
        """A token that GitHub does not know."""
        return {"GITHUB_TOKEN": WRONG_TOKEN}

    def target(self, path: str) -> str:
        """The asset's number, by which the store knows it."""
        return str(self._release.assets[path].number)

    @property
    def listing(self) -> str:
        """Releases and pages of their assets."""
        return "api/repos/*"

    def throttled(self, *, times: int, retry_after: int, path: str = "*") -> Fault:
        """HTTP 403 with no requests left until a moment."""
        return Fault("status", path=path, status=403, code="rate limit", retry_after=retry_after, times=times)

    def set_faults(self, *faults: Fault) -> None:
        """Those of both proxies."""
        self._proxy.faults.set(faults)


def _is_nothing(_: web.Request) -> bool:
    return False


def _refusal(fault: Fault) -> tuple[Mapping[str, str], bytes]:
    """An error as GitHub words it; its main rate limit tells when it ends, and has no Retry-After."""
    headers = {"Content-Type": "application/json"}
    if fault.code != "rate limit":
        return headers | patience(fault), json.dumps({"message": f"fault: {fault.status}"}).encode()
    ends = str(int(time.time()) + max(0, fault.retry_after))
    limits = {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": ends}
    return headers | limits, json.dumps({"message": "API rate limit exceeded"}).encode()

"""`oci://` as artifacts for the suite: a tag in a container registry, with a proxy before it.

A change pushes another artifact under the same tag; the registry keeps the one before, which a manifest names by its
digest. What is removed is deleted as a blob too.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from tests.hub.faults import Fault
from tests.sources.background import Background
from tests.sources.harness import PlainHarness, SourceHarness
from tests.sources.proxy import FaultyProxy, patience
from tests.sources.registry_server import FILEPATH, PASSWORD, READER, Layer, Repository, digest_of, serve_registry

TAG = "v1"
WRONG_PASSWORD = "test-password-of-nobody"


class ArtifactHarness(PlainHarness):
    """One tag of one repository.

    Args:
        direct: URL of the registry.
        proxy: Before it.
        url: Of the proxy.
        name: Of the repository.
    """

    name = "artifact"
    capabilities = frozenset(
        {
            "credentials", "digests", "faults", "folders", "keeps old revisions", "listing rewrite", "pinned reads",
            "removals", "throttling", "waiting times", "whole answers", "wire faults",
        }
    )  # fmt: skip
    credential_words = ("REGISTRY_PASSWORD", "spec.storage.key")
    secrets = (PASSWORD, WRONG_PASSWORD)
    many = 150

    def __init__(self, direct: str, proxy: FaultyProxy, url: str, name: str) -> None:
        super().__init__()
        self.host = urlsplit(url).netloc
        self.repository = Repository(direct, name)
        self.proxy = proxy
        self.ledger = proxy.ledger
        self.environment = {"OME_OCI_URI": "modelpack", "REGISTRY_USERNAME": READER, "REGISTRY_PASSWORD": PASSWORD}
        self._files: dict[str, bytes] = {}
        self._shown: dict[str, str] = {}
        proxy.answer_first = proxy.rewrite = None
        proxy.whole.clear()
        proxy.faults.set(())
        proxy.ledger.clear()

    @classmethod
    @contextmanager
    def serve(cls, background: Background, folder: Path) -> Iterator[Callable[[Path], SourceHarness]]:
        """One registry; a repository for each test."""
        numbers = itertools.count()
        with serve_registry(folder) as direct:
            proxy = FaultyProxy(direct, is_api=is_no_blob, refuse=registry_refusal)
            with background.serving(proxy.handle) as url:
                yield lambda _: cls(direct, proxy, url, f"acme/model-{next(numbers)}")
                background.run(proxy.close())

    @property
    def uri(self) -> str:
        """The tag's."""
        return f"oci://{self.host}/{self.repository.name}:{TAG}"

    @property
    def missing_uri(self) -> str:
        """In a repository that nobody made."""
        return f"oci://{self.host}/acme/nobody-made-this:{TAG}"

    def put(self, files: Mapping[str, bytes]) -> None:
        """Push an artifact with these files beside those that are there."""
        self._files |= files
        self._push()
        for path, content in files.items():
            self.proxy.whole[self.target(path)] = content

    def remove(self, path: str) -> None:
        """Push an artifact without the file, and delete its blob."""
        content = self._files.pop(path)
        self._push()
        if content not in self._files.values():
            self.repository.delete_blob(digest_of(content))

    def list_as(self, path: str, shown: str) -> None:
        """Push an artifact that calls the file so."""
        self._shown[path] = shown
        self._push()

    def deny(self) -> Mapping[str, str]:
        """A password that is not the reader's."""
        return {"REGISTRY_PASSWORD": WRONG_PASSWORD}

    def target(self, path: str) -> str:
        """The blob, by its digest."""
        return f"v2/{self.repository.name}/blobs/{digest_of(self._files[path])}"

    @property
    def listing(self) -> str:
        """Requests for manifests."""
        return "api/v2/*/manifests/*"

    def set_faults(self, *faults: Fault) -> None:
        """Those of the proxy."""
        self.proxy.faults.set(faults)

    def _push(self) -> None:
        shown = {path: self._shown.get(path, path) for path in self._files}
        layers = [Layer(content, annotations={FILEPATH: shown[path]}) for path, content in self._files.items()]
        self.repository.push(layers, TAG)


def is_no_blob(request: web.Request) -> bool:
    """Whether a request is no read of a blob."""
    return request.method != "GET" or "/blobs/" not in request.path


def registry_refusal(fault: Fault) -> tuple[Mapping[str, str], bytes]:
    """An error as registries word it."""
    code = fault.code or {429: "TOOMANYREQUESTS", 403: "DENIED"}.get(fault.status, "UNKNOWN")
    body = {"errors": [{"code": code, "message": f"fault: {fault.status}"}]}
    return {"Content-Type": "application/json", **patience(fault)}, json.dumps(body).encode()

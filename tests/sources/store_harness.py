"""What the harnesses of all object stores have in common: keys under a prefix, a proxy before the server, and uploads.

A store brings its way to put, delete and refuse; a large file is put in parts, as its users' tools do.
"""

import itertools
import json
from abc import abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.hub.faults import Fault
from tests.sources.harness import Capability, PlainHarness
from tests.sources.proxy import FaultyProxy

PART_BYTES = 5 << 20
UPLOADS = 4
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Store:
    """A store that runs: one bucket of it serves all tests, each with a prefix of its own.

    Attributes:
        bucket: Its name.
        direct: URL of the server.
        url: URL of the proxy before it.
        proxy: The proxy.
    """

    bucket: str
    direct: str
    url: str
    proxy: FaultyProxy


class StoreHarness(PlainHarness):
    """One prefix of a bucket."""

    capabilities: frozenset[Capability] = frozenset(
        {
            "credentials", "digests", "faults", "folder markers", "folders", "listing rewrite", "neighbours", "parts",
            "pinned reads", "removals", "throttling", "wire faults",
        }
    )  # fmt: skip

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.ledger = store.proxy.ledger
        self.prefix = f"models/acme {next(_NUMBERS)}+x"
        store.proxy.rewrite = None
        store.proxy.whole.clear()
        store.proxy.faults.set(())
        self.ledger.clear()

    @abstractmethod
    def put_key(self, key: str, content: bytes) -> None:
        """Store an object in one piece."""

    @abstractmethod
    def put_parts(self, key: str, parts: list[bytes]) -> None:
        """Store an object in parts."""

    @abstractmethod
    def delete_key(self, key: str) -> None:
        """Delete an object."""

    def put(self, files: Mapping[str, bytes]) -> None:
        """Upload files, several at once."""
        self._put_all({f"{self.prefix}/{path}": content for path, content in files.items()})

    def put_beside(self, files: Mapping[str, bytes]) -> None:
        """Upload files under a prefix that begins as this one."""
        self._put_all({f"{self.prefix}-other/{path}": content for path, content in files.items()})

    def remove(self, path: str) -> None:
        """Delete the object."""
        self.delete_key(f"{self.prefix}/{path}")

    def list_as(self, path: str, shown: str) -> None:
        """Rewrite listings in XML and in JSON."""

        def rewrite(_: str, body: bytes) -> bytes:
            worded = _in_json if body.startswith((b"{", b"[")) else escape
            return body.replace(worded(path).encode(), worded(shown).encode())

        self.store.proxy.rewrite = rewrite

    def target(self, path: str) -> str:
        """The key behind the bucket, as path-style addresses have it."""
        return f"{self.store.bucket}/{self.prefix}/{path}"

    def set_faults(self, *faults: Fault) -> None:
        """Those of the proxy."""
        self.store.proxy.faults.set(faults)

    def _put_all(self, objects: Mapping[str, bytes]) -> None:
        for key, content in objects.items():
            self.store.proxy.whole[self.target(key.removeprefix(f"{self.prefix}/"))] = content
        with ThreadPoolExecutor(UPLOADS) as pool:
            list(pool.map(self._put_one, objects, objects.values()))

    def _put_one(self, key: str, content: bytes) -> None:
        if len(content) <= PART_BYTES:
            self.put_key(key, content)
        else:
            self.put_parts(key, [content[at : at + PART_BYTES] for at in range(0, len(content), PART_BYTES)])


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]

"""`hf://` for the suite: a repository of the test hub, whose own faults and ledger are used.

A proxy stands before the API alone: the hub lists folders, which cannot hold every hostile name.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub, running_hub
from tests.hub.repository import LFS_SIZE, LFS_SUFFIXES
from tests.hub.server import HubOptions
from tests.sources.background import Background
from tests.sources.harness import PlainHarness, SourceHarness
from tests.sources.proxy import FaultyProxy


class HubHarness(PlainHarness):
    """One repository.

    Args:
        hub: The running hub.
        proxy: Stands before it.
        url: Of the proxy.
        repository: Its name.
    """

    name = "hub"
    capabilities = frozenset(
        {
            "credentials", "digests", "faults", "folders", "listing rewrite", "redirects", "throttling",
            "waiting times", "whole answers",
        }
    )  # fmt: skip
    credential_words = ("HF_TOKEN",)
    secrets = ("hf_wrong",)

    def __init__(self, hub: RunningHub, proxy: FaultyProxy, url: str, repository: str) -> None:
        super().__init__()
        self._hub = hub
        self._proxy = proxy
        self._repository = repository
        self._long: set[str] = set()
        self.environment = {"HF_ENDPOINT": url}
        self.ledger = hub.ledger
        hub.add(repository, {}, settings="{}")

    @classmethod
    @contextmanager
    def serve(cls, background: Background, folder: Path) -> Iterator[Callable[[Path], SourceHarness]]:
        """One hub; a repository for each test."""
        numbers = itertools.count()
        with running_hub(HubOptions(folder, page_size=500)) as hub:
            proxy = FaultyProxy(hub.url, is_api=_is_api)
            with background.serving(proxy.handle) as url:

                def model(_: Path) -> SourceHarness:
                    hub.set_faults()
                    hub.ledger.clear()
                    proxy.rewrite = None
                    return cls(hub, proxy, url, f"acme/model-{next(numbers)}")

                yield model
                background.run(proxy.close())

    @property
    def uri(self) -> str:
        """The repository's."""
        return f"hf://{self._repository}"

    @property
    def missing_uri(self) -> str:
        """Of a repository that nobody made."""
        return "hf://acme/nobody-made-this"

    def put(self, files: Mapping[str, bytes]) -> None:
        """Commit files: each is a new one on the disk."""
        for path, content in files.items():
            (self._hub.folder / self._repository / path).unlink(missing_ok=True)
            if Path(path).suffix in LFS_SUFFIXES or len(content) >= LFS_SIZE:
                self._long.add(path)
        self._hub.add(self._repository, files)

    def remove(self, path: str) -> None:
        """Commit without it."""
        (self._hub.folder / self._repository / path).unlink()

    def list_as(self, path: str, shown: str) -> None:
        """Rewrite the tree."""
        old, new = json.dumps(path).encode(), json.dumps(shown).encode()
        self._proxy.rewrite = lambda _, body: body.replace(old, new)

    def deny(self) -> Mapping[str, str]:
        """A token that the hub does not know."""
        return {"HF_TOKEN": "hf_wrong"}

    def target(self, path: str) -> str:
        """As the hub names them: those of the second origin begin with `lfs/`."""
        return f"{'lfs/' if path in self._long else ''}{self._repository}/{path}"

    def set_faults(self, *faults: Fault) -> None:
        """Those of the hub."""
        self._hub.set_faults(*faults)


def _is_api(request: web.Request) -> bool:
    return request.path.startswith("/api/")

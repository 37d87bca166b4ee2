"""What the conformance suite needs of a source's surroundings: a server it can fill, change, break and count.

One class for each source; `harnesses.py` lists them. A test gets a fresh model of its own from `open`, so that one
server serves the whole session.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

from steps.errors import IntegrityError, OmeError
from tests.hub.faults import Fault
from tests.hub.ledger import Ledger

Capability = Literal[
    "credentials",
    "digests",
    "faults",
    "folders",
    "folder markers",
    "keeps old revisions",
    "listing rewrite",
    "neighbours",
    "parts",
    "pinned reads",
    "redirects",
    "removals",
    "throttling",
    "waiting times",
    "whole answers",
    "wire faults",
]
"""What a source has, beyond what each has.

`credentials`: it can refuse them. `digests`: it says digests of its files. `faults`: requests can be counted and made
to fail. `folders`: file names may have slashes and any characters. `folder markers`: objects that stand for folders.
`keeps old revisions`: what was replaced can still be read. `listing rewrite`: a listing can be made to lie.
`neighbours`: models lie beside each other under prefixes of one place. `parts`: large files are kept in parts.
`pinned reads`: a read of a file that has changed since it was resolved is refused, not only its import. `redirects`:
its client follows them. `removals`: what was resolved can be gone. `throttling`: it can say that it is asked too
often. `waiting times`: and how long to wait. `whole answers`: its client takes a whole file where it asked for a
range. `wire faults`: an answer can have another length than was asked for.
"""


class SourceHarness(Protocol):
    """One model at one source, and what a test can do to it."""

    @property
    def name(self) -> str:
        """The source's, as in the names of tests."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What there is of it."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables under which the source is used."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """`spec.storage.parameters` under which it is used."""

    @property
    def credential_words(self) -> tuple[str, ...]:
        """One of them must be in the remedy when access is refused."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must be in no message."""

    @property
    def many(self) -> int:
        """How many files are more than one page of a listing."""

    @property
    def ledger(self) -> Ledger:
        """What was asked for and sent, by target."""

    @property
    def changed_error(self) -> tuple[type[OmeError], ...]:
        """What a file that was replaced since it was resolved ends in."""

    @property
    def uri(self) -> str:
        """The model's storage URI."""

    @property
    def missing_uri(self) -> str:
        """A URI of a place (a bucket, a repository, a folder) that is not there."""

    def put(self, files: Mapping[str, bytes]) -> None:
        """Add files to the model, or replace them."""

    def put_beside(self, files: Mapping[str, bytes]) -> None:
        """Add files to another model, whose place has the name of this one and a few more letters."""

    def change(self, path: str, content: bytes) -> None:
        """Replace a file."""

    def remove(self, path: str) -> None:
        """Remove a file."""

    def list_as(self, path: str, shown: str) -> None:
        """Show a file of the model under another name in listings, whatever the name."""

    def deny(self) -> Mapping[str, str]:
        """Have the source refuse us; returns what must be set in the environment for it."""

    def allow(self) -> None:
        """Undo what `deny` did at the server."""

    def target(self, path: str) -> str:
        """What the ledger calls the requests for a file's bytes, and a pattern for faults."""

    @property
    def listing(self) -> str:
        """A pattern for faults of the requests that list."""

    def throttled(self, *, times: int, retry_after: int, path: str = "*") -> Fault:
        """How this source says that it is asked too often."""

    def set_faults(self, *faults: Fault) -> None:
        """Replace all faults."""


class LacksCapabilityError(Exception):
    """A test asks a harness for what its source has not: `sources_with` must name the capability."""


class PlainHarness(ABC):
    """Defaults for a harness: no capabilities, nothing in the environment."""

    name: str = ""
    capabilities: frozenset[Capability] = frozenset()
    environment: Mapping[str, str] = {}
    parameters: Mapping[str, str] = {}
    credential_words: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    many: int = 1200
    changed_error: tuple[type[OmeError], ...] = (IntegrityError,)

    def __init__(self) -> None:
        self.ledger: Ledger = Ledger()

    def change(self, path: str, content: bytes) -> None:
        """Replace a file."""
        self.put({path: content})

    @abstractmethod
    def put(self, files: Mapping[str, bytes]) -> None:
        """Add files to the model, or replace them."""

    def put_beside(self, files: Mapping[str, bytes]) -> None:
        """Needs `neighbours`."""
        raise self._lacks("neighbours")

    def list_as(self, path: str, shown: str) -> None:
        """Needs `listing rewrite`."""
        raise self._lacks("listing rewrite")

    def deny(self) -> Mapping[str, str]:
        """Needs `credentials`."""
        raise self._lacks("credentials")

    def allow(self) -> None:  # noqa: B027 - what nothing was done to needs nothing undone
        """Nothing was done at the server."""

    def target(self, path: str) -> str:
        """The path itself."""
        return path

    @property
    def listing(self) -> str:
        """Requests that the proxy calls so."""
        return "api/*"

    def throttled(self, *, times: int, retry_after: int, path: str = "*") -> Fault:
        """HTTP 429."""
        return Fault("status", path=path, status=429, retry_after=retry_after, times=times)

    def set_faults(self, *faults: Fault) -> None:
        """Needs `faults`."""
        raise self._lacks("faults")

    def _lacks(self, capability: Capability) -> LacksCapabilityError:
        return LacksCapabilityError(
            f'{self.name}: a test asks for "{capability}", which is not among its capabilities'
        )


class LocalHarness(PlainHarness):
    """`local://`: a folder.

    Args:
        folder: Empty, for this test alone.
    """

    name = "local"
    capabilities = frozenset({"folders", "neighbours", "removals"})

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder / "model"

    @classmethod
    @contextmanager
    def serve(cls, background: object, folder: Path) -> Iterator[Callable[[Path], SourceHarness]]:
        """Nothing to run."""
        yield cls

    @property
    def uri(self) -> str:
        """The folder's."""
        return f"local://{self._folder}"

    @property
    def missing_uri(self) -> str:
        """Of a folder that nobody made."""
        return f"local://{self._folder}/nowhere"

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write files; each is a new one, as when a model is copied there again."""
        _write(self._folder, files)

    def put_beside(self, files: Mapping[str, bytes]) -> None:
        """Write files to a folder beside."""
        _write(self._folder.with_name("model-other"), files)

    def remove(self, path: str) -> None:
        """Unlink it."""
        (self._folder / path).unlink()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_bytes(content)

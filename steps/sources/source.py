"""What every source can do: resolve a URI to a manifest, read a range of a file, and say where its bytes are.

`open_source(manifest.uri)` gives one; `read(file, start, end)` then reads bytes [start, end) of a manifest's file. It
is synchronous, keeps connections alive and may be called from several threads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from steps.errors import InvalidInputError
from steps.manifest import FileEntry, Manifest

if TYPE_CHECKING:
    from obstore.store import ObjectStore


NO_PARAMETERS: Mapping[str, str] = {}


@dataclass(frozen=True)
class ResolveOptions:
    """What the user asks of a resolve beside the URI.

    Attributes:
        revision: A branch, tag or commit; "" for the URI's own or the source's default.
        allow_patterns: Keep only files that match one of these; () keeps all but the default left-outs.
        ignore_patterns: Leave out files that match one of these.
    """

    revision: str = ""
    allow_patterns: tuple[str, ...] = ()
    ignore_patterns: tuple[str, ...] = ()


@dataclass(frozen=True)
class LocalAddress:
    """Bytes in a file on this machine."""

    path: Path


@dataclass(frozen=True)
class RemoteAddress:
    """Bytes behind HTTP ranges.

    Attributes:
        url: May redirect to another origin.
        headers: Sent to the URL's own origin only, and never logged: they hold the token.
        etag: What the source calls these bytes, without quotes, where the manifest knows it; another one means that
            the file has changed.
        credentials: How to give credentials: ends the message where the source refuses; "" for the hub's.
        named_by: The variable that names another server than the source's own; "" for none.
        renew: Gives the address anew, where its URL or headers are good for minutes only; asked before each request,
            from any thread.
    """

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    etag: str = ""
    credentials: str = ""
    named_by: str = ""
    renew: "Callable[[], RemoteAddress] | None" = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class StoredAddress:
    """Bytes of an object that a store's own client reads.

    Attributes:
        store: The client, opened with its credentials.
        key: The object's.
        etag: The store's name for these bytes, as it sends it; "" when it has none.
        credentials: How to give credentials: ends the message where the store refuses.
    """

    store: "ObjectStore" = field(repr=False)
    key: str
    etag: str
    credentials: str


Address = LocalAddress | RemoteAddress | StoredAddress


class Source(Protocol):
    """A place that models come from, opened for one storage URI."""

    def resolve(self, options: ResolveOptions) -> Manifest:
        """Pin the URI to a manifest of one immutable revision.

        Raises:
            OmeError: of the class that fits, with a remedy.
        """

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """Bytes [start, end) of a manifest's file; fewer when the file ends before. Thread-safe.

        Raises:
            OmeError: of the class that fits, with a remedy.
        """

    def address(self, file: FileEntry) -> Address:
        """Where the bytes of a manifest's file are, with what access to them needs."""


def read_range(source: Source, file: FileEntry, start: int, end: int) -> bytes:
    """Bytes [start, end) of a file through its source, cut to the file's size.

    Raises:
        InvalidInputError: when the range is not one.
        OmeError: of the class that fits, from the source.
    """
    if not 0 <= start <= end:
        raise InvalidInputError(f"{file.path}: bytes {start} to {end} are not a range")
    end = min(end, file.size)
    return source.read(file, start, end) if start < end else b""

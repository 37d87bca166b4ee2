"""Reads an OCI image layout from a tar or a folder: names and sizes first, and nothing is ever unpacked to a path.

Only the layout's own files and folders may be in it: a link, a device, a second member of a name, a name outside the
layout and a size that the file cannot have are refused before anything of it is used. Called by `bundle_import`.
"""

import os
import re
import stat
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol, cast

from steps.cache.bundle_format import BLOBS, COPY_AGAIN, INDEX_FILE, LAYOUT_FILE
from steps.errors import IntegrityError, InvalidInputError, NotFoundError

_BLOCK: Final = 512
_FOLDERS: Final = frozenset({"", "blobs", BLOBS})
_FILE: Final = re.compile(rf"{LAYOUT_FILE}|{re.escape(INDEX_FILE)}|{BLOBS}/[0-9a-f]{{64}}")
_LARGEST_EXTENSION: Final = 1 << 16
_HARMLESS: Final = re.compile(rb"(mtime|atime|ctime|uid|gid|uname|gname|comment)=[^\n]*\n")
_REPACK: Final = "Give a file that `ome bundle export` made, or the folder it was unpacked to."


class Layout(Protocol):
    """An opened layout."""

    def size(self, name: str) -> int:
        """Bytes of a file.

        Raises:
            IntegrityError: when it is not there.
        """

    def open(self, name: str) -> BinaryIO:
        """A stream that stands at the file's first byte; only `size(name)` bytes of it are the file's."""


class _Place(NamedTuple):
    offset: int
    size: int


@contextmanager
def open_layout(bundle: Path) -> Iterator[Layout]:
    """The layout in a tar or a folder.

    Raises:
        NotFoundError: when there is nothing.
        InvalidInputError: when it cannot be read, or is not what a bundle may be.
        IntegrityError: when it is damaged or cut off.
    """
    with ExitStack() as stack:
        try:
            if bundle.is_dir():
                layout: Layout = _FolderLayout(bundle)
            else:
                layout = _TarLayout(bundle, stack.enter_context(bundle.open("rb")))
        except FileNotFoundError:
            raise NotFoundError(f"{bundle}: does not exist") from None
        except PermissionError as error:
            raise InvalidInputError(f"{bundle}: cannot be read ({error.strerror})") from None
        yield layout


class _FolderLayout:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def size(self, name: str) -> int:
        try:
            found = (self._folder / name).lstat()
        except FileNotFoundError:
            raise _missing(self._folder, name) from None
        if not stat.S_ISREG(found.st_mode):
            raise InvalidInputError(f"{self._folder}: {name} is not a regular file", remedy=_REPACK)
        return found.st_size

    def open(self, name: str) -> BinaryIO:
        descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        return cast(BinaryIO, os.fdopen(descriptor, "rb", buffering=0))


class _TarLayout:
    def __init__(self, bundle: Path, stream: BinaryIO) -> None:
        self._bundle = bundle
        if not stream.seekable():
            raise InvalidInputError(f"{bundle}: is not a file", remedy="Write the bundle to a file first.")
        self._places = _index_tar(bundle, stream)

    def size(self, name: str) -> int:
        if name not in self._places:
            raise _missing(self._bundle, name)
        return self._places[name].size

    def open(self, name: str) -> BinaryIO:
        opened = self._bundle.open("rb", buffering=0)
        opened.seek(self._places[name].offset)
        return cast(BinaryIO, opened)


def _index_tar(bundle: Path, stream: BinaryIO) -> dict[str, _Place]:
    """Where each file of a tar begins, by reading headers only."""
    size = stream.seek(0, 2)
    places: dict[str, _Place] = {}
    position = 0
    while True:
        stream.seek(position)
        header = stream.read(_BLOCK)
        if len(header) < _BLOCK:
            raise IntegrityError(f"{bundle}: ends at byte {size}, in the middle", remedy=COPY_AGAIN)
        if not any(header):
            return places
        try:
            member = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        except (tarfile.TarError, UnicodeDecodeError, ValueError) as error:
            where = "is no tar" if position == 0 else f"at byte {position}: is no header of a tar"
            raise IntegrityError(f"{bundle}: {where} ({error})", remedy=COPY_AGAIN) from None
        begin = position + _BLOCK
        if not 0 <= member.size <= size - begin:
            raise IntegrityError(
                f"{bundle}: at byte {position}: {member.name} is said to have {member.size} bytes, "
                f"and {size - begin} are left",
                remedy=COPY_AGAIN,
            )
        name = _checked_name(bundle, member, stream)
        if name in places:
            raise InvalidInputError(f"{bundle}: at byte {position}: a second member {name}", remedy=_REPACK)
        if name:
            places[name] = _Place(begin, member.size)
        position = begin + -(-member.size // _BLOCK) * _BLOCK


def _checked_name(bundle: Path, member: tarfile.TarInfo, stream: BinaryIO) -> str:
    """A file's place in the layout; "" for what holds no bytes of it.

    Raises:
        InvalidInputError: when it is none.
    """
    if member.type in (tarfile.XHDTYPE, tarfile.XGLTYPE):
        content = stream.read(member.size) if member.size <= _LARGEST_EXTENSION else b"?"
        if all(_HARMLESS.fullmatch(line.partition(b" ")[2]) for line in content.splitlines(keepends=True)):
            return ""
        raise InvalidInputError(f"{bundle}: an extended header changes names or sizes", remedy=_REPACK)
    name = member.name.removeprefix("./").rstrip("/")
    if member.isdir() and (name in _FOLDERS or name == ".") and member.size == 0:
        return ""
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or not _FILE.fullmatch(name):
        kind = "a file" if member.isreg() else "a folder" if member.isdir() else "a link or a special file"
        raise InvalidInputError(f"{bundle}: holds {member.name!r:.200}, {kind} of no OCI layout", remedy=_REPACK)
    return name


def _missing(bundle: Path, name: str) -> IntegrityError:
    return IntegrityError(f"{bundle}: {name} is missing", remedy=COPY_AGAIN)

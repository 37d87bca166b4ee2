"""What loading a file would run, by its content alone: nothing is loaded.

Called by `steps.cache.safety` once all objects are there. `steps.cache.pickle_reading` finds what pickles import,
this looks for pickles in files and in the archives that loaders open (PyTorch's zip since 1.6, tar before 0.1.10,
compressed files, NumPy's arrays), and picklescan's list says which of it is dangerous. picklescan does not read the
files itself: it holds every opcode with its argument in memory, and passes what is damaged, or nested.
"""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from steps.cache.pickle_reading import UNKNOWN, GlobalName, read_pickles
from steps.cache.safety import may_hold_pickles

DEEPEST: Final = 4
"""Archives in archives that are followed."""
_HEAD: Final = 512
_LONGEST_HEADER: Final = 1 << 20
_NUMPY: Final = b"\x93NUMPY"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_SEVEN_ZIP: Final = b"7z\xbc\xaf\x27\x1c"
_COMPRESSED: Final[dict[bytes, Callable[[BinaryIO], object]]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
_ALSO_DANGEROUS: Final = {
    "builtins": {"__import__", "globals", "locals", "vars", "setattr", "delattr"},
    "importlib": {"*"},
    "imp": {"*"},
    "multiprocessing": {"*"},
    "code": {"*"},
    "zipimport": {"*"},
}
"""What picklescan 1.0 takes for merely unknown: each runs code, or gets hold of what does."""
_NESTED_CLASS: Final = re.compile(r"[A-Z]\w*(\.[A-Z]\w*)+")
_DAMAGE: Final = (
    OSError, EOFError, ValueError, RuntimeError, OverflowError, LookupError,
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
)  # fmt: skip


@dataclass(frozen=True)
class Danger:
    """Something that loading a file would do, or that keeps us from knowing.

    Attributes:
        where: The file, and the member of an archive, as `model.bin: archive/data.pkl`.
        what: The end of a sentence about it.
    """

    where: str
    what: str

    def __str__(self) -> str:
        """As one clause."""
        return f"{self.where} {self.what}"


def dangers_of(path: Path, name: str) -> tuple[Danger, ...]:
    """What is dangerous in a file, by its content; `name` is what messages call it."""
    with path.open("rb") as stream:
        return tuple(dict.fromkeys(_dangers(stream, name, 0)))


def _dangers(stream: BinaryIO, where: str, depth: int) -> Iterator[Danger]:
    """Read the stream as each thing that a loader might take it for."""
    head = stream.read(_HEAD)
    stream.seek(0)
    yield from _pickle_dangers(stream, where)
    if head.startswith(_NUMPY):
        yield from _numpy_dangers(stream, head, where)
    if head.startswith(_SEVEN_ZIP):
        yield Danger(where, "is a 7z archive, which is not looked into")
        return
    try:
        for member, opened in _members(stream, head):
            if depth == DEEPEST:
                yield Danger(where, f"has more than {DEEPEST} archives in one another")
                return
            with opened:
                yield from _dangers(opened, f"{where}: {member}" if member else where, depth + 1)
    except _DAMAGE as error:
        yield Danger(where, f"cannot be read ({error or type(error).__name__})")


def _pickle_dangers(stream: BinaryIO, where: str) -> Iterator[Danger]:
    try:
        found = read_pickles(stream)
    except _DAMAGE as error:
        yield Danger(where, f"cannot be read ({error or type(error).__name__})")
        return
    for each in sorted(dangerous(found.globals)):
        if UNKNOWN in (each.module, each.name):
            yield Danger(where, "would use something whose name it computes")
        else:
            yield Danger(where, f"would use {each.module}.{each.name}")
    if found.problem:
        yield Danger(where, f"is a pickle that cannot be read to its end: it {found.problem}")


def _numpy_dangers(stream: BinaryIO, head: bytes, where: str) -> Iterator[Danger]:
    """An array of objects is a pickle behind a header, whose length follows the version."""
    length_bytes = 2 if head[6:7] == b"\x01" else 4
    stream.seek(8 + length_bytes + int.from_bytes(head[8 : 8 + length_bytes], "little"))
    yield from _pickle_dangers(stream, where)


def _members(stream: BinaryIO, head: bytes) -> Iterator[tuple[str, BinaryIO]]:
    """What an archive or a compressed file holds, opened one after another; members that cannot be pickles left out.

    Raises:
        OSError, ValueError and others of `_DAMAGE`: when the archive is damaged.
    """
    for magic, opener in _COMPRESSED.items():
        if head.startswith(magic):
            stream.seek(0)
            yield "", cast(BinaryIO, opener(stream))
    stream.seek(0)
    if zipfile.is_zipfile(stream) or head.startswith(_ZIP):
        stream.seek(0)
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if not info.is_dir() and _is_suspect(info.filename, archive, info):
                    yield info.filename, cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, archive.open(info))))
    elif _is_tar(head):
        stream.seek(0)
        with tarfile.open(fileobj=cast(BinaryIO, _Bounded(stream)), mode="r:") as old:
            for member in old:
                if member.isfile() and (content := old.extractfile(member)) is not None:
                    yield member.name, cast(BinaryIO, content)


def _is_suspect(name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether a member is a pickle or an archive by its name or its first bytes; tensors are not read."""
    if may_hold_pickles(name):
        return True
    with archive.open(info) as opened:
        head = opened.read(len(_SEVEN_ZIP))
    is_pickle = len(head) > 2 and head[0] == 0x80 and head[1] <= 5
    return is_pickle or head.startswith((_NUMPY, _SEVEN_ZIP, *_ZIP))


class _Bounded:
    """A stream that reads little at once: tarfile takes the whole of a long name or header into memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= _LONGEST_HEADER:
            raise ValueError(f"a header of {count} bytes")
        return self._stream.read(count)


def _is_tar(head: bytes) -> bool:
    """Whether the first block is a tar header: by its checksum, as the oldest have no magic."""
    try:
        tarfile.TarInfo.frombuf(head, tarfile.ENCODING, "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def dangerous(names: Iterable[GlobalName]) -> frozenset[GlobalName]:
    """Those of the globals that run code or reach what does.

    By picklescan's list, under the names of Python 2 and 3, and whatever reaches through an attribute: a method, or a
    module that another one imports.
    """
    found = frozenset(names)
    if not found:
        return found
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    judged: dict[GlobalName, set[GlobalName]] = {}
    for each in found:
        renamed = GlobalName(*NAME_MAPPING.get(each, (IMPORT_MAPPING.get(each.module, each.module), each.name)))
        judged[each] = {each, renamed}
    bad = _by_picklescan(frozenset().union(*judged.values()))
    return frozenset(each for each, spellings in judged.items() if any(s in bad or _is_ours(s) for s in spellings))


def _is_ours(each: GlobalName) -> bool:
    also = _ALSO_DANGEROUS.get(each.module) or _ALSO_DANGEROUS.get(each.module.partition(".")[0], set()) & {"*"}
    is_reaching = "." in each.name and not _NESTED_CLASS.fullmatch(each.name)
    return is_reaching or UNKNOWN in each or "*" in also or each.name in also


def _by_picklescan(names: frozenset[GlobalName]) -> frozenset[GlobalName]:
    """What picklescan says of a pickle made of nothing but these globals, which it takes apart and never loads."""
    import logging

    from picklescan.scanner import SafetyLevel, scan_pickle_bytes  # type: ignore[import-untyped]  # has no types

    logging.getLogger("picklescan").setLevel(logging.CRITICAL + 1)  # it would print what the error says
    content = b"\x80\x04" + b"".join(_text(e.module) + _text(e.name) + b"\x930" for e in sorted(names)) + b"N."
    result = scan_pickle_bytes(io.BytesIO(content), "globals")
    if result.scan_err or len(result.globals) != len(names):
        return names
    return frozenset(GlobalName(g.module, g.name) for g in result.globals if g.safety is SafetyLevel.Dangerous)


def _text(text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return b"X" + len(content).to_bytes(4, "little") + content

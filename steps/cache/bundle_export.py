"""Writes a model of this machine to one file, or to a folder, that another machine can import: see `bundle_format`.

Called by `ome bundle export`. Every byte is hashed while it is written: a damaged object never leaves. The bundle
appears by one rename, see `bundle_target`.
"""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from steps.cache.admission import gibibytes
from steps.cache.bundle_format import INDEX_FILE, LAYOUT, LAYOUT_FILE, Blob, Contents, Documents, make_documents
from steps.cache.bundle_target import hold_target
from steps.cache.claims import claim
from steps.cache.root import models_root
from steps.cache.store import ObjectStore, new_hasher
from steps.errors import DiskFullError, IntegrityError, NotFoundError
from steps.manifest import FileEntry, Manifest

OnProgress = Callable[[str, int, int], None]
"""Told of a phase, and how many bytes of how many it has done."""
_CHUNK: Final = 4 << 20
_BLOCK: Final = 512


@dataclass(frozen=True)
class Exported:
    """A bundle that was written.

    Attributes:
        path: Where it is.
        size: Its bytes, in a file with the tar's own.
        digest: The sha256 (hex) of its `index.json`, which names all else in it.
    """

    path: Path
    size: int
    digest: str


@dataclass(frozen=True)
class _Plan:
    store: ObjectStore
    manifest: Manifest
    blobs: dict[str, Blob]
    documents: Documents
    on_progress: OnProgress


class _Writer(Protocol):
    written: int

    def add(self, name: str, size: int, copy: Callable[[BinaryIO], None]) -> None:
        """Write one file of the layout; `copy` writes exactly `size` bytes."""


def export_bundle(
    name: str, manifest: Manifest, target: Path, *, is_folder: bool, on_progress: OnProgress
) -> Exported:
    """Write a model whose objects are in the store.

    Args:
        name: What the model is called in the bundle.
        manifest: Its files.
        target: The file or folder to be; nothing may be there.
        is_folder: Whether to write an unpacked layout.
        on_progress: Told of bytes hashed and written.

    Raises:
        IntegrityError: when an object is not what its name says; nothing is at `target` then.
        InvalidInputError: when `target` exists, cannot be made, or is being made by another export.
        NotFoundError: when an object is gone.
        DiskFullError: with the numbers.
    """
    store = ObjectStore(models_root())
    with ExitStack() as stack:
        partial = stack.enter_context(hold_target(target))
        with store.locked():
            stack.enter_context(claim(store, manifest.files))
        blobs = _blobs(store, manifest, on_progress)
        documents = make_documents(Contents(name, manifest, blobs))
        _check_room(target.parent, _total(documents, blobs))
        plan = _Plan(store, manifest, blobs, documents, on_progress)
        written = _write_folder(plan, partial) if is_folder else _write_file(plan, partial)
    return Exported(target, written, hashlib.sha256(documents.index).hexdigest())


def _blobs(store: ObjectStore, manifest: Manifest, on_progress: OnProgress) -> dict[str, Blob]:
    """The blob of each file; what has no sha256 is read once to get one."""
    unknown = {f.digest: f for f in manifest.files if f.algorithm != "sha256"}
    total, done = sum(f.size for f in unknown.values()), 0
    found: dict[str, str] = {}
    for file in unknown.values():
        own, sha256 = new_hasher(file), hashlib.sha256()
        with _opened(store, file) as stream:
            while chunk := stream.read(_CHUNK):
                own.update(chunk)
                sha256.update(chunk)
                done += len(chunk)
                on_progress("hashing", min(done, total), total)
        _check(store, file, own.hexdigest(), file.digest)
        if recorded := store.content(file):
            _check(store, file, sha256.hexdigest(), recorded)
        found[file.digest] = sha256.hexdigest()
    return {f.path: Blob(found.get(f.digest, f.digest), f.size) for f in manifest.files}


def _write_layout(writer: _Writer, plan: _Plan) -> None:
    """Write everything in its order: what describes first, then each blob once, in the order of paths."""
    blobs, documents = plan.blobs, plan.documents
    total = sum(size for _, size in {(b.digest, b.size) for b in blobs.values()})
    done = 0
    writer.add(LAYOUT_FILE, len(LAYOUT), lambda out: _put(out, LAYOUT))
    writer.add(INDEX_FILE, len(documents.index), lambda out: _put(out, documents.index))
    for blob, content in documents.blobs:
        writer.add(blob.path, blob.size, lambda out, content=content: _put(out, content))  # type: ignore[misc]
    known = {blob.digest for blob, _ in documents.blobs}
    for file in plan.manifest.files:
        blob = blobs[file.path]
        if blob.digest in known:
            continue
        known.add(blob.digest)

        def copy(out: BinaryIO, file: FileEntry = file, blob: Blob = blob) -> None:
            nonlocal done
            hasher, left = hashlib.sha256(), file.size
            with _opened(plan.store, file) as stream:
                while left and (chunk := stream.read(min(_CHUNK, left))):
                    hasher.update(chunk)
                    _put(out, chunk)
                    left -= len(chunk)
                    done += len(chunk)
                    plan.on_progress("writing", done, total)
            _check(plan.store, file, hasher.hexdigest(), blob.digest)

        writer.add(blob.path, blob.size, copy)


class _TarWriter:
    """Members with neither owner nor time, so that the same model makes the same bytes."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self.written = out, 0

    def add(self, name: str, size: int, copy: Callable[[BinaryIO], None]) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o644
        _put(self._out, member.tobuf(tarfile.GNU_FORMAT))
        copy(self._out)
        padding = -size % _BLOCK
        _put(self._out, bytes(padding))
        self.written += _BLOCK + size + padding

    def finish(self) -> None:
        _put(self._out, bytes(2 * _BLOCK))
        self.written += 2 * _BLOCK


class _FolderWriter:
    def __init__(self, folder: Path) -> None:
        self._folder, self.written = folder, 0

    def add(self, name: str, size: int, copy: Callable[[BinaryIO], None]) -> None:
        place = self._folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as out:
            copy(out)
            out.flush()
            os.fsync(out.fileno())
        self.written += size


def _write_file(plan: _Plan, partial: Path) -> int:
    with partial.open("xb") as out:
        writer = _TarWriter(out)
        _write_layout(writer, plan)
        writer.finish()
        out.flush()
        os.fsync(out.fileno())
    return writer.written


def _write_folder(plan: _Plan, partial: Path) -> int:
    partial.mkdir()
    writer = _FolderWriter(partial)
    _write_layout(writer, plan)
    return writer.written


def _opened(store: ObjectStore, file: FileEntry) -> BinaryIO:
    try:
        return store.path(file).open("rb")
    except FileNotFoundError:
        raise NotFoundError(f"{file.path}: its object is not in the store", remedy="Import the model again.") from None


def _check(store: ObjectStore, file: FileEntry, digest: str, expected: str) -> None:
    if digest != expected:
        raise IntegrityError(
            f"{file.path}: {store.path(file)} is damaged: it has the digest {digest}, expected {expected}",
            remedy="Delete the model with `ome delete model`, import it again, then export it.",
        )


def _total(documents: Documents, blobs: dict[str, Blob]) -> int:
    return len(documents.index) + sum(b.size for b, _ in documents.blobs) + sum(b.size for b in set(blobs.values()))


def _check_room(folder: Path, needs: int) -> None:
    free = shutil.disk_usage(folder).free
    if needs > free:
        raise DiskFullError(
            f"{folder}: needs {gibibytes(needs)}, free {gibibytes(free)}", remedy="Free space, or name another disk."
        )


def _put(out: BinaryIO, content: bytes) -> None:
    out.write(content)

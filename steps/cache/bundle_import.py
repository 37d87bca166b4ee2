"""Brings a bundle's model into the store and its folder: see `bundle_format`, `bundle_layout`.

Called by `ome bundle import`. Every blob is hashed while it is copied, by its own digest and by the one that our
manifest has; objects that are there are not copied again, so a killed import goes on where it was, file by file. The
folder appears by one rename, as after any import; a half-copied file is a leftover that collection removes.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crds.pickle_policy import UnsafePickles
from steps.cache.bundle_format import (
    COPY_AGAIN,
    INDEX_FILE,
    LARGEST_DOCUMENT,
    LAYOUT_FILE,
    Blob,
    Contents,
    check_version,
    find_artifact,
    find_manifest,
    read_contents,
)
from steps.cache.bundle_layout import Layout, open_layout
from steps.cache.claims import Claimed, claim
from steps.cache.collection import make_room, missing_bytes
from steps.cache.earlier import forget_older, kept_revisions, note_earlier
from steps.cache.folder import publish, refuse_foreign, use_if_warm
from steps.cache.importing import Imported
from steps.cache.pending import forget_pending, note_pending
from steps.cache.root import model_folder, models_root
from steps.cache.safety import refuse_unsafe
from steps.cache.signature import SignaturePolicy, refuse_unsigned
from steps.cache.store import ObjectStore, new_hasher
from steps.cache.writing import write_object
from steps.errors import IntegrityError, InvalidInputError
from steps.home import checked_name
from steps.manifest import FileEntry, Manifest
from steps.model_owner import default_folder, model_owner

OnProgress = Callable[[str, int, int], None]
_CHUNK: Final = 4 << 20


@dataclass(frozen=True)
class BundleImport:
    """A model that came from a bundle.

    Attributes:
        name: What it is called here.
        manifest: Its files, as the source had them.
        imported: Its folder, and what was copied.
    """

    name: str
    manifest: Manifest
    imported: Imported


def import_bundle(
    bundle: Path,
    name: str = "",
    path: str = "",
    *,
    digest: str = "",
    unsafe_pickles: UnsafePickles = "refuse",
    signature: SignaturePolicy | None = None,
    on_progress: OnProgress,
) -> BundleImport:
    """Bring a bundle's model to this machine, verified, in one folder.

    Args:
        bundle: A file or a folder that `ome bundle export` wrote.
        name: The model's name; "" for the one it was exported by.
        path: Its folder; must lie under the models root.
        digest: What `ome bundle export` said, as `sha256:` and hex: a bundle that somebody else made is refused.
        unsafe_pickles: Whether it may have pickles that run code when they are loaded.
        signature: Who must have signed it; None for nobody.
        on_progress: Told of bytes copied.

    Raises:
        IntegrityError: when anything differs from its digest, or is missing; says where.
        InvalidInputError: when the bundle has what none may have, the folder is not free, or a setting is wrong.
        UnsafeError: for dangerous pickles.
        SignatureError: when it is not signed as it must be.
        DiskFullError: with the numbers.
    """
    with open_layout(bundle) as layout:
        contents = _contents(layout, bundle, digest)
        if not (name or contents.name):
            raise InvalidInputError(f"{bundle}: does not say the model's name", remedy="Give --name.")
        name = checked_name("--name" if name else "name", name or contents.name)
        root, owner = models_root(), model_owner("ClusterBaseModel", "", name)
        folder = model_folder(root, name, path or str(default_folder(root, owner)))
        kept_revisions()  # a setting that is none is told before a byte is copied
        refuse_foreign(folder)
        manifest = contents.manifest
        store = ObjectStore(root)
        if use_if_warm(store.root, folder, manifest, str(owner)):
            refuse_unsafe(manifest, unsafe_pickles, lambda file: folder / file.path)
            refuse_unsigned(manifest, signature, store, lambda file: folder / file.path)
            return BundleImport(name, manifest, Imported(folder, 0, manifest.total_bytes))
        with ExitStack() as stack:
            with store.locked():
                missing = store.missing(manifest.files)
                own = frozenset(Claimed(f.algorithm, f.digest, f.size) for f in manifest.files)
                needs = sum(missing_bytes(store, Claimed(f.algorithm, f.digest, f.size)) for f in missing)
                evicted = make_room(store, needs, own)
                stack.enter_context(claim(store, manifest.files))
                note_pending(store, folder, missing)
            copied = _copy_all(store, layout, bundle, missing, contents.blobs, on_progress)
            refuse_unsafe(manifest, unsafe_pickles, store.path)
            refuse_unsigned(manifest, signature, store, store.path)
            with store.locked():
                note_earlier(store, folder, manifest.digest, str(owner))
            publish(store, manifest, folder, str(owner))
            with store.locked():
                forget_pending(store, folder)
                forget_older(store, folder)
    return BundleImport(name, manifest, Imported(folder, copied, max(0, manifest.total_bytes - copied), evicted))


def _contents(layout: Layout, bundle: Path, digest: str) -> Contents:
    """The documents, each checked against the digest by which the one before names it."""
    check_version(_read(layout, LAYOUT_FILE, layout.size(LAYOUT_FILE), bundle), f"{bundle}: {LAYOUT_FILE}")
    index = _read(layout, INDEX_FILE, layout.size(INDEX_FILE), bundle)
    if digest:
        own = f"sha256:{hashlib.sha256(index).hexdigest()}"
        _check_digest(bundle, "the bundle", "digest", own, digest)
    name, artifact = find_artifact(index, f"{bundle}: {INDEX_FILE}")
    where = f"{bundle}: {artifact.path}"
    ours, manifest_digest, blobs = find_manifest(_document(layout, artifact, bundle), where)
    contents = read_contents(name, _document(layout, ours, bundle), manifest_digest, blobs, f"{bundle}: {ours.path}")
    for path, blob in blobs.items():
        _check_size(layout, blob, bundle, path)
    return contents


def _document(layout: Layout, blob: Blob, bundle: Path) -> bytes:
    _check_size(layout, blob, bundle, "a document")
    content = _read(layout, blob.path, blob.size, bundle)
    _check_digest(bundle, blob.path, "sha256", hashlib.sha256(content).hexdigest(), blob.digest)
    return content


def _read(layout: Layout, name: str, size: int, bundle: Path) -> bytes:
    if size > LARGEST_DOCUMENT:
        raise InvalidInputError(f"{bundle}: {name} has {size} bytes, a document at most {LARGEST_DOCUMENT}")
    with layout.open(name) as stream:
        parts, left = [], size
        while left and (chunk := stream.read(left)):
            parts.append(chunk)
            left -= len(chunk)
    return b"".join(parts)


def _check_size(layout: Layout, blob: Blob, bundle: Path, what: str) -> None:
    size = layout.size(blob.path)
    if size != blob.size:
        raise IntegrityError(
            f"{bundle}: {blob.path} ({what}) has {size} bytes, expected {blob.size}", remedy=COPY_AGAIN
        )


def _check_digest(bundle: Path, where: str, algorithm: str, digest: str, expected: str) -> None:
    if digest != expected:
        raise IntegrityError(f"{bundle}: {where} has the {algorithm} {digest}, expected {expected}", remedy=COPY_AGAIN)


def _copy_all(
    store: ObjectStore,
    layout: Layout,
    bundle: Path,
    missing: list[FileEntry],
    blobs: Mapping[str, Blob],
    on_progress: OnProgress,
) -> int:
    total, done = sum(file.size for file in missing), 0

    def moved(count: int) -> None:
        nonlocal done
        done += count
        on_progress("copying", done, total)

    for file in missing:
        _copy(store, layout, bundle, file, blobs[file.path], moved)
    return total


def _copy(
    store: ObjectStore, layout: Layout, bundle: Path, file: FileEntry, blob: Blob, moved: Callable[[int], None]
) -> None:
    """Make the object of a file from its blob: copied and hashed in one pass."""
    own, sha256 = new_hasher(file), hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        left = blob.size
        with layout.open(blob.path) as stream:
            while left and (chunk := stream.read(min(_CHUNK, left))):
                sha256.update(chunk)
                if file.algorithm not in ("sha256", "version"):
                    own.update(chunk)
                yield chunk
                left -= len(chunk)
                moved(len(chunk))

    def check() -> str:
        where = f"{blob.path} ({file.path})"
        _check_digest(bundle, where, "sha256", sha256.hexdigest(), blob.digest)
        if file.algorithm != "sha256":
            _check_digest(bundle, where, file.algorithm, own.hexdigest(), file.digest)
        return blob.digest if file.algorithm == "version" else ""

    write_object(store, file, chunks(), check)

"""Imports a manifest into a model folder: what is warm stays, what is missing is admitted, fetched and linked."""

import errno
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from crds.labels import ModelKind
from crds.pickle_policy import UnsafePickles
from steps.cache.admission import gibibytes, reserve_bytes
from steps.cache.claims import Claimed, claim
from steps.cache.collection import make_room, missing_bytes
from steps.cache.earlier import forget_older, kept_revisions, note_earlier
from steps.cache.fetching import fetch_files
from steps.cache.folder import publish, refuse_foreign, use_if_warm
from steps.cache.ownership import refuse_folder_of_another
from steps.cache.pending import forget_pending, note_pending
from steps.cache.root import model_folder, models_root
from steps.cache.safety import refuse_unsafe
from steps.cache.sharing import join_swarm
from steps.cache.signature import SignaturePolicy, foresee_unsigned, refuse_unsigned
from steps.cache.store import ObjectStore
from steps.errors import ClusterError, DiskFullError, IntegrityError, InvalidInputError, OmeError
from steps.manifest import FileEntry, Manifest
from steps.model_owner import default_folder, model_owner
from steps.progress import ProgressReporter
from steps.sources import Address, LocalAddress, open_source
from steps.sources.paths import check_collisions, check_path
from steps.swarm import PeerSettings, Swarm

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class Imported:
    """A model on this machine.

    Attributes:
        path: Its folder.
        fetched_bytes: What was fetched, or copied from local files, in this run.
        reused_bytes: What was there already.
        evicted: Models that had to go for it.
        received_bytes: Of what was fetched, what other nodes gave.
        sent_bytes: What other nodes got from this one.
    """

    path: Path
    fetched_bytes: int
    reused_bytes: int
    evicted: tuple[Path, ...] = ()
    received_bytes: int = 0
    sent_bytes: int = 0


def import_model(
    manifest: Manifest,
    name: str,
    path: str = "",
    *,
    scope: ModelKind = "ClusterBaseModel",
    namespace: str = "",
    unsafe_pickles: UnsafePickles = "refuse",
    signature: SignaturePolicy | None = None,
    peers: PeerSettings | None = None,
) -> Imported:
    """Bring a manifest's files to this machine, verified, in one folder.

    Safe to kill at any moment and to run again, and to run at once with others for the same model.

    Args:
        manifest: What to import.
        name: The model's name, which names its folder unless `path` is given.
        path: Its folder; must lie under the models root, and on a cluster be no other model's.
        scope: Kind of its resource.
        namespace: Of a BaseModel.
        unsafe_pickles: Whether a model may have pickles that run code when they are loaded.
        signature: Who must have signed it; None for nobody.
        peers: Where other nodes are that may import the same; None to fetch all from the source.

    Raises:
        OmeError: of the class that fits, with a remedy.
    """
    root, owner = models_root(), model_owner(scope, namespace, name)
    folder = model_folder(root, owner.name, path or str(default_folder(root, owner)))
    kept_revisions()  # a setting that is none is told before a byte is fetched
    refuse_foreign(folder)
    refuse_folder_of_another(root, folder, owner)
    for file in manifest.files:
        check_path(file.path)
    check_collisions(file.path for file in manifest.files)
    reporter = ProgressReporter()
    total = manifest.total_bytes
    store: ObjectStore | None = None
    try:
        if use_if_warm(root, folder, manifest, str(owner)):
            refuse_unsafe(manifest, unsafe_pickles, lambda file: folder / file.path)
            refuse_unsigned(manifest, signature, ObjectStore(root), lambda file: folder / file.path)
            reporter.report("already here", total, total, reused=total)
            return Imported(folder, 0, total)
        store = opened = ObjectStore(root)
        if signature is not None:
            foresee_unsigned(manifest, signature, lambda file: _read(opened, manifest, file))
        return _import(store, manifest, folder, str(owner), reporter, unsafe_pickles, signature, peers)
    except OSError as error:
        raise _disk_error(error, root, store, manifest) from None


def _import(
    store: ObjectStore,
    manifest: Manifest,
    folder: Path,
    owner: str,
    reporter: ProgressReporter,
    unsafe_pickles: UnsafePickles,
    signature: SignaturePolicy | None,
    peers: PeerSettings | None,
) -> Imported:
    swarm: Swarm | None = None
    source = open_source(manifest.uri, manifest.parameters)  # may ask a server who this is: others need the store
    with ExitStack() as stack:
        with store.locked():
            own = frozenset(Claimed(f.algorithm, f.digest, f.size) for f in manifest.files)
            missing = store.missing(manifest.files)
            addresses = {f.digest: source.address(f) for f in missing}
            needs = sum(
                missing_bytes(store, Claimed(f.algorithm, f.digest, f.size))
                for f in missing
                if not _is_link(store, addresses[f.digest])
            )
            evicted = make_room(store, needs, own)
            stack.enter_context(claim(store, manifest.files))
            note_pending(store, folder, missing)
        if peers is not None and any(not isinstance(address, LocalAddress) for address in addresses.values()):
            swarm = join_swarm(stack, store, manifest, missing, peers)
        fetched = _fetch(store, manifest, missing, addresses, reporter, swarm)
        refuse_unsafe(manifest, unsafe_pickles, store.path)
        refuse_unsigned(manifest, signature, store, store.path)
        with store.locked():
            note_earlier(store, folder, manifest.digest, owner)
        publish(store, manifest, folder, owner)
        with store.locked():
            forget_pending(store, folder)
            forget_older(store, folder)
        total = manifest.total_bytes
        reporter.report("imported", total, total, reused=max(0, total - fetched))
        if swarm is not None:
            swarm.linger()
    received, sent = (swarm.received_bytes, swarm.sent_bytes) if swarm is not None else (0, 0)
    return Imported(folder, fetched, max(0, total - fetched), evicted, received, sent)


def _read(store: ObjectStore, manifest: Manifest, file: FileEntry) -> bytes:
    """The whole of a small file, before what it says of the others is known."""
    if store.has(file):
        return store.path(file).read_bytes()
    return open_source(manifest.uri, manifest.parameters).read(file, 0, file.size)


def _fetch(
    store: ObjectStore,
    manifest: Manifest,
    missing: Sequence[FileEntry],
    addresses: dict[str, Address],
    reporter: ProgressReporter,
    swarm: Swarm | None,
) -> int:
    total = manifest.total_bytes
    distinct = {(f.algorithm, f.digest): f.size for f in manifest.files}
    present = total - sum(distinct[f.algorithm, f.digest] for f in missing)
    local_bytes = 0

    def moved(count: int) -> None:
        nonlocal local_bytes
        local_bytes += count
        reporter.report("copying", present + local_bytes, total, reused=present)

    def progressed(there: int, fetched: int) -> None:
        reporter.report("downloading", present + there, total, reused=max(0, present + there - fetched))

    addressed = ((file, addresses[file.digest]) for file in missing)
    return fetch_files(store, manifest.uri, addressed, moved, progressed, swarm)


def _is_link(store: ObjectStore, address: Address) -> bool:
    if not isinstance(address, LocalAddress):
        return False
    try:
        return address.path.stat().st_dev == store.root.stat().st_dev
    except OSError:
        return False


def _disk_error(error: OSError, root: Path, store: ObjectStore | None, manifest: Manifest) -> OmeError:
    status = os.statvfs(root)
    where = f"{root}: {error.strerror or error}"
    if error.errno in NO_SPACE:
        missing = manifest.total_bytes
        if store is not None:
            missing = sum(missing_bytes(store, Claimed(f.algorithm, f.digest, f.size)) for f in set(manifest.files))
        return DiskFullError(
            f"{where}: needs {gibibytes(missing)} more, free {gibibytes(status.f_bavail * status.f_frsize)}, "
            f"reserve {gibibytes(reserve_bytes(status.f_blocks * status.f_frsize))}",
            remedy=f"{DiskFullError.default_remedy} What is already downloaded is kept.",
        )
    if error.errno == errno.ENOENT:
        return ClusterError(f"{error.filename or where}: was removed while it was imported", remedy="Run again.")
    if error.errno == errno.EIO:
        return IntegrityError(f"{where}: the disk fails", remedy="Check the disk; then run again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return InvalidInputError(
            f"{where}: the models root cannot be written",
            remedy="Check its owner and its mount, or choose another models root; what is already downloaded is kept.",
        )
    return OmeError(f"{where} ({type(error).__name__})")
